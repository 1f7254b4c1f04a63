//! What a deploy or rollback ends with when it ends well.

use std::time::Duration;

use super::hold::Hold;
use super::names::{DeployNumber, HostName, ReleaseId, StorePath};
use super::settings::Settings;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// The release is live and was checked.
    Live,
    /// It was live already; nothing was touched.
    AlreadyLive,
    /// What is live was started again, and was checked.
    Restarted,
    /// `--dry-run`: nothing was touched, the plan was told as events.
    Planned,
}

/// The good end of a deploy or rollback.
#[derive(Debug, Clone)]
pub struct Done {
    /// What was done.
    pub did: Did,
    /// On which server.
    pub host: HostName,
    /// With which release.
    pub release: ReleaseId,
    /// As which attempt; none where nothing was attempted.
    pub deploy: Option<DeployNumber>,
    /// The closure's top path.
    pub store_path: StorePath,
    /// Where people see the app.
    pub url: Option<String>,
    /// The release (or the text of a foreign link) that was live when the command began, this very one where nothing
    /// else was made live; none on a first deploy.
    pub previous: Option<String>,
    /// The first line of the release's commit, and that of the one before.
    pub subjects: (Option<String>, Option<String>),
    /// What was asked and answered, `http://… answered 200`, or what was watched instead.
    pub checked: String,
    /// The holds that keep deploys out now.
    pub held: Vec<Hold>,
    /// It was a rollback: what it went back from may come again with the next deploy.
    pub rollback: bool,
    /// From the command's start to its end.
    pub took: Duration,
}

impl Done {
    /// An end without any try.
    pub fn untouched(did: Did, settings: &Settings, release: &ReleaseId, store_path: &StorePath) -> Self {
        Done {
            did,
            host: settings.host.clone(),
            url: settings.url.clone(),
            release: release.clone(),
            deploy: None,
            store_path: store_path.clone(),
            previous: None,
            subjects: (None, None),
            checked: "nothing was touched".to_owned(),
            held: Vec::new(),
            rollback: false,
            took: Duration::ZERO,
        }
    }
}
