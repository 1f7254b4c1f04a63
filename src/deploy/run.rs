//! What is the same for every step of one deploy or rollback.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::server::connect::{connect, ssh_failure};
use super::server::state::{self, Look};
use crate::model::event::Events;
use crate::model::failure::{Failed, Failure, Kind, Outcome};
use crate::model::hold::Hold;
use crate::model::holder::Holder;
use crate::model::journal::Deploy;
use crate::model::names::ReleaseId;
use crate::model::retention;
use crate::model::server::ServerState;
use crate::model::settings::Settings;
use crate::model::when;
use crate::tools::private_folder::PrivateFolder;
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::{Connection, Options};

/// So many releases go at a time: their names have to fit into one command. The others go with the next deploy.
pub const MOST_REMOVED: usize = 200;

/// A private folder for links and temporary trees.
///
/// # Errors
/// [`Kind::Usage`] when it can't be made.
pub fn scratch(options: &Options) -> Outcome<PrivateFolder> {
    PrivateFolder::new(&options.runtime_folder)
        .failed(Kind::Usage, "no private folder could be made for this run")
}

/// Who does it.
#[derive(Debug, Clone)]
pub struct Actor {
    /// `anna@laptop`
    pub who: String,
    /// A CI run's URL.
    pub from: Option<String>,
}

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
    /// Where the reader of the times is.
    pub zone: TimeZone,
    /// `--wait`.
    pub lock_wait: Option<Duration>,
}

impl Run<'_> {
    /// A command to type, for this environment: `shipit -e staging status`.
    pub fn command(&self, words: &str) -> String {
        self.settings.command(words)
    }

    /// Connects, unless whoever does it wishes to stop first.
    ///
    /// # Errors
    /// [`Kind::NotReady`] when the server can't be reached.
    pub async fn connect(&self, interrupts: &Interrupts) -> Outcome<Connection> {
        interrupts.clone().or_stop(connect(&self.options), Wish::early).await
    }

    /// What the server is like now.
    ///
    /// # Errors
    /// [`Kind::NotReady`] when the connection breaks.
    pub async fn look(&self, connection: &Connection, look: Look) -> Outcome<ServerState> {
        state::look(connection, &self.settings.root, &self.settings.unit, look).await.map_err(ssh_failure)
    }

    /// Somebody else is at it.
    pub fn busy(&self, holder: &str) -> Failure {
        Failure::msg(Kind::Busy, format!("{} is busy: {holder}", self.settings.host))
            .live("what runs was not touched")
            .hint("wait for it: the same command with --wait 5m")
            .hint(format!("see what it does: {}", self.command("status")))
    }

    /// Says of a switch that nobody ended that it is undone first.
    pub fn leftover(&self, state: &ServerState) {
        let Some(last) = state.history.deploys().into_iter().next() else { return };
        if state.pending.is_some() && state.lock_holder.is_none() {
            let release = last.entry.release.as_ref().map(ReleaseId::short).unwrap_or_default();
            let who = last.entry.who.as_deref().unwrap_or("somebody");
            let what = if last.entry.is_restart() {
                "was restarted and never checked to its end: that is written down first"
            } else {
                "was switched to and never checked to its end: that is undone first"
            };
            self.events.warn(format!("{release} ({}, by {who}) {what}", last.number));
        }
    }

    /// Says who is at it already, before a build and a copy. They may be done by the switch, so it ends nothing here.
    pub fn taken(&self, state: &ServerState) {
        let Some(note) = &state.lock_holder else { return };
        let holder = Holder::read(note).text(&self.zone);
        let end = if self.lock_wait.is_some() { "waits for that" } else { "ends with exit code 6" };
        self.events
            .warn(format!("{holder}; if that goes on when this one comes to its switch, this one {end}"));
    }

    /// Others were quicker each time; `state` is the newest look.
    pub fn outpaced(&self, state: &ServerState) -> Failure {
        if let Some(note) = &state.lock_holder {
            return self.busy(&Holder::read(note).text(&self.zone));
        }
        let deploys = state.history.deploys();
        let last = deploys.first().map(|Deploy { number, entry }| {
            format!(
                ", at last {} with `{}` of {} ({number}) at {}",
                entry.who.as_deref().unwrap_or("somebody"),
                entry.command.as_deref().unwrap_or("shipit"),
                entry.release.as_ref().map(ReleaseId::short).unwrap_or_default(),
                when::local(&entry.time, &self.zone)
            )
        });
        self.busy(&format!("others were quicker each time{}", last.unwrap_or_default()))
    }

    /// A person holds deploys. The newest hold is named first.
    pub fn held(&self, holds: &[Hold], state: &ServerState) -> Failure {
        let mut by = holds.iter().rev().map(|hold| hold.by(&self.zone));
        let first = by.next().unwrap_or_default();
        Failure::msg(Kind::Held, format!("deploys to {} are held {first}", self.settings.host))
            .detail("and", by.collect())
            .live(state.as_before())
            .hint(format!("anybody can lift it when it is over: {}", self.command("unhold")))
            .hint(format!("going back is possible all the same: {}", self.command("rollback")))
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
