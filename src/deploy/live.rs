//! Making a release live: one try of the transaction. Deploy and rollback both.

use std::time::Duration;

use super::connect::ssh_failure;
use super::report::Report;
use super::run::Run;
use super::switch::{self, Conversed, Limits};
use super::words::{self, Target};
use crate::model::failure::{Failed, Failure, Kind, Outcome};
use crate::model::names::DeployNumber;
use crate::model::server::ServerState;
use crate::remote::Script;
use crate::tools::signals::Interrupts;
use crate::tools::ssh::{Connection, SshError};
use crate::tools::token;

/// How long the lock is waited for without `--wait`: the end of somebody's prune, not their deploy.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// A release that went live.
#[derive(Debug)]
pub struct Live {
    /// As which attempt.
    pub deploy: DeployNumber,
    /// What was live before.
    pub previous: Option<String>,
    /// What was checked, in words.
    pub checked: String,
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
    interrupts: &mut Interrupts,
) -> Outcome<Try> {
    let settings = run.settings;
    let token = token::random().failed(Kind::Bug, "no random name for this deploy")?;
    let lock = run.lock_wait.unwrap_or(LOCK_WAIT);
    let prune = run.prune(state, &target.release);
    let words = words::switch(settings, state, target, &run.actor, &token, lock, &prune);
    let talk = connection.talk(Script::Switch, &words).await.map_err(|error| {
        if matches!(error, SshError::TooLong { .. }) {
            return ssh_failure(error);
        }
        Failure::new(
            Kind::ContactLost,
            anyhow::Error::new(error).context("the switch could not be begun; nothing was changed"),
        )
        .hint(format!("run it again: {}", run.command(target.command)))
    })?;
    let (stop, start) = words::unit_limits(state);
    let all = words::longest(settings, state, target, lock);
    let limits = Limits { stop, start, lock, all };
    let (end, story) = switch::converse(talk, settings, target, limits, &run.events, interrupts).await;
    let report = Report { run, state, target, story };
    match end {
        Conversed::Kept => Ok(Try::Live(report.live(None))),
        Conversed::Moved => Ok(Try::Moved),
        Conversed::Busy(holder) => Err(run.busy(&holder)),
        Conversed::GivenUp(wish) => Err(report.gave_up(wish)),
        Conversed::Refused(kind, text) => Err(report.refused(&kind, &text)),
        Conversed::HookFailed(text, lines) => Err(report.hook_failed(&text, lines)),
        Conversed::Back(word, reason) => Err(report.back(&word, &reason, Some(connection)).await),
        Conversed::Lost => report.lost(&token, interrupts).await.map(Try::Live),
    }
}
