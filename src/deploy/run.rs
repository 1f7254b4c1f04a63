//! What is the same for every step of one deploy or rollback.

use std::time::Duration;

use super::words::Actor;
use crate::model::event::Events;
use crate::model::failure::{Failure, Kind};
use crate::model::names::ReleaseId;
use crate::model::retention;
use crate::model::server::ServerState;
use crate::model::settings::Settings;
use crate::tools::ssh::Options;

/// So many releases go at a time: their names have to fit into one command. The others go with the next deploy.
const MOST_REMOVED: usize = 200;

/// What is the same for every step of one command.
pub struct Run<'a> {
    /// The environment's settings.
    pub settings: &'a Settings,
    /// How to connect, again too.
    pub options: Options,
    /// Who does it.
    pub actor: Actor,
    /// Who listens.
    pub events: Events,
    /// `--wait`.
    pub lock_wait: Option<Duration>,
}

impl Run<'_> {
    /// A command to type, for this environment: `shipit -e staging status`.
    pub fn command(&self, words: &str) -> String {
        match self.settings.environment.as_str() {
            "production" => format!("shipit {words}"),
            other => format!("shipit -e {other} {words}"),
        }
    }

    /// Somebody else is at it.
    pub fn busy(&self, holder: &str) -> Failure {
        Failure::msg(Kind::Busy, format!("{} is busy: {holder}", self.settings.host))
            .live("what runs was not touched")
            .hint("wait for it: the same command with --wait 5m")
            .hint(format!("see what it does: {}", self.command("status")))
    }

    /// The releases that go once this one is live.
    pub fn prune(&self, state: &ServerState, new: &ReleaseId) -> Vec<ReleaseId> {
        let there: Vec<ReleaseId> = state.releases.iter().map(|(release, _)| release.clone()).collect();
        let mut gone =
            retention::to_prune(&state.history, &there, new, state.current.release(), self.settings.keep);
        gone.truncate(MOST_REMOVED);
        gone
    }
}
