//! Removing old releases now, and what Nix kept for them: the rule of every deploy, without a deploy.

use std::time::Duration;

use tokio::time::timeout;

use super::live::turns::Turns;
use super::run::{MOST_REMOVED, Run};
use super::server::connect::{connect, ssh_failure};
use super::server::ready;
use super::server::state::Look;
use super::words;
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::holder::Holder;
use crate::model::names::ReleaseId;
use crate::model::server::ServerState;
use crate::model::stays::{Stay, stays_now};
use crate::remote::Script;
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::{Connection, SshError};

/// How long the server may be silent: it says that it still works every 5 s.
const SILENCE: Duration = Duration::from_secs(30);
/// How long removing, and settling before it, may take in all.
const LONGEST: Duration = Duration::from_secs(25 * 60);
/// How long the garbage collection may take.
const COLLECTION: Duration = Duration::from_secs(60 * 60);

/// What the command line asks for.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// How many healthy releases stay.
    pub keep: u32,
    /// Only say what would go.
    pub dry_run: bool,
    /// Then collect garbage.
    pub gc: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Pruned {
    /// The releases that are gone, or would be.
    pub removed: Vec<ReleaseId>,
    /// The releases that are left, and why.
    pub stay: Vec<(ReleaseId, Stay)>,
    /// What Nix removed.
    pub collected: Option<Collected>,
}

/// What a garbage collection removed, as Nix says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// How many paths.
    pub paths: u64,
    /// Their size.
    pub bytes: u64,
}

/// What the server said about one round of it.
#[derive(Debug, Default)]
struct Said {
    removed: Vec<ReleaseId>,
    failed: Vec<ReleaseId>,
    busy: Option<String>,
    refused: Option<String>,
    moved: bool,
}

/// Removes.
///
/// # Errors
/// [`Kind::NotReady`] when something can't be removed there; the others as everywhere.
pub async fn prune(run: &Run<'_>, request: Request, interrupts: &mut Interrupts) -> Outcome<Pruned> {
    let work = async {
        let connection = connect(&run.options).await?;
        let pruned = over(run, request, &connection).await;
        connection.close().await;
        pruned
    };
    let stopped = |wish: Wish| {
        Failure::msg(wish.kind(), wish.reason())
            .live("what runs was not touched; some old releases may be gone")
            .hint(format!("which ones are left: {}", run.command("releases")))
    };
    interrupts.or_stop(work, stopped).await
}

async fn over(run: &Run<'_>, request: Request, connection: &Connection) -> Outcome<Pruned> {
    let settings = run.settings;
    let mut turns = Turns::new(run.lock_wait);
    let mut pruned = Pruned::default();
    loop {
        let Some(lock) = turns.take() else {
            return Err(run.outpaced(&run.look(connection, Look::default()).await?));
        };
        let state = run.look(connection, Look { hooks: false, daemon: request.gc }).await?;
        ready::folder(settings, &state)?;
        if request.gc {
            ready::nix(settings, &state)?;
        }
        let mut gone;
        (gone, pruned.stay) = divided(&state, request.keep);
        if request.dry_run {
            pruned.removed = gone;
            return Ok(pruned);
        }
        if gone.is_empty() {
            break;
        }
        gone.truncate(MOST_REMOVED);
        let said = ask(run, connection, &state, lock, &gone).await?;
        if !said.removed.is_empty() {
            run.events.tell(Event::Pruned { releases: said.removed.clone() });
        }
        pruned.removed.extend(said.removed);
        if let Some(note) = said.busy {
            return Err(run.busy(&Holder::read(&note).text(&run.zone)));
        }
        if let Some(text) = said.refused {
            return Err(Failure::msg(Kind::NotReady, format!("{}: {text}", settings.host))
                .hint(format!("run it again: {}", run.command("prune"))));
        }
        if let Some(first) = said.failed.first() {
            let names: Vec<String> = said.failed.iter().map(ReleaseId::short).collect();
            // It was moved out of the way first, so that no release is there in part.
            let folder = format!("{}/.shipit/incoming/gone-{first}", settings.root);
            return Err(Failure::msg(
                Kind::NotReady,
                format!("{} on {} could not be removed", names.join(", "), settings.host),
            )
            .live(done_so_far(&pruned))
            .hint(format!(
                "whose files they are: {}",
                settings.ssh(&format!("find {folder} ! -user {}", state.user))
            )));
        }
        // Of more than fit into one command, the next ones; a server that has changed is looked at again.
        if !said.moved {
            turns = Turns::new(run.lock_wait);
        }
    }
    if request.gc {
        let nix = run.look(connection, Look::default()).await?.nix_bin.unwrap_or_default();
        pruned.collected = Some(collect(run, connection, &nix, &pruned).await?);
    }
    Ok(pruned)
}

/// What goes, and what stays. Where `current` is none of our releases, it is not known what may go.
fn divided(state: &ServerState, keep: u32) -> (Vec<ReleaseId>, Vec<(ReleaseId, Stay)>) {
    let there: Vec<ReleaseId> = state.releases.iter().map(|(release, _)| release.clone()).collect();
    let stays = match state.current.release() {
        Some(current) => stays_now(&state.history, &there, current, keep),
        None => there.iter().map(|release| (release, Stay::Unsure)).collect(),
    };
    let gone = there.iter().filter(|release| !stays.contains_key(release)).cloned().collect();
    (gone, stays.into_iter().map(|(release, why)| (release.clone(), why)).collect())
}

