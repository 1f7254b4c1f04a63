//! Trust, proven: a path of a few bytes is sent as a release is, and taken away again.
//!
//! What nix.conf says is not what the running daemon does, and an old Nix tells neither. So the server is asked by doing
//! it: with the login, the key, the connection and the options of a deploy. The path is new in each run, because one that
//! is there already would be passed over, and it is rooted nowhere. `doctor.sh` deletes it, which needs no trust; when
//! shipit is killed in between, the server's next garbage collection does.

use std::path::Path;
use std::time::Instant;

use crate::deploy::build::nix_says::explain_nix;
use crate::deploy::send::copy;
use crate::deploy::send::signing_key::SigningKey;
use crate::deploy::send::trust::{self, Trust};
use crate::model::check::Remark;
use crate::model::failure::{Kind, Outcome};
use crate::model::names::{HostName, StorePath};
use crate::model::server::ServerState;
use crate::tools::nix::log::{NixLog, Purpose};
use crate::tools::nix::{Destination, Nix};
use crate::tools::ssh::Connection;

use super::facts::Facts;

/// What came of it.
pub enum Probe {
    /// It was sent.
    Sent(StorePath),
    /// The server's Nix did not take it, or this machine's could not send it.
    Refused(Remark),
    /// It can't be tried before this check is mended.
    NotTried(String),
    /// This machine signs nothing: what it deploys has a signature by the key of this public half.
    Elsewhere(String),
}

/// Tries it.
pub async fn send(
    nix: &Nix,
    host: &HostName,
    key: Option<&SigningKey>,
    state: &ServerState,
    connection: &Connection,
    scratch: &Path,
) -> Probe {
    let sent = async {
        let made = nix.trial(scratch, key.map(|key| key.file.as_path())).await;
        let trial = made.map_err(|error| explain_nix(Kind::NotReady, error))?;
        let to = Destination {
            host: host.clone(),
            socket: connection.socket().to_owned(),
            daemon: format!("{}/nix-daemon", state.nix_bin.as_deref().unwrap_or_default()),
        };
        let mut log = NixLog::new(Purpose::Copy { paths: 1 });
        let sent = nix
            .send(&trial, &to, |line| {
                log.line(line, Instant::now());
            })
            .await;
        sent.map_err(|error| copy::explain(error, &log.failure(), &to))?;
        Outcome::Ok(trial.path)
    };
    match sent.await {
        Ok(path) => Probe::Sent(path),
        Err(failure) => Probe::Refused(trust::explain_refusal(failure, &Trust::of(state), key).into()),
    }
}

/// What to say of it, and what to remark.
pub fn judge(
    probe: Probe,
    facts: &Facts,
    state: &ServerState,
    signed: bool,
) -> Result<(Option<Remark>, String), String> {
    let path = match probe {
        Probe::NotTried(because) => return Err(because),
        Probe::Refused(remark) => return Ok((Some(remark), String::new())),
        Probe::Elsewhere(public) => return Ok(trust::of_public_key(&Trust::of(state), &public)),
        Probe::Sent(path) => path,
    };
    if facts.arrived == Some(false) {
        let remark =
            Remark::failed(format!("the server's Nix took {path}, and does not know of it afterwards"))
                .hint("on the server, as root: systemctl restart nix-daemon.socket nix-daemon.service");
        return Ok((Some(remark), String::new()));
    }
    let by = match (Trust::of(state).trusted, signed) {
        (_, true) => "it took a path that is signed with this key",
        (true, false) => "it took a path of this login",
        (false, false) => "it took a path that nobody signed",
    };
    let after = match &facts.stays {
        None => "and it was removed again".to_owned(),
        Some(why) => {
            format!("and {path}, which nothing refers to, stays until its next garbage collection: {why}")
        }
    };
    Ok((None, format!("{by}, {after}")))
}
