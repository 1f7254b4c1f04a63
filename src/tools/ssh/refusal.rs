//! What OpenSSH's words mean when there is no connection, and the key that the server shows.

use std::path::Path;
use std::time::Duration;

use super::error::SshError;
use super::options::{Options, common_options};
use super::{AUTHENTICATE, read};
use crate::tools::cmd::Cmd;
use crate::tools::process;

/// The error that these words of ssh stand for.
pub async fn classify(options: &Options, folder: &Path, said: &str, error: &process::CmdError) -> SshError {
    let host = options.host.clone();
    let verdict = verdict(said);
    let line = telling_line(said).unwrap_or_else(|| error.end.to_string());
    match verdict {
        Verdict::UnknownKey => {
            let (key, fingerprint) = shown_key(options, folder).await;
            SshError::UnknownHostKey { host, fingerprint, key }
        }
        Verdict::OtherKey => {
            let (_, fingerprint) = shown_key(options, folder).await;
            SshError::OtherHostKey { host, pinned: options.ssh.host_key.clone(), fingerprint }
        }
        Verdict::Denied => SshError::Denied { host, said: line },
        Verdict::Unreachable => SshError::Unreachable { host, said: line },
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    UnknownKey,
    OtherKey,
    Denied,
    Unreachable,
}

/// What ssh's words mean. OpenSSH has no other way to tell.
fn verdict(said: &str) -> Verdict {
    if said.contains("IDENTIFICATION HAS CHANGED") || said.contains("no matching host key type") {
        Verdict::OtherKey
    } else if said.contains("Host key verification failed") || said.contains("host key is known for") {
        Verdict::UnknownKey
    } else if said.contains("Permission denied") || said.contains("Too many authentication failures") {
        Verdict::Denied
    } else {
        Verdict::Unreachable
    }
}

/// The line of ssh's words that a person would quote.
fn telling_line(said: &str) -> Option<String> {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling =
        ["Permission denied", "Could not resolve", "connect to host", "Bad configuration", "Too many"];
    lines()
        .find(|line| telling.iter().any(|text| line.contains(text)))
        .or_else(|| lines().next_back())
        .map(|line| line.trim_start_matches("ssh: ").to_owned())
}

/// Asks the server for its key without logging in, by the way that the user's configuration names (aliases, jumps).
async fn shown_key(options: &Options, folder: &Path) -> (Option<String>, Option<String>) {
    let file = folder.join("shown");
    let mut plain = options.clone();
    plain.ssh.host_key = None;
    let Ok(common) = common_options(&plain, folder) else { return (None, None) };
    let cmd = Cmd::new("ssh", AUTHENTICATE)
        .args(["-o", "StrictHostKeyChecking=accept-new", "-o", "GlobalKnownHostsFile=/dev/null", "-o"])
        .arg(format!("UserKnownHostsFile={}", file.display()))
        .args(["-o", "HashKnownHosts=no", "-o", "PreferredAuthentications=none", "-o", "BatchMode=yes"])
        .args([
            "-o",
            "ControlPath=none",
            "-o",
            "HostKeyAlgorithms=ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512",
        ])
        .args(common)
        .args(["--", options.host.as_str(), "true"]);
    // It ends with "Permission denied": that is as far as it should come.
    let _ = process::run(&cmd).await;
    let key = read(&file).lines().find_map(|line| line.split_once(' ').map(|(_, key)| key.trim().to_owned()));
    let fingerprint =
        process::run(&Cmd::new("ssh-keygen", Duration::from_secs(5)).arg("-lf").arg(&file)).await.ok();
    let fingerprint = fingerprint.and_then(|output| {
        // "256 SHA256:… host (ED25519)"
        let text = output.text();
        let words: Vec<&str> = text.lines().next()?.split(' ').collect();
        Some(format!("{} {}", words.get(1)?, words.last()?))
    });
    (key, fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssh_s_texts_are_told_apart() {
        let unknown = "No ED25519 host key is known for 10.0.0.2 and you have requested strict checking.\r\nHost key verification failed.\r\n";
        assert_eq!(verdict(unknown), Verdict::UnknownKey);
        let changed =
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\n";
        assert_eq!(verdict(changed), Verdict::OtherKey);
        let denied = "deploy@10.0.0.2: Permission denied (publickey).\r\n";
        assert_eq!(verdict(denied), Verdict::Denied);
        assert_eq!(telling_line(denied).as_deref(), Some("deploy@10.0.0.2: Permission denied (publickey)."));
        let refused = "ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n";
        assert_eq!(verdict(refused), Verdict::Unreachable);
        assert_eq!(
            telling_line(refused).as_deref(),
            Some("connect to host 127.0.0.1 port 1: Connection refused")
        );
    }
}