async fn ask(
    run: &Run<'_>,
    connection: &Connection,
    state: &ServerState,
    lock: Duration,
    gone: &[ReleaseId],
) -> Outcome<Said> {
    let words = words::prune(run.settings, state, &run.actor, lock, gone);
    let mut said = Said::default();
    let asking = connection.ask_patiently(Script::Prune, &words, b"", SILENCE, |word, rest| match word {
        "waiting" => {
            let holder = Holder::read(rest).text(&run.zone);
            run.events.tell(Event::WaitingForLock { holder, within: lock });
        }
        "busy" => said.busy = Some(rest.to_owned()),
        "moved" => said.moved = true,
        "refused" => said.refused = Some(rest.strip_prefix("not-ready ").unwrap_or(rest).to_owned()),
        "pruned" => said.removed = rest.split_whitespace().filter_map(|name| name.parse().ok()).collect(),
        "prune-failed" => said.failed.extend(rest.parse()),
        _ => {}
    });
    let asked = timeout(lock + LONGEST, asking).await;
    match asked {
        Ok(Ok(())) => Ok(said),
        Ok(Err(error)) => Err(lost(run, error)),
        Err(_) => {
            Err(Failure::msg(Kind::ContactLost, format!("{} did not come to an end", run.settings.host))
                .live("what runs was not touched; some old releases may be gone")
                .hint(run.command("releases")))
        }
    }
}

/// Nix's own collection, told while it goes on.
async fn collect(run: &Run<'_>, connection: &Connection, nix: &str, pruned: &Pruned) -> Outcome<Collected> {
    let host = &run.settings.host;
    run.events.tell(Event::Collecting { paths: 0 });
    let (mut freed, mut failed) = (None, None);
    let words = [nix.to_owned(), COLLECTION.as_secs().to_string()];
    let asking = connection.ask_patiently(Script::Collect, &words, b"", SILENCE, |word, rest| match word {
        "deleted" => run.events.tell(Event::Collecting { paths: rest.parse().unwrap_or_default() }),
        "freed" => freed = freed_text(rest),
        "failed" => failed = Some(rest.to_owned()),
        _ => {}
    });
    let asked = timeout(COLLECTION + SILENCE, asking).await;
    let why = match (asked, failed, freed) {
        (Ok(Ok(())), None, Some(freed)) => return Ok(freed),
        (Ok(Err(error)), ..) => return Err(lost(run, error)),
        (_, Some(said), _) if said.starts_with("137") => {
            format!("it was ended; it may take {} min", COLLECTION.as_secs() / 60)
        }
        (_, Some(said), _) => said.split_once(' ').map_or(String::new(), |(_, text)| text.to_owned()),
        _ => "it did not say what it freed".to_owned(),
    };
    Err(Failure::msg(Kind::NotReady, format!("the garbage collection on {host} failed: {why}"))
        .live(done_so_far(pruned))
        .hint(format!("to see all that it says: {}", run.settings.ssh(&format!("{nix}/nix-store --gc")))))
}

fn done_so_far(pruned: &Pruned) -> String {
    match &pruned.removed[..] {
        [] => "what runs was not touched; no release was removed".to_owned(),
        some => {
            let names: Vec<String> = some.iter().map(ReleaseId::short).collect();
            format!("what runs was not touched; removed: {}", names.join(", "))
        }
    }
}

fn lost(run: &Run<'_>, error: SshError) -> Failure {
    match error {
        SshError::Lost { .. } => Failure::new(Kind::ContactLost, error)
            .live("what runs was not touched; some old releases may be gone")
            .hint(format!("it can be typed again: {}", run.command("prune"))),
        other => ssh_failure(other),
    }
}

/// `37 store paths deleted, 12.34 MiB freed`
fn freed_text(text: &str) -> Option<Collected> {
    let (paths, rest) = text.trim().split_once(" store path")?;
    let (_, size) = rest.split_once("deleted, ")?;
    let mut words = size.split_whitespace();
    let (number, unit) = (words.next()?.parse::<f64>().ok()?, words.next()?);
    let scale = match unit {
        "bytes" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float becomes the nearest number that fits"
    )]
    let bytes = (number * (1_u64 << scale) as f64) as u64;
    Some(Collected { paths: paths.trim().parse().ok()?, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nix_freed_is_read() {
        let read = |text| freed_text(text).map(|collected| (collected.paths, collected.bytes));
        assert_eq!(read("37 store paths deleted, 1.50 MiB freed"), Some((37, 3 << 19)));
        assert_eq!(read("1 store paths deleted, 2.0 KiB freed"), Some((1, 2048)));
        assert_eq!(read("0 store paths deleted, 0.00 MiB freed"), Some((0, 0)));
        for odd in ["", "deleted", "x store paths deleted, 1 MiB freed", "1 store paths deleted, lots freed"]
        {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
