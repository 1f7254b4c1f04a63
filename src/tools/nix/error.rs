//! Why Nix did not do it.

use crate::tools::process::CmdError;

/// What went wrong with a command of Nix.
#[derive(Debug, thiserror::Error)]
pub enum NixError {
    /// No such program.
    #[error("Nix is not installed here, or `{program}` is not on PATH")]
    Missing {
        /// `nix` or `nix-store`.
        program: String,
    },
    /// It ended badly.
    #[error(transparent)]
    Command(CmdError),
    /// It ended well, and what it said is not understood.
    #[error("`{command}` answered with something unexpected: {why}")]
    Answer {
        /// What was asked.
        command: String,
        /// What is wrong with the answer.
        why: String,
    },
}

impl From<CmdError> for NixError {
    fn from(error: CmdError) -> Self {
        if error.is_not_found() {
            NixError::Missing { program: error.program }
        } else {
            NixError::Command(error)
        }
    }
}
