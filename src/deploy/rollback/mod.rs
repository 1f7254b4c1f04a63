//! Going back to a release that is there: the same transaction, without build, copy and hooks.
//!
//! Hooks are left out on purpose: a migration is not undone by the old release's, and an old program that refuses
//! the newer schema would make going back impossible.

use std::time::Instant;

use crate::deploy::hold::{self, Verb};
use crate::deploy::live::outcome;
use crate::deploy::live::turns::Turns;
use crate::deploy::live::{self, Try};
use crate::deploy::pipeline::meanwhile::Meanwhile;
use crate::deploy::pipeline::news;
use crate::deploy::run::Run;
use crate::deploy::server::ready;
use crate::deploy::server::state::Look;
use crate::deploy::target::Target;
use crate::model::done::{Did, Done};
use crate::model::event::Event;
use crate::model::failure::{Failure, Outcome};
use crate::model::hold::Hold;
use crate::model::names::ReleaseId;
use crate::model::retention::{self, NoPick};
use crate::model::server::ServerState;
use crate::tools::signals::Interrupts;
use crate::tools::ssh::Connection;
use choices::no_pick;

mod choices;

/// What the command line asks for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which release; none: the one before current.
    pub name: Option<&'a str>,
    /// Deploys are to be held too; with which reason.
    pub hold: Option<Option<&'a str>>,
}

/// Goes back to the named release, or to the one before current.
///
/// # Errors
/// As `docs/exit-codes.md` says.
pub async fn rollback(run: &Run<'_>, request: Request<'_>, interrupts: &mut Interrupts) -> Outcome<Done> {
    let ended = connected(run, request, interrupts).await;
    ended.map_err(|Ended { failure, tried }| match request.hold {
        Some(reason) if !tried => live::with_hold(run, failure, reason, false),
        _ => failure,
    })
}

/// A bad end, and whether the switch was tried: then it says itself what became of the hold.
struct Ended {
    failure: Failure,
    tried: bool,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Ended { failure, tried: false }
    }
}

async fn connected(run: &Run<'_>, request: Request<'_>, interrupts: &mut Interrupts) -> Result<Done, Ended> {
    let began = Instant::now();
    run.events.tell(Event::Connecting { host: run.settings.host.clone() });
    let connection = run.connect(interrupts).await?;
    let ended = over(run, request, &connection, began, interrupts).await;
    connection.close().await;
    ended
}

async fn over(
    run: &Run<'_>,
    request: Request<'_>,
    connection: &Connection,
    began: Instant,
    interrupts: &mut Interrupts,
) -> Result<Done, Ended> {
    let settings = run.settings;
    let name = request.name;
    let mut turns = Turns::new(run.lock_wait);
    // The look before.
    let mut seen: Option<(ServerState, ReleaseId)> = None;
    while let Some(lock) = turns.take() {
        let state = run.look(connection, Look { hooks: false, daemon: true }).await?;
        ready::check(settings, &state, false, &run.events)?;
        if seen.is_none() {
            run.events.tell(Event::Connected { host: settings.host.clone(), took: began.elapsed() });
            run.leftover(&state);
        }
        let there = complete(&state);
        let current = state.current.release();
        let release = match (name, &seen) {
            (Some(name), _) => retention::named(&state.history, &there, name),
            // A leftover was settled meanwhile: "before" means before what was live when it was typed.
            (None, Some((before, picked))) if before.pending.is_some() => Ok(picked.clone()),
            (None, _) => retention::before(&state.history, &there, current),
        }
        .map_err(|why| no_pick(run, &state, why))?;
        let Some(store_path) = state.closure_of(&release).cloned() else {
            return Err(no_pick(run, &state, NoPick::Gone(release)).into());
        };
        let done = |did| Done {
            previous: state.current.name().map(str::to_owned),
            subjects: (
                state.history.subject(&release).map(str::to_owned),
                state.live_subject().map(str::to_owned),
            ),
            held: state.holds.clone(),
            rollback: true,
            took: began.elapsed(),
            ..Done::untouched(did, settings, &release, &store_path)
        };
        // What "the one before" is has changed with what is live: the user has to see that first.
        if let Some((before, picked)) = &seen
            && name.is_none()
            && before.pending.is_none()
            && (before.current != state.current || *picked != release)
        {
            return Err(run.outpaced(&state).into());
        }
        if current == Some(&release) && state.unit.active == "active" && state.pending.is_none() {
            if let Some(token) = &state.unwritten {
                outcome::write_down(connection, settings, &state, token).await;
            }
            run.events.tell(Event::AlreadyLive { release: release.clone() });
            let mut done = done(Did::AlreadyLive);
            if let Some(reason) = request.hold {
                done.held = hold::ask_over(run, connection, Verb::Hold, reason, interrupts).await?.now;
            }
            return Ok(done);
        }
        if seen.is_none() && !state.history.healthy().contains(&release) {
            let short = release.short();
            run.events.warn(format!(
                "{short} was never healthy: it is checked like a deploy, and undone if it fails"
            ));
        }
        let target = Target {
            release: release.clone(),
            store_path: store_path.clone(),
            assets: None,
            subject: state.history.subject(&release).map(str::to_owned),
            place: false,
            hook: false,
            command: "rollback",
            hold: request.hold.map(|reason| hold_reason(run, &state, reason, &release)),
        };
        let mut undone = Meanwhile::new(news::undone(&settings.folder, current.cloned(), release.clone()));
        let tried = undone.during(live::attempt(run, connection, &state, &target, lock, interrupts)).await;
        match tried.map_err(|failure| Ended { failure, tried: true })? {
            Try::Live(live) => {
                let done = done(Did::Live);
                if let Some(event) = undone.within(news::GRACE).await.flatten() {
                    run.events.tell(event);
                }
                return Ok(live.done(done));
            }
            Try::Moved => seen = Some((state, release)),
        }
    }
    let newest = seen.map(|(state, _)| state).unwrap_or_default();
    Err(run.outpaced(&newest).into())
}

/// Why deploys are held: as it was said, now or with the person's own hold before; else what happened.
fn hold_reason(run: &Run<'_>, state: &ServerState, said: Option<&str>, release: &ReleaseId) -> String {
    let own = state.holds.iter().find(|hold| hold.who.as_deref() == Some(&run.actor.who));
    match (said, own) {
        (None, Some(Hold { reason: Some(reason), .. })) => reason.clone(),
        (None, _) => {
            let from = state.current.release().map(|current| format!(" from {}", current.short()));
            format!("rolled back{} to {}", from.unwrap_or_default(), release.short())
        }
        (Some(said), own) => {
            if let Some(own) = own {
                run.events.warn(format!("this takes the place of the hold {}", own.by(&run.zone)));
            }
            said.to_owned()
        }
    }
}

/// The releases that have their closure.
fn complete(state: &ServerState) -> Vec<ReleaseId> {
    state.releases.iter().filter(|(_, path)| path.is_some()).map(|(release, _)| release.clone()).collect()
}
