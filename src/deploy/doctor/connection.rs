//! The way to the server, by the first thing on it that does not work.

use crate::deploy::server::connect;
use crate::model::check::{Check, Group, Remark};
use crate::model::settings::{HostKey, Settings};
use crate::tools::ssh::{Options, SshError};

/// The way's parts, the nearest first.
pub const NAMES: [&str; 4] = ["reachable", "host key", "login", "shell"];

/// Where an error stands on the way.
fn place(error: &SshError) -> usize {
    match error {
        SshError::NotInstalled
        | SshError::Folder(_)
        | SshError::Unreachable { .. }
        | SshError::Lost { .. } => 0,
        SshError::UnknownHostKey { .. } | SshError::OtherHostKey { .. } => 1,
        SshError::Denied { .. } => 2,
        SshError::Garbled { .. } | SshError::TooLong { .. } => 3,
    }
}

/// What to say of it. `error`: why the way ends before the look at the server; `eaten`: the shell reads what is not its
/// own.
pub fn judge(
    settings: &Settings,
    options: &Options,
    login: &str,
    error: Option<SshError>,
    eaten: Option<Remark>,
) -> Vec<Check> {
    if matches!(error, Some(SshError::NotInstalled)) {
        return NAMES.map(|name| Check::skipped(Group::Connection, name, "laptop/ssh")).to_vec();
    }
    let known = settings.ssh.host_key.as_ref().map_or("known", HostKey::place);
    let fine =
        [settings.host.to_string(), known.to_owned(), login.to_owned(), "runs what it is given".to_owned()];
    let at = error.as_ref().map(place);
    let mut failed = error.map(|error| Remark::from(connect::refused(error, options)));
    let mut eaten = eaten;
    (0..)
        .zip(NAMES.into_iter().zip(fine))
        .map(|(number, (name, fine))| match at {
            Some(at) if number > at => {
                Check::skipped(Group::Connection, name, &format!("connection/{}", NAMES[at]))
            }
            Some(at) if number == at => Check::of(Group::Connection, name, failed.take(), || fine),
            _ if name == "shell" => Check::of(Group::Connection, name, eaten.take(), || fine),
            _ => Check::of(Group::Connection, name, None, || fine),
        })
        .collect()
}

/// The part that failed, `group/name`: what lies behind it can't be looked at.
pub fn broken(checks: &[Check]) -> Option<String> {
    use crate::model::check::Status;
    if checks.iter().all(|check| check.status == Status::Skipped) {
        return Some("laptop/ssh".to_owned());
    }
    let failed = checks.iter().find(|check| check.status == Status::Failed)?;
    Some(format!("connection/{}", failed.name))
}
