//! Sends the closure to the server, over the connection that stands.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::deploy::build::nix_says::{explain_nix, failed, telling};
use crate::deploy::server::ready::server::FOR_PEOPLE_ONLY;
use crate::model::event::{Event, Events};
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::StorePath;
use crate::tools::nix::json::PathInfo;
use crate::tools::nix::log::{NixFailure, NixLog, Purpose};
use crate::tools::nix::{Destination, Nix, NixError};

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The paths that are wanted there: the output, and the assets.
    pub tops: Vec<StorePath>,
    /// All paths that they need, themselves included.
    pub closure: Vec<PathInfo>,
    /// What the server lacks of them.
    pub missing: Vec<PathInfo>,
    /// The size of that, unpacked.
    pub bytes: u64,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// How many paths.
    pub paths: u64,
    /// Their size, unpacked.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// The output, the assets, and all that they need: what to ask the server for.
pub async fn closure(nix: &Nix, tops: &[StorePath]) -> Outcome<Vec<PathInfo>> {
    nix.closure_infos(tops).await.map_err(|error| explain_nix(Kind::Copy, error))
}

/// What of a closure the server lacks. Tells `Event::Missing`.
pub fn plan(tops: Vec<StorePath>, closure: Vec<PathInfo>, missing: &[StorePath], events: &Events) -> Plan {
    let lacks: HashSet<&StorePath> = missing.iter().collect();
    let missing: Vec<PathInfo> = closure.iter().filter(|info| lacks.contains(&info.path)).cloned().collect();
    let plan = Plan { tops, bytes: missing.iter().map(|info| info.size).sum(), closure, missing };
    events.tell(Event::Missing {
        closure: plan.closure.len() as u64,
        paths: plan.missing.len() as u64,
        bytes: plan.bytes,
    });
    plan
}

/// Sends it. Nix asks the server once more what it lacks, so that this is right whatever happened since the plan; with
/// nothing to send, nothing is run. Tells `Event::CopyingPath` and, at the end, `Event::Copied`.
pub async fn copy(nix: &Nix, plan: &Plan, to: &Destination, events: &Events) -> Outcome<Copied> {
    let began = Instant::now();
    let paths = plan.missing.len() as u64;
    if paths > 0 {
        let mut log = NixLog::new(Purpose::Copy { paths }).of_paths(&plan.missing);
        let result = nix.copy(to, &plan.tops, telling(&mut log, events)).await;
        result.map_err(|error| explain(error, &log.failure(), to))?;
    }
    let copied = Copied { paths, bytes: plan.bytes, took: began.elapsed() };
    events.tell(Event::Copied { paths: copied.paths, bytes: copied.bytes, took: copied.took });
    Ok(copied)
}

/// What a copy that failed means.
pub fn explain(error: NixError, nix: &NixFailure, to: &Destination) -> Failure {
    failed(Kind::Copy, error, nix, format!("the copy to {} failed", to.host), |failure, text| {
        match advice(text, to) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// What to do about the errors that are known.
fn advice(text: &str, to: &Destination) -> Option<String> {
    let has = |needle: &str| text.contains(needle);
    if has("No space left on device") || has("database or disk is full") {
        return Some(
            "make room on the server: `nix-collect-garbage` there removes what no release needs".to_owned(),
        );
    }
    if has("protocol mismatch") {
        return Some(format!(
            "the login's shell prints something before each command: what does it in ~/.bashrc (or its like) there must be left \
             to interactive shells, for people only: {FOR_PEOPLE_ONLY}"
        ));
    }
    if has("daemon-socket") && has("ermission denied") {
        return Some(
            "the login may not use Nix there: `sudo usermod -aG nix-users <the login>` on the server"
                .to_owned(),
        );
    }
    if has("is not allowed to connect to the Nix daemon") {
        return Some("name the login in `allowed-users` of the server's /etc/nix/nix.conf".to_owned());
    }
    // bash and zsh say "command not found", dash "not found", an absolute path "No such file or directory".
    let shell = |line: &str| line.contains("not found") || line.contains("No such file or directory");
    if has("command not found") || text.lines().any(|line| line.contains(&to.daemon) && shell(line)) {
        return Some(format!("is Nix still at {} on the server?", to.daemon));
    }
    if has("Connection closed by UNKNOWN") || has("Control socket") || has("UNKNOWN port 65535") {
        return Some(
            "the connection to the server was lost: deploy again, what was sent stays there".to_owned(),
        );
    }
    None
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
