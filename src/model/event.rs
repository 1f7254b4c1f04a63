//! What happens in a flow, as values: a closed list, told in the order in which it happens. Screens read it
//! (`ui::plain`, `ui::json`); tests read it; no flow prints.

use std::time::Duration;

use serde::Serialize;

use super::difference::{Closures, Commits};
use super::names::{Commit, DeployNumber, HostName, Invocation, ReleaseId, StorePath, System, UnitName};
use super::store_url::StoreUrl;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Event {
    /// What is going to be deployed.
    Source {
        /// The commit; none without git.
        commit: Option<Commit>,
        /// Its first line.
        subject: Option<String>,
        /// There are uncommitted changes in it.
        dirty: bool,
    },
    /// The one connection is being made.
    Connecting {
        /// To where.
        host: HostName,
    },
    /// … and stands; the server was looked at.
    Connected {
        /// To where.
        host: HostName,
        /// How long connecting and looking took.
        #[serde(rename = "ms", serialize_with = "milliseconds")]
        took: Duration,
    },
    /// `nix build` was started, or what was built elsewhere is looked for.
    Building {
        /// The flake's output.
        installable: String,
        /// For which system.
        system: System,
        /// `--from`: nothing is built, it comes from this cache.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<StoreUrl>,
    },
    /// A derivation's build began.
    BuildingDerivation {
        /// Its name, without hash and `.drv`.
        name: String,
        /// How many builds are done and how many are known, this one included.
        done: u64,
        /// See `done`.
        expected: u64,
    },
    /// It got to another phase.
    BuildPhase {
        /// The derivation's name.
        name: String,
        /// `buildPhase`, `checkPhase` …
        phase: String,
    },
    /// Its builder said something.
    BuildLog {
        /// The derivation's name.
        name: String,
        /// The line, without colours.
        line: String,
    },
    /// It ended, well or not: when it did not, the build as a whole fails.
    DerivationEnded {
        /// Its name.
        name: String,
        /// How long it took.
        #[serde(rename = "ms", serialize_with = "milliseconds")]
        took: Duration,
    },
    /// A path is fetched from a substituter.
    Fetching {
        /// Its name, without the hash.
        name: String,
        /// From where.
        from: String,
    },
    /// … and is here.
    Fetched {
        /// Its name, without the hash.
        name: String,
    },
    /// The build is done.
    Built {
        /// Its output.
        store_path: StorePath,
        /// How many derivations were built for it; 0: all was there.
        built: u64,
        /// How many paths were fetched for it.
        fetched: u64,
        /// How long it took.
        #[serde(rename = "ms", serialize_with = "milliseconds")]
        took: Duration,
    },
    /// Paths of the closure that the server has from elsewhere are compared with their hashes.
    Checking {
        /// How many.
        paths: u64,
    },
    /// What the server lacks of the closure.
    Missing {
        /// Paths in the closure.
        closure: u64,
        /// Paths that the server lacks.
        paths: u64,
        /// Their size, unpacked.
        bytes: u64,
    },
    /// One path is on its way.
    CopyingPath {
        /// Its name, without the hash.
        name: String,
        /// Which of how many it is.
        number: u64,
        /// See `number`.
        of: u64,
    },
    /// So much of the closure went to Nix on the server.
    CopyProgress {
        /// Bytes, unpacked.
        bytes: u64,
        /// Of how many.
        of: u64,
    },
    /// The closure goes into a cache.
    Storing {
        /// Paths in the closure.
        paths: u64,
        /// Their size, unpacked.
        bytes: u64,
        /// Into which one.
        to: StoreUrl,
    },
    /// … and is there.
    Stored {
        /// How many paths it lacked.
        paths: u64,
        /// Into which one.
        to: StoreUrl,
        /// How long it took.
        #[serde(rename = "ms", serialize_with = "milliseconds")]
        took: Duration,
    },
    /// The server has the closure.
    Copied {
        /// Paths that were sent.
        paths: u64,
        /// Their size, unpacked.
        bytes: u64,
        /// How long it took.
        #[serde(rename = "ms", serialize_with = "milliseconds")]
        took: Duration,
    },
    /// Somebody else has the server's lock.
    WaitingForLock {
        /// Who, with what, since when.
        holder: String,
        /// How long it is waited for.
        #[serde(rename = "within_s", serialize_with = "seconds")]
        within: Duration,
    },
    /// The server has the release in place; nothing has been switched.
    Placed {
        /// Which release.
        release: ReleaseId,
        /// The deploy's number.
        deploy: DeployNumber,
    },
    /// What was found on the server is a release now.
    Adopted {
        /// Its name.
        release: ReleaseId,
    },
    /// A hook runs on the server.
    HookStarted {
        /// Its words.
        command: Vec<String>,
    },
    /// It ended well.
    HookDone {
        /// How long it took.
        #[serde(rename = "ms", serialize_with = "milliseconds")]
        took: Duration,
    },
    /// Deploys are held from now on.
    Held {
        /// Why.
        reason: String,
    },
    /// `current` points at the new release and the unit is being restarted.
    Switched {
        /// Which release.
        release: ReleaseId,
        /// Which unit.
        unit: UnitName,
    },
    /// The unit of what is live is being restarted.
    Restarting {
        /// What is live.
        release: ReleaseId,
        /// Which unit.
        unit: UnitName,
    },
    /// The unit started.
    Started {
        /// This start.
        invocation: Invocation,
        /// How long it has to become healthy.
        #[serde(rename = "within_s", serialize_with = "seconds")]
        within: Duration,
    },
    /// The unit takes long to stop or to start.
    Waiting {
        /// Which unit.
        unit: UnitName,
        /// `stop` or `start`.
        to: &'static str,
        /// How long systemd lets it.
        #[serde(rename = "within_s", serialize_with = "seconds")]
        within: Duration,
    },
    /// The release was asked, and this is what came back.
    Answered {
        /// What it said: `status 503`, `nothing listens on 127.0.0.1:3001`.
        answer: String,
        /// Whether a healthy release answers so. It still has to stay up for the settle time.
        healthy: bool,
    },
    /// The release is healthy and stands.
    Kept {
        /// Which release.
        release: ReleaseId,
        /// The deploy's number.
        deploy: DeployNumber,
        /// How long from the switch to healthy.
        #[serde(rename = "ms", serialize_with = "milliseconds")]
        took: Duration,
    },
    /// It is not; what ran before is being put back.
    GoingBack {
        /// Why.
        reason: String,
    },
    /// Contact was lost; it is being made again to ask how it ended.
    ContactLost {
        /// How long this is tried.
        #[serde(rename = "within_s", serialize_with = "seconds")]
        within: Duration,
    },
    /// Releases were removed.
    Pruned {
        /// Which.
        releases: Vec<ReleaseId>,
    },
    /// Nix collects garbage on the server.
    Collecting {
        /// How many paths it has removed so far.
        paths: u64,
    },
    /// This release is live already; nothing was touched.
    AlreadyLive {
        /// Which.
        release: ReleaseId,
    },
    /// What lies between the live commit and the new one.
    Commits {
        /// A dry run tells it: nothing was done.
        planned: bool,
        /// The commits.
        #[serde(flatten)]
        commits: Commits,
    },
    /// What the new closure has in place of the live one.
    Closure {
        /// A dry run tells it: nothing was done.
        planned: bool,
        /// Both, compared.
        #[serde(flatten)]
        closures: Closures,
    },
    /// A line of `--dry-run`.
    Plan {
        /// One thing that would be done.
        step: String,
    },
    /// Something a user should know that stops nothing.
    Warning {
        /// What.
        text: String,
    },
}

impl Event {
    /// Whether it tells how far something is that began before and ends later: there may be thousands of them.
    pub fn is_progress(&self) -> bool {
        matches!(self, Event::BuildPhase { .. } | Event::BuildLog { .. } | Event::CopyProgress { .. })
    }
}

fn milliseconds<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn seconds<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(duration.as_secs())
}

/// Who listens to a flow. Cheap to clone, so that the build and the connection can both tell.
#[derive(Clone)]
pub struct Events(tokio::sync::mpsc::UnboundedSender<Event>);

impl Events {
    /// A new sender and what it sends to.
    pub fn channel() -> (Self, tokio::sync::mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        (Events(sender), receiver)
    }

    /// Tells. A screen that is gone is nobody's failure.
    pub fn tell(&self, event: Event) {
        let _ = self.0.send(event);
    }

    /// Tells a warning.
    pub fn warn(&self, text: impl Into<String>) {
        self.tell(Event::Warning { text: text.into() });
    }
}
