//! A whole deploy: the commit, the build beside the connection, the copy, the switch.

use std::cell::OnceCell;
use std::time::Instant;

use crate::deploy::build::source::Wanted;
use crate::deploy::build::taken::Cache;
use crate::deploy::live::outcome;
use crate::deploy::live::turns::Turns;
use crate::deploy::live::{self, Try};
use crate::deploy::run::{self, Run};
use crate::deploy::send::signing_key::SigningKey;
use crate::deploy::server::state::Look;
use crate::deploy::target::Target;
use crate::model::done::{Did, Done};
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{ReleaseId, StorePath};
use crate::model::server::ServerState;
use crate::model::store_url::StoreUrl;
use crate::tools::nix::Nix;
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::Connection;
use before::{Before, Prepared, has_hooks};
use meanwhile::Meanwhile;
use news::Subject;

mod before;
pub(super) mod meanwhile;
pub(super) mod news;
mod plan;
mod release_id;

/// What the command line asks for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which commit.
    pub wanted: Wanted<'a>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Build and sign nothing: take it from this cache.
    pub from: Option<&'a StoreUrl>,
}

/// Deploys.
///
/// # Errors
/// As `docs/exit-codes.md` says; each failure names what is live now where that could be in doubt.
pub async fn deploy(run: &Run<'_>, request: Request<'_>, interrupts: &mut Interrupts) -> Outcome<Done> {
    let began = Instant::now();
    let scratch = run::scratch(&run.options)?;
    let (settings, from) = (run.settings, request.from);
    let key = match from {
        None => SigningKey::of(settings, run.options.environment_on_github.as_deref(), &run.events)?,
        Some(_) => None,
    };
    let from = from.map(|url| Cache { url: url.clone(), key: settings.public_key.clone() });
    let connection = OnceCell::new();
    let before = Before {
        run,
        nix: Nix::new(),
        scratch: scratch.path(),
        dry_run: request.dry_run,
        key,
        from,
        connection: &connection,
    };
    let mut wishes = interrupts.clone();
    // Until the switch nothing is to be undone, so a signal simply ends the work; the children end with it.
    let prepared = wishes.or_stop(before.prepare(request.wanted), Wish::early).await;
    let done = match (prepared, connection.get()) {
        (Ok(prepared), Some(connection)) => {
            finish(run, (&before.nix, connection), prepared, request.dry_run, began, interrupts).await
        }
        (Ok(_), None) => Err(Failure::msg(Kind::Bug, "there is no connection")),
        (Err(failure), _) => Err(failure),
    };
    if let Some(connection) = connection.into_inner() {
        connection.close().await;
    }
    done
}

/// From "all is there" to live: tries, and looks again where somebody else was quicker.
async fn finish(
    run: &Run<'_>,
    (nix, connection): (&Nix, &Connection),
    prepared: Prepared,
    dry_run: bool,
    began: Instant,
    interrupts: &mut Interrupts,
) -> Outcome<Done> {
    let subject = Subject::new(&prepared);
    let Prepared { source, store_path, assets, mut state, sending } = prepared;
    let mut news = Meanwhile::new(subject.compare(nix, connection));
    let mut turns = Turns::new(run.lock_wait);
    while let Some(lock) = turns.take() {
        let release = release_id::choose_id(&source, &store_path, assets.as_ref(), &state);
        let done = |did| Done {
            previous: state.current.name().map(str::to_owned),
            subjects: (source.subject.clone(), state.live_subject().map(str::to_owned)),
            held: state.holds.clone(),
            took: began.elapsed(),
            ..Done::untouched(did, run.settings, &release, &store_path)
        };
        if is_live(&state, &release, &store_path) {
            if let (Some(token), false) = (&state.unwritten, dry_run) {
                outcome::write_down(connection, run.settings, &state, token).await;
            }
            run.events.tell(Event::AlreadyLive { release: release.clone() });
            return Ok(done(Did::AlreadyLive));
        }
        let target = Target {
            release: release.clone(),
            store_path: store_path.clone(),
            assets: assets.clone(),
            subject: source.subject.clone(),
            place: true,
            hook: true,
            command: "deploy",
            hold: None,
        };
        if dry_run {
            let news = tokio::select! {
                news = news.within(news::LONGEST) => news.unwrap_or_default(),
                wish = interrupts.more_than(0) => return Err(wish.early()),
            };
            plan::tell(run, &state, &target, &sending, news);
            return Ok(done(Did::Planned));
        }
        match news.during(live::attempt(run, connection, &state, &target, lock, interrupts)).await? {
            Try::Live(live) => {
                let done = done(Did::Live);
                let news = news.within(news::GRACE).await.unwrap_or_default();
                for event in news.events(state.current.release(), false) {
                    run.events.tell(event);
                }
                return Ok(live.done(done));
            }
            Try::Moved => state = run.look(connection, Look { hooks: has_hooks(run), daemon: true }).await?,
        }
    }
    Err(run.outpaced(&state))
}

fn is_live(state: &ServerState, release: &ReleaseId, store_path: &StorePath) -> bool {
    state.current.release() == Some(release)
        && state.current_store_path.as_ref() == Some(store_path)
        && state.unit.active == "active"
        && state.pending.is_none()
}
