//! How to connect, in the words of OpenSSH.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SshError;
use crate::model::names::HostName;
use crate::model::settings::{HostKey, SshSettings};
use crate::tools::cmd::Cmd;
use crate::tools::process;

/// How long the TCP connection to the server may take.
pub const CONNECT: Duration = Duration::from_secs(10);

/// How to connect.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to.
    pub host: HostName,
    /// `[ssh]` of shipit.toml.
    pub ssh: SshSettings,
    /// Whether somebody sits at a terminal who can be asked.
    pub interactive: bool,
    /// On a runner of GitHub's: the environment there that the job's variables are likely to be of.
    pub environment_on_github: Option<String>,
    /// Where the private folder of the run is made. Short: a socket's path has room for about 100 bytes.
    pub runtime_folder: PathBuf,
}

/// The version of this machine's client, as it names itself: `OpenSSH_9.2p1`. None: there is no client.
pub async fn version() -> Option<String> {
    let said = process::run(&Cmd::new("ssh", CONNECT).arg("-V")).await.ok()?.stderr;
    Some(said.split([',', ' ']).next().unwrap_or_default().trim().to_owned())
}

/// Whom ssh logs in as, by its own configuration.
pub async fn login_name(options: &Options) -> Option<String> {
    let config = options.ssh.config.iter().flat_map(|file| ["-F".into(), file.clone().into_os_string()]);
    let cmd = Cmd::new("ssh", CONNECT).arg("-G").args(config).args(["--", options.host.as_str()]);
    let said = process::run(&cmd).await.ok()?.text();
    said.lines().find_map(|line| line.strip_prefix("user ")).map(str::to_owned)
}

/// What the master and the look at a key have in common.
pub fn common_options(options: &Options, folder: &Path) -> Result<Vec<String>, SshError> {
    let mut words: Vec<String> = Vec::new();
    if let Some(config) = &options.ssh.config {
        words.extend(["-F".to_owned(), config.to_string_lossy().into_owned()]);
    }
    let mut set = |option: String| words.extend(["-o".to_owned(), option]);
    set(format!("ConnectTimeout={}", CONNECT.as_secs()));
    // What a user's ssh_config sets for logins by hand would only be in the way.
    for option in [
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "PermitLocalCommand=no",
        "RemoteCommand=none",
        "RequestTTY=no",
        "LogLevel=INFO",
        "StrictHostKeyChecking=yes",
    ] {
        set(option.to_owned());
    }
    if let Some(key) = options.ssh.host_key.as_ref().map(HostKey::key) {
        let file = folder.join("known_hosts");
        fs::write(&file, format!("* {key}\n")).map_err(SshError::Folder)?;
        set(format!("UserKnownHostsFile={}", file.display()));
        for option in
            ["GlobalKnownHostsFile=/dev/null", "CheckHostIP=no", "UpdateHostKeys=no", "VerifyHostKeyDNS=no"]
        {
            set(option.to_owned());
        }
        // Else the server may show a key of another type, which nobody pinned.
        let algorithms = match key.split(' ').next().unwrap_or_default() {
            "ssh-rsa" => "rsa-sha2-512,rsa-sha2-256",
            other => other,
        };
        set(format!("HostKeyAlgorithms={algorithms}"));
    }
    Ok(words)
}
