//! Going back to a release that is there: the same transaction, without build, copy and hooks.
//!
//! Hooks are left out on purpose: a migration is not undone by the old release's, and an old program that refuses
//! the newer schema would make going back impossible.

use std::time::Instant;

use super::connect::{connect, ssh_failure};
use super::hold::{self, Verb};
use super::live::{self, Try};
use super::run::Run;
use super::turns::Turns;
use super::words::Target;
use super::{outcome, ready, state};
use crate::model::done::{Did, Done};
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::hold::Hold;
use crate::model::journal::Entry;
use crate::model::names::ReleaseId;
use crate::model::retention::{self, NoPick};
use crate::model::server::ServerState;
use crate::tools::signals::Interrupts;
use crate::tools::ssh::Connection;

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
        Some(_) if !tried => live::with_hold(run, failure, false),
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
    let mut wishes = interrupts.clone();
    let connection = tokio::select! {
        connection = connect(&run.options) => connection?,
        wish = wishes.more_than(0) => {
            return Err(Failure::msg(wish.kind(), format!("{}; nothing was changed", wish.reason())).into());
        }
    };
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
        let state =
            state::look(connection, &settings.root, &settings.unit, false).await.map_err(ssh_failure)?;
        ready::check(settings, &state, false, &run.events)?;
        if seen.is_none() {
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
            return Err(no_pick(run, &state, NoPick::Gone(release)).into());
        };
        let done = |did, deploy, previous, checked| Done {
            did,
            host: settings.host.clone(),
            release: release.clone(),
            deploy,
            store_path: store_path.clone(),
            previous,
            checked,
            held: state.holds.clone(),
            rollback: true,
            took: began.elapsed(),
        };
        // What "the one before" is has changed with what is live: the user has to see that first. A leftover that was
        // settled just now is no such change.
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
            let mut done = done(Did::AlreadyLive, None, None, "nothing was touched".to_owned());
            if let Some(reason) = request.hold {
                done.held = hold::ask_over(run, connection, Verb::Hold, reason, interrupts).await?.now;
            }
            return Ok(done);
        }
        let target = Target {
            release: release.clone(),
            store_path: store_path.clone(),
            assets: None,
            subject: subject(&state, &release),
            place: false,
            hook: false,
            command: "rollback",
            hold: request
                .hold
                .map(|reason| reason.map_or_else(|| no_reason(current, &release), str::to_owned)),
        };
        let tried = live::attempt(run, connection, &state, &target, lock, interrupts).await;
        match tried.map_err(|failure| Ended { failure, tried: true })? {
            Try::Live(live) => {
                let mut done = done(Did::Live, Some(live.deploy), live.previous, live.checked);
                if let Some(reason) = target.hold {
                    done.held.retain(|hold| hold.who.as_deref() != Some(&run.actor.who));
                    done.held.push(Hold {
                        who: Some(run.actor.who.clone()),
                        reason: Some(reason),
                        ..Hold::default()
                    });
                }
                return Ok(done);
            }
            Try::Moved => seen = Some((state, release)),
        }
    }
    let newest = seen.map(|(state, _)| state).unwrap_or_default();
    Err(run.outpaced(&newest).into())
}

/// Why deploys are held where nobody said it.
fn no_reason(current: Option<&ReleaseId>, release: &ReleaseId) -> String {
    let from = current.map(|current| format!(" from {}", current.short()));
    format!("rolled back{} to {}", from.unwrap_or_default(), release.short())
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
