//! Going back to a release that is there: the same transaction, without build, copy and hooks.
//!
//! Hooks are left out on purpose: a migration is not undone by the old release's, and an old program that refuses
//! the newer schema would make going back impossible.

use std::cmp::Reverse;
use std::time::Instant;

use super::hold::{self, Verb};
use super::live::outcome;
use super::live::turns::Turns;
use super::live::{self, Try};
use super::run::Run;
use super::server::ready;
use super::target::Target;
use crate::model::done::{Did, Done};
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::hold::Hold;
use crate::model::names::{DeployNumber, ReleaseId};
use crate::model::nearest::nearest;
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
        let state = run.look(connection, false).await?;
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
            held: state.holds.clone(),
            rollback: true,
            took: began.elapsed(),
            ..Done::untouched(did, &settings.host, &release, &store_path)
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
        let tried = live::attempt(run, connection, &state, &target, lock, interrupts).await;
        match tried.map_err(|failure| Ended { failure, tried: true })? {
            Try::Live(live) => return Ok(live.done(done(Did::Live))),
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

/// No release was picked: says which ones there are, healthy ones first, and how to name one.
fn no_pick(run: &Run<'_>, state: &ServerState, why: NoPick) -> Failure {
    let failure = Failure::msg(Kind::Usage, format!("{}: {why}", run.settings.host));
    let choices = match &why {
        // What is shown elsewhere of their names is the same of all.
        NoPick::Ambiguous(_, like) => choices(state, like, ReleaseId::to_string),
        _ => {
            let mut there = complete(state);
            there.retain(|release| state.current.release() != Some(release));
            choices(state, &there, ReleaseId::short)
        }
    };
    let Some(first) = choices.first().filter(|choice| choice.how == How::Healthy) else {
        let listed = failure.detail("on the server, but never healthy", lines(&choices));
        return listed.hint(format!("an older commit can be deployed: {}", run.command("deploy COMMIT")));
    };
    let near = match &why {
        NoPick::Unknown(typed) => meant(typed, &choices),
        _ => None,
    };
    let example = match near {
        Some(near) => format!("did you mean {near}? {}", run.command(&format!("rollback {near}"))),
        None => format!("for example: {}", run.command(&format!("rollback {}", first.name))),
    };
    failure
        .detail("what is there to go to", lines(&choices))
        .hint(example)
        .hint(format!("more about them: {}", run.command("releases")))
}

/// The name or the deploy's number that was probably meant.
fn meant(typed: &str, choices: &[Choice]) -> Option<String> {
    let numbers = choices.iter().filter_map(|choice| choice.number).map(|number| number.to_string());
    let names: Vec<String> = choices.iter().map(|choice| choice.name.clone()).chain(numbers).collect();
    // What is shown of a hash are its first letters: of a longer one no more is compared.
    let shown: String = typed.chars().take(names.first()?.len()).collect();
    let near = nearest(typed, names.iter().map(String::as_str));
    near.or_else(|| nearest(&shown, names.iter().map(String::as_str))).map(str::to_owned)
}

/// What is known of a release, from the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Unknown,
    Failed,
    Healthy,
}

/// A release that could be named, with what a person knows it by.
struct Choice {
    how: How,
    number: Option<DeployNumber>,
    name: String,
    subject: String,
}

/// The best first, of these the newest.
fn choices(state: &ServerState, there: &[ReleaseId], name: impl Fn(&ReleaseId) -> String) -> Vec<Choice> {
    let healthy = state.history.healthy();
    let deploys = state.history.deploys();
    let choice = |release: &ReleaseId| {
        let last = deploys.iter().find(|deploy| deploy.entry.release.as_ref() == Some(release));
        let how = if last.is_some() { How::Failed } else { How::Unknown };
        Choice {
            how: if healthy.contains(release) { How::Healthy } else { how },
            number: last.map(|last| last.number),
            name: name(release),
            subject: last.and_then(|last| last.entry.subject.clone()).unwrap_or_default(),
        }
    };
    let mut choices: Vec<Choice> = there.iter().map(choice).collect();
    choices.sort_unstable_by_key(|choice| Reverse((choice.how, choice.number)));
    choices
}

fn lines(choices: &[Choice]) -> Vec<String> {
    let number = |choice: &Choice| choice.number.map(|number| number.to_string()).unwrap_or_default();
    let numbers = choices.iter().map(|choice| number(choice).len()).max().unwrap_or_default();
    let names = choices.iter().map(|choice| choice.name.len()).max().unwrap_or_default();
    let line = |choice: &Choice| {
        let how = match choice.how {
            How::Unknown => "unknown",
            How::Failed => "failed ",
            How::Healthy => "healthy",
        };
        let Choice { name, subject, .. } = choice;
        format!("{:<numbers$}  {name:<names$}  {how}  {subject}", number(choice)).trim_end().to_owned()
    };
    choices.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_release_is_recognized() {
        let choice = |number, name: &str| Choice {
            how: How::Healthy,
            number: Some(DeployNumber(number)),
            name: name.to_owned(),
            subject: String::new(),
        };
        let choices = [choice(41, "3f9c2d1"), choice(7, "ab12cd3")];
        let meant = |typed| meant(typed, &choices);
        assert_eq!(meant("3f9c2e1").as_deref(), Some("3f9c2d1"));
        assert_eq!(meant("f39c2d1").as_deref(), Some("3f9c2d1"));
        assert_eq!(
            meant("3f9c2e1a08b7ff").as_deref(),
            Some("3f9c2d1"),
            "what is not shown can not be compared"
        );
        assert_eq!(meant("v14").as_deref(), Some("v41"));
        assert_eq!(meant("v99"), None);
        assert_eq!(meant("0123456"), None);
        assert_eq!(super::meant("3f9c2e1", &[]), None);
    }
}
