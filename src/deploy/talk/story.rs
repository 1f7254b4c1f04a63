//! What the conversation tells.

use std::time::Duration;

use crate::model::hold::Hold;
use crate::model::names::{DeployNumber, Invocation, ReleaseId};
use crate::tools::signals::Wish;

/// How the conversation ended.
#[derive(Debug)]
pub enum Conversed {
    /// It is live and stands.
    Kept,
    /// Somebody else holds the lock; the note beside it.
    Busy(String),
    /// A person holds deploys; the lines that say who.
    Held(Vec<String>),
    /// The server is not as it was when it was looked at.
    Moved,
    /// Refused before the switch: a word for the reason, and a sentence.
    Refused(String, String),
    /// The hook failed; nothing was switched. Its last lines.
    HookFailed(String, Vec<String>),
    /// It was switched, and then: the outcome's word, and why.
    Back(String, String),
    /// The user wished to stop before the switch.
    GivenUp(Wish),
    /// The connection is gone, or the server half died.
    Lost,
}

/// What was learnt on the way.
#[derive(Debug, Default)]
pub struct Story {
    /// The deploy's number, once the server gave it.
    pub number: Option<DeployNumber>,
    /// What was adopted, if something was.
    pub adopted: Option<ReleaseId>,
    /// The start of the unit that was watched.
    pub invocation: Option<Invocation>,
    /// Its main process.
    pub process: Option<String>,
    /// The health check's last answer.
    pub answer: Option<String>,
    /// The unit's state when it was last seen after the switch: `failed (failed)`.
    pub unit: Option<String>,
    /// The hook was started.
    pub hook_began: bool,
    /// Why systemd refused the restart on the way back.
    pub stuck: Option<String>,
    /// The hold that comes with it stands.
    pub held: bool,
    /// The holds at the end.
    pub holds: Vec<Hold>,
    /// `current` was moved.
    pub switched: bool,
    /// How long the hook ran.
    pub hook_took: Duration,
    /// What was removed afterwards.
    pub pruned: Vec<ReleaseId>,
    /// The user wished to stop.
    pub wish: Option<Wish>,
    /// … before anything else was decided: that is why it went back, if it did.
    pub gave_up: bool,
}
