//! Why there is no connection, or none any more.

use crate::model::names::HostName;
use crate::model::settings::HostKey;

/// Linux takes no longer word for a program, and the whole line is one word of the login shell.
pub(super) const LONGEST_LINE: usize = 130_000;

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// There is no `ssh` here.
    #[error("`ssh` is not installed here, or not on the PATH")]
    NotInstalled,
    /// Nobody vouches for the server's key.
    #[error("the host key of {host} is not known{}", fingerprint.as_ref().map(|f| format!(": it is {f}")).unwrap_or_default())]
    UnknownHostKey {
        /// The server.
        host: HostName,
        /// What the server shows: `256 SHA256:… (ED25519)`.
        fingerprint: Option<String>,
        /// The key itself, for shipit.toml.
        key: Option<String>,
    },
    /// The server shows another key than the one that is known or pinned.
    #[error("{host} shows another host key than the one that is {}{}", pinned.as_ref().map_or("in known_hosts", HostKey::place), fingerprint.as_ref().map(|f| format!(": it is {f}")).unwrap_or_default())]
    OtherHostKey {
        /// The server.
        host: HostName,
        /// The key that was expected, where one is pinned.
        pinned: Option<HostKey>,
        /// What the server shows.
        fingerprint: Option<String>,
    },
    /// The server does not let this key in.
    #[error("{host} does not let us in: {said}")]
    Denied {
        /// The server.
        host: HostName,
        /// ssh's words.
        said: String,
    },
    /// There is nobody there.
    #[error("{host} can't be reached: {said}")]
    Unreachable {
        /// The server.
        host: HostName,
        /// ssh's words.
        said: String,
    },
    /// The connection is gone, or never answered.
    #[error("the connection to {host} was lost: {said}")]
    Lost {
        /// The server.
        host: HostName,
        /// What was seen of it.
        said: String,
    },
    /// The server answered with something else than the remote half's lines.
    #[error("the shell of {host} did not run what it was given: {said}")]
    Garbled {
        /// The server.
        host: HostName,
        /// What it said.
        said: String,
    },
    /// What is to be run there does not fit into one command.
    #[error(
        "the command for {host} has {bytes} bytes, and {LONGEST_LINE} is the most that a command may have"
    )]
    TooLong {
        /// The server.
        host: HostName,
        /// How long it is.
        bytes: usize,
    },
    /// No private folder could be made for the connection.
    #[error("no private folder for the connection")]
    Folder(#[source] std::io::Error),
}

/// The connection is gone; `said` is what was seen of it.
pub(super) fn lost(host: &HostName, said: impl std::fmt::Display) -> SshError {
    SshError::Lost { host: host.clone(), said: said.to_string() }
}
