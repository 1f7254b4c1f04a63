//! What is to be made live.

use crate::model::names::{ReleaseId, StorePath};

/// What the user types for a restart, in the journal too.
pub const RESTART: &str = "restart";

/// What is to be made live, and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name.
    pub release: ReleaseId,
    /// Its closure's top path.
    pub store_path: StorePath,
    /// The assets' store path, where it has any.
    pub assets: Option<StorePath>,
    /// The commit's first line.
    pub subject: Option<String>,
    /// Whether it is put there now (a deploy), or is there (a rollback).
    pub place: bool,
    /// Whether the hooks run.
    pub hook: bool,
    /// What the user typed: `deploy`, `rollback` or `restart`.
    pub command: &'static str,
    /// The reason of the hold that comes with it: `rollback --hold`.
    pub hold: Option<String>,
}

impl Target {
    /// What is live is started again, and nothing is moved.
    pub fn is_restart(&self) -> bool {
        self.command == RESTART
    }
}
