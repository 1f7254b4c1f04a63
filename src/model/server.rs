//! What one look at the server found.

use super::hold::Hold;
use super::journal::History;
use super::names::{Invocation, ReleaseId, StorePath, System, short_release};

/// The server as the state exec reports it. Nothing here is a verdict: `deploy::server::ready` judges.
#[derive(Debug, Clone, Default)]
pub struct ServerState {
    /// What it runs on.
    pub system: Option<System>,
    /// The login's name.
    pub user: String,
    /// The login's uid.
    pub uid: u32,
    /// The folder that Nix's programs lie in; none found: no Nix.
    pub nix_bin: Option<String>,
    /// What the daemon's socket says to this login: none when it lets it in.
    pub daemon_refusal: Option<String>,
    /// Whether the daemon trusts this login; none where it does not tell.
    pub trusted: Option<bool>,
    /// The public keys that nix.conf names, whole (`name:base64`).
    pub trusted_keys: Vec<String>,
    /// Free space below root, bytes.
    pub root_free: Option<u64>,
    /// Free space of the store's disk, bytes.
    pub store_free: Option<u64>,
    /// Programs of shipit's needs that are missing (`flock`, `base64`, `timeout` …).
    pub missing_programs: Vec<String>,
    /// What installs packages there: `apt-get`, `dnf` …
    pub packager: Option<String>,
    /// What can ask an http health check: `curl` or `bash`.
    pub http_asker: Option<String>,
    /// The root folder: `absent`, `ready`, or what is wrong with it.
    pub root: RootState,
    /// What `current` is.
    pub current: Current,
    /// … in the server's own words, by which it sees later whether it is the same.
    pub seen_current: String,
    /// The store path below `current/result`.
    pub current_store_path: Option<StorePath>,
    /// The unit.
    pub unit: UnitState,
    /// How the unit is controlled.
    pub control: Control,
    /// The user that hooks may be run as by sudo: the unit's, where a rule allows it.
    pub hooks_as: Option<String>,
    /// EnvironmentFiles that the unit's user can't read, and so its hooks can't, with that user's group.
    pub unreadable: Vec<(String, String)>,
    /// Whether failure messages can have the unit's log lines.
    pub may_read_journal: bool,
    /// Whether a deploy's intent lies there without an end; its token.
    pub pending: Option<String>,
    /// Whether a unit of `setup` settles at boot what a power loss leaves.
    pub settles_at_boot: bool,
    /// What lies where shipit keeps its own things and is not what shipit makes there: a path, and what it is.
    pub odd: Vec<(String, String)>,
    /// A startup file of the login reads what is said to its commands.
    pub input_eaten: bool,
    /// The token of a deploy whose outcome is decided and may lack its line in the journal. `history` has it already.
    pub unwritten: Option<String>,
    /// Who holds the lock, as the note beside it says; none when it is free.
    pub lock_holder: Option<String>,
    /// Who holds deploys, oldest first; none: nobody does.
    pub holds: Vec<Hold>,
    /// The folders below `releases/`, with what their `result` points at.
    pub releases: Vec<(ReleaseId, Option<StorePath>)>,
    /// The journal.
    pub history: History,
    /// Its size in bytes when it was read: another size later means that somebody else was there.
    pub journal_size: u64,
}

/// The app's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RootState {
    /// There and writable.
    Ready,
    /// Not there, but its parent lets this login make it.
    Creatable,
    /// Not there, and this login can't make it.
    #[default]
    Absent,
    /// There, but not this login's to write.
    NotWritable {
        /// Whose it is.
        owner: String,
        /// Which folder: root itself, or one of shipit's below it.
        folder: String,
    },
}

/// What lies at `current`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Current {
    /// Nothing: nothing was deployed yet.
    #[default]
    Absent,
    /// A link to one of our releases.
    Release(ReleaseId),
    /// A link to something else; its text.
    Elsewhere(String),
    /// A real directory, as a seed server has it.
    Directory,
    /// A file or another thing.
    Strange,
}

impl ServerState {
    /// What a release's `result` points at; none: it is not there, or not complete.
    pub fn closure_of(&self, release: &ReleaseId) -> Option<&StorePath> {
        self.releases.iter().find(|(id, _)| id == release).and_then(|(_, path)| path.as_ref())
    }

    /// The first line of the live commit, as the journal has it.
    pub fn live_subject(&self) -> Option<&str> {
        self.history.subject(self.current.release()?)
    }

    /// What is live, said by who changed nothing.
    pub fn as_before(&self) -> String {
        match &self.current {
            Current::Release(release) => format!("{} runs as before", release.short()),
            Current::Elsewhere(target) => format!("{} runs as before", short_release(target)),
            Current::Directory | Current::Strange => "what runs was not touched".to_owned(),
            Current::Absent => "nothing is live, as before".to_owned(),
        }
    }
}

impl Current {
    /// The release, where it is one.
    pub fn release(&self) -> Option<&ReleaseId> {
        match self {
            Current::Release(id) => Some(id),
            _ => None,
        }
    }

    /// The release, or the text of a foreign link.
    pub fn name(&self) -> Option<&str> {
        match self {
            Current::Release(id) => Some(id.as_str()),
            Current::Elsewhere(text) => Some(text),
            Current::Absent | Current::Directory | Current::Strange => None,
        }
    }
}

/// How the unit is restarted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Control {
    /// As root.
    Root,
    /// By exact sudo rules.
    Sudo {
        /// `systemctl restart UNIT` is allowed.
        restart: bool,
        /// `systemctl reset-failed UNIT` is allowed.
        reset_failed: bool,
    },
    /// A unit of the user's own manager.
    User {
        /// The manager outlives the login.
        lingering: bool,
    },
    /// Not known: systemd does not answer.
    #[default]
    Unknown,
}

/// The unit's properties, by systemd's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitState {
    /// `loaded`, `not-found`, `masked`, …
    pub load: String,
    /// `active`, `failed`, `activating`, …
    pub active: String,
    /// `running`, `auto-restart`, …
    pub sub: String,
    /// This start of it.
    pub invocation: Option<Invocation>,
    /// How often systemd restarted it by itself.
    pub restarts: u64,
    /// The user it runs as; empty: root.
    pub user: String,
    /// Whether that user is made up at each start.
    pub dynamic_user: bool,
    /// Its Environment.
    pub environment: Vec<String>,
    /// Its EnvironmentFiles: path, and whether a missing one is fine.
    pub environment_files: Vec<(String, bool)>,
    /// `simple`, `notify`, …
    pub kind: String,
    /// When it became active, as systemd words it.
    pub since: String,
    /// Seconds that a stop may take; none: no limit.
    pub timeout_stop: Option<u64>,
    /// Seconds that a start may take; none: no limit.
    pub timeout_start: Option<u64>,
    /// Seconds after which systemd forgets that it was started too often; none: never.
    pub start_limit: Option<u64>,
    /// Its ExecStart lines, as systemctl shows them.
    pub exec_start: Vec<String>,
    /// The unit file was edited since systemd read it.
    pub needs_reload: bool,
    /// Its umask, four octal digits.
    pub umask: String,
}
