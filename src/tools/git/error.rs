//! Why git could not tell.

use std::path::PathBuf;

use crate::model::names::BadName;
use crate::tools::process::CmdError;

/// Why git could not tell.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git on PATH.
    #[error("git is not installed here, or not on PATH")]
    Missing,
    /// No repository around the folder.
    #[error("{} is not in a git repository", folder.display())]
    NotARepository {
        /// Which folder.
        folder: PathBuf,
    },
    /// A repository of another user, which git does not read.
    #[error("git does not read the repository of {}, because another user owns it", folder.display())]
    DubiousOwnership {
        /// Which folder.
        folder: PathBuf,
    },
    /// Nothing was committed yet.
    #[error("the git repository has no commit yet")]
    NoCommit,
    /// No such revision here.
    #[error("git knows no commit `{rev}` here")]
    UnknownRevision {
        /// As it was typed.
        rev: String,
    },
    /// A file's name that is not UTF-8.
    #[error("the name of `{shown}` in the git repository is not UTF-8, and shipit deploys no such file")]
    OddName {
        /// With U+FFFD in place of what is not.
        shown: String,
    },
    /// Another thing that can't be told to Nix.
    #[error("git answered with something unexpected: {0}")]
    Odd(String),
    /// Anything else.
    #[error(transparent)]
    Command(CmdError),
}

impl From<BadName> for GitError {
    fn from(error: BadName) -> Self {
        GitError::Odd(error.to_string())
    }
}
