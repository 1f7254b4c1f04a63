//! Making a release live: one try of the transaction. Deploy and rollback both.

use std::time::Duration;

use crate::deploy::limits;
use crate::deploy::run::Run;
use crate::deploy::server::connect::ssh_failure;
use crate::deploy::talk::{Conversed, Limits, Story, converse};
use crate::deploy::target::Target;
use crate::deploy::words;
use crate::model::done::Done;
use crate::model::failure::{Failed, Failure, Kind, Outcome};
use crate::model::hold::Hold;
use crate::model::holder::Holder;
use crate::model::names::DeployNumber;
use crate::model::server::ServerState;
use crate::remote::Script;
use crate::tools::signals::Interrupts;
use crate::tools::ssh::{Connection, SshError};
use crate::tools::token;
use report::Report;

mod log_lines;
mod lost;
pub mod outcome;
mod program;
mod report;
pub mod turns;

/// A release that went live.
#[derive(Debug)]
pub struct Live {
    /// As which attempt.
    pub deploy: DeployNumber,
    /// What was live before.
    pub previous: Option<String>,
    /// What was checked, in words.
    pub checked: String,
    /// The holds that stood at the end.
    pub held: Vec<Hold>,
}

impl Live {
    /// The good end of the whole, with what only this try knows of it.
    pub fn done(self, done: Done) -> Done {
        let Live { deploy, previous, checked, held } = self;
        Done { deploy: Some(deploy), previous, checked, held, ..done }
    }
}

/// The end of one try.
#[derive(Debug)]
pub enum Try {
    /// It is live.
    Live(Live),
    /// The server changed since it was looked at: look again.
    Moved,
}

/// Tries once.
///
/// # Errors
/// Everything that is not "live": the failure says what is live now.
pub async fn attempt(
    run: &Run<'_>,
    connection: &Connection,
    state: &ServerState,
    target: &Target,
    lock: Duration,
    interrupts: &mut Interrupts,
) -> Outcome<Try> {
    let settings = run.settings;
    let token = token::random().failed(Kind::Bug, "no random name for this deploy")?;
    // A restart makes nothing live, so it removes nothing.
    let prune = if target.is_restart() { Vec::new() } else { run.prune(state, &target.release) };
    let words = words::switch(settings, state, target, &run.actor, &token, lock, &prune);
    let talk = connection.talk(Script::Switch, &words).await.map_err(|error| match error {
        SshError::TooLong { .. } => ssh_failure(error),
        _ => Report { run, state, target, story: Story::default() }.not_begun(error),
    })?;
    let (stop, start) = limits::unit_limits(state);
    let all = limits::longest(settings, state, target, lock);
    let limits = Limits { stop, start, lock, all };
    let (end, story) = converse(talk, run, target, limits, interrupts).await;
    let held = story.held;
    let report = Report { run, state, target, story };
    let ended = match end {
        Conversed::Kept => Ok(Try::Live(report.live(None))),
        Conversed::Moved => Ok(Try::Moved),
        Conversed::Busy(note) => Err(run.busy(&Holder::read(&note).text(&run.zone))),
        Conversed::Held(lines) => Err(report.held(&Hold::read(&lines))),
        Conversed::GivenUp(wish) => Err(report.gave_up(wish)),
        Conversed::Refused(kind, text) => Err(report.refused(&kind, &text)),
        Conversed::HookFailed(text, lines) => Err(report.hook_failed(&text, lines)),
        Conversed::Back(word, reason) => Err(report.back(&word, &reason, Some(connection)).await),
        Conversed::Lost => report.lost(&token, interrupts).await.map(Try::Live),
    };
    ended.map_err(|failure| match &target.hold {
        Some(reason) => with_hold(run, failure, Some(reason), held),
        None => failure,
    })
}

/// What a `rollback --hold` that failed says of the hold. `reason`: what it was to say; `held`: the server said that it
/// stands.
pub fn with_hold(run: &Run<'_>, failure: Failure, reason: Option<&str>, held: bool) -> Failure {
    if held {
        failure.hint(format!("deploys are held all the same; to lift that: {}", run.command("unhold")))
    } else if failure.kind == Kind::ContactLost {
        failure.hint(format!("whether deploys are held: {}", run.command("status")))
    } else {
        let words =
            reason.and_then(|reason| shlex::try_quote(reason).ok()).map(|quoted| format!("hold {quoted}"));
        let hold = run.command(words.as_deref().unwrap_or("hold"));
        failure.hint(format!("deploys are not held by this; to hold them now: {hold}"))
    }
}
