//! Going back to a release that is there: the same transaction, without build, copy and hooks.
//!
//! Hooks are left out on purpose: a migration is not undone by the old release's, and an old program that refuses
//! the newer schema would make going back impossible.

use std::time::Instant;

use super::connect::{connect, ssh_failure};
use super::live::{self, Try};
use super::run::Run;
use super::words::Target;
use super::{outcome, ready, state};
use crate::model::done::{Did, Done};
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::journal::Entry;
use crate::model::names::ReleaseId;
use crate::model::retention::{self, NoPick};
use crate::model::server::ServerState;
use crate::tools::signals::Interrupts;
use crate::tools::ssh::Connection;

/// How often a rollback to a named release looks again when somebody else was quicker.
const TRIES: u32 = 5;

/// Goes back to the named release, or to the one before current.
///
/// # Errors
/// As `docs/exit-codes.md` says.
pub async fn rollback(run: &Run<'_>, name: Option<&str>, interrupts: &mut Interrupts) -> Outcome<Done> {
    let began = Instant::now();
    run.events.tell(Event::Connecting { host: run.settings.host.clone() });
    let mut wishes = interrupts.clone();
    let connection = tokio::select! {
        connection = connect(&run.options) => connection?,
        wish = wishes.more_than(0) => {
            return Err(Failure::msg(wish.kind(), format!("{}; nothing was changed", wish.reason())));
        }
    };
    let ended = over(run, name, &connection, began, interrupts).await;
    connection.close().await;
    ended
}

async fn over(
    run: &Run<'_>,
    name: Option<&str>,
    connection: &Connection,
    began: Instant,
    interrupts: &mut Interrupts,
) -> Outcome<Done> {
    let settings = run.settings;
    for tries in 0..TRIES {
        let state =
            state::look(connection, &settings.root, &settings.unit, false).await.map_err(ssh_failure)?;
        ready::check(settings, &state, false, &run.events)?;
        if tries == 0 {
            run.events.tell(Event::Connected { host: settings.host.clone(), took: began.elapsed() });
        }
        let there = complete(&state);
        let current = state.current.release();
        let release = match name {
            Some(name) => retention::named(&state.history, &there, name),
            None => retention::before(&state.history, &there, current),
        }
        .map_err(|why| no_pick(run, &state, why))?;
        let Some(store_path) = state.closure_of(&release).cloned() else {
            return Err(no_pick(run, &state, NoPick::Gone(release)));
        };
        let done = |did, deploy, previous, checked| Done {
            did,
            host: settings.host.clone(),
            release: release.clone(),
            deploy,
            store_path: store_path.clone(),
            previous,
            checked,
            took: began.elapsed(),
        };
        if current == Some(&release) && state.unit.active == "active" && state.pending.is_none() {
            if let Some(token) = &state.unwritten {
                outcome::write_down(connection, settings, &state, token).await;
            }
            run.events.tell(Event::AlreadyLive { release: release.clone() });
            return Ok(done(Did::AlreadyLive, None, None, "nothing was touched".to_owned()));
        }
        let target = Target {
            release: release.clone(),
            store_path: store_path.clone(),
            assets: None,
            subject: subject(&state, &release),
            place: false,
            hook: false,
            command: "rollback",
        };
        match live::attempt(run, connection, &state, &target, interrupts).await? {
            Try::Live(live) => return Ok(done(Did::Live, Some(live.deploy), live.previous, live.checked)),
            // What "the one before" is has changed with it: the user has to see that first. A leftover that was
            // settled just now is no such change.
            Try::Moved if name.is_some() || state.pending.is_some() => {}
            Try::Moved => {
                return Err(run.busy("somebody else changed what is live at the same moment"));
            }
        }
    }
    Err(run.busy("others change what is live there all the time"))
}

/// The releases that have their closure.
fn complete(state: &ServerState) -> Vec<ReleaseId> {
    state.releases.iter().filter(|(_, path)| path.is_some()).map(|(release, _)| release.clone()).collect()
}

fn subject(state: &ServerState, release: &ReleaseId) -> Option<String> {
    let about = |entry: &&Entry| entry.release.as_ref() == Some(release) && entry.subject.is_some();
    state.history.entries.iter().rev().find(about).and_then(|entry| entry.subject.clone())
}

fn no_pick(run: &Run<'_>, state: &ServerState, why: NoPick) -> Failure {
    let failure = Failure::msg(Kind::Usage, format!("{}: {why}", run.settings.host));
    let candidates = match why {
        NoPick::Ambiguous(_, candidates) => candidates,
        _ => complete(state).into_iter().filter(|release| state.current.release() != Some(release)).collect(),
    };
    // Newest first, with what a person knows them by.
    let deploys = state.history.deploys();
    let about =
        |release: &ReleaseId| deploys.iter().find(|deploy| deploy.entry.release.as_ref() == Some(release));
    let mut known: Vec<(u64, String)> = candidates
        .iter()
        .filter_map(about)
        .map(|deploy| {
            let release = deploy.entry.release.as_ref().map(ReleaseId::short).unwrap_or_default();
            (
                deploy.number.0,
                format!("{}  {release}  {}", deploy.number, deploy.entry.subject.as_deref().unwrap_or("")),
            )
        })
        .collect();
    known.sort_unstable_by(|a, b| b.cmp(a));
    failure
        .detail(
            "what is there to go to",
            known.into_iter().map(|(_, line)| line.trim_end().to_owned()).collect(),
        )
        .hint(format!("{} tells more; then {}", run.command("releases"), run.command("rollback RELEASE")))
}
