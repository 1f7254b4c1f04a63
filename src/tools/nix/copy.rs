//! Copies over the connection that stands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Nix, NixError, split, words};
use crate::model::names::{HostName, StorePath};
use crate::tools::cmd::Cmd;
use crate::tools::process::stream;

/// A copy over a slow line.
pub(super) const COPY: Duration = Duration::from_secs(6 * 3600);

/// Where a copy goes: a store at the other end of a connection that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// For messages alone: the socket decides where it goes.
    pub host: HostName,
    /// The control socket of the ssh master.
    pub socket: PathBuf,
    /// `nix-daemon` on the server, absolute: a non-interactive login often does not have it on PATH.
    pub daemon: String,
}

impl Nix {
    /// Copies these paths and all that they need over the connection that stands; each line of Nix's log goes to
    /// `on_line`. It runs in the socket's private folder: Nix is given no chance to find a flake around it.
    pub async fn copy(
        &self,
        to: &Destination,
        paths: &[StorePath],
        mut on_line: impl FnMut(&str),
    ) -> Result<(), NixError> {
        for part in split(paths) {
            stream(&self.copy_command(to, COPY).args(words(part)), &mut on_line).await?;
        }
        Ok(())
    }

    /// A copy over the connection; what is copied, and where from if not this store, comes behind it.
    pub(super) fn copy_command(&self, to: &Destination, deadline: Duration) -> Cmd {
        self.nix(&["copy", "--log-format", "internal-json", "--no-check-sigs", "--to"], deadline)
            .arg(store_url(to))
            .env("NIX_SSHOPTS", ssh_options(&to.socket))
            .cwd(to.socket.parent().unwrap_or(Path::new("/")))
    }
}

/// `--no-check-sigs` is the sender's half of "trusted": without it even a trusted login is asked for signatures, and
/// an untrusted one is asked all the same. One connection, because a second one would not go over the socket.
pub(super) fn store_url(to: &Destination) -> String {
    let host = to.host.as_str();
    let host = host.strip_prefix("ssh://").unwrap_or(host);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    // The name is only shown. An address in brackets, a port or a zone are not understood by every version.
    let host = if plain { host } else { "server" };
    let daemon: String =
        percent_encoding::utf8_percent_encode(&to.daemon, percent_encoding::NON_ALPHANUMERIC).to_string();
    format!("ssh-ng://{host}?remote-program={daemon}&max-connections=1")
}

/// What makes Nix's ssh use the master and nothing else. `-F none`: no ssh_config can change it. When the master is
/// gone, ssh would silently open a connection of its own, with prompts: `ProxyCommand=false` makes that an error.
/// The socket is named relative to its folder, which Nix runs in: old versions split this text at blanks, whatever
/// is quoted, and ssh expands `%`.
pub(super) fn ssh_options(socket: &Path) -> String {
    let name = socket.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let name = name.replace('%', "%%");
    [
        "-F none",
        &format!("-oControlPath=./{name}"),
        "-oControlMaster=no",
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=yes",
        "-oProxyCommand=false",
    ]
    .join(" ")
}
