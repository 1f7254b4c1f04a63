//! `shipit doctor`: all that a deploy needs, looked at before one is wanted. Checks that do not need each other all run;
//! what fails says what mends it, in the words with which a deploy would refuse (`server::ready`, `server::connect`, `send::trust`).
//!
//! It changes nothing that lasts: the path with which trust is tried is taken away again (`probe`), here as there.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::deploy::send::signing_key::SigningKey;
use crate::deploy::server::ready::server as judges;
use crate::deploy::server::state::{self, Look};
use crate::deploy::words;
use crate::model::check::{Check, Group};
use crate::model::failure::Outcome;
use crate::model::server::ServerState;
use crate::model::settings::Settings;
use crate::remote::Script;
use crate::tools::nix::Nix;
use crate::tools::ssh::{Connection, Options, SshError};
use facts::Facts;
use laptop::Key;
use probe::Probe;

pub mod app;
pub mod connection;
pub mod facts;
pub mod laptop;
pub mod probe;
pub mod server;

/// How long the server may take for its answers: each of its questions has a deadline of its own there.
const FACTS: Duration = Duration::from_secs(120);

/// Looks at everything, and gives the checks in the order in which they are told.
///
/// # Errors
/// When there is no private folder to work in. What is wrong with the machines is no error but a check.
pub async fn examine(settings: &Settings, options: &Options) -> Outcome<Vec<Check>> {
    let scratch = super::run::scratch(options)?;
    let nix = Nix::new();
    let (laptop, reached) =
        tokio::join!(laptop::look(settings, options, &nix, scratch.path()), reach(settings, options));
    let (key, elsewhere) = match &laptop.key {
        Some(Ok(Key::Here(key, _))) => (Some(key.clone()), None),
        Some(Ok(Key::Elsewhere(public))) => (None, Some(public.clone())),
        _ => (None, None),
    };
    // A deploy with a key that can't be read does not begin.
    let no_key = matches!(laptop.key, Some(Err(_)));
    let mut checks = laptop::judge(settings, laptop);
    let first_failed = |names: &[&str]| failed(&checks, Group::Laptop, names);
    let unsendable =
        if no_key { Some("laptop/signing key".to_owned()) } else { first_failed(&["nix", "signing key"]) };
    match reached {
        Ok((connection, state)) => {
            let eaten = judges::login(settings, &state);
            checks.extend(connection::judge(settings, options, &state.user, None, eaten));
            let seen = Seen { settings, state: &state, key: key.as_ref(), elsewhere, unsendable };
            let result = seen.ask(&nix, &connection, scratch.path()).await;
            connection.close().await;
            match result {
                Ok(found) => checks.extend(found),
                Err(error) => {
                    checks.truncate(checks.len() - connection::NAMES.len());
                    lost(settings, options, error, &mut checks);
                }
            }
        }
        Err(error) => lost(settings, options, error, &mut checks),
    }
    Ok(checks)
}

async fn reach(settings: &Settings, options: &Options) -> Result<(Connection, ServerState), SshError> {
    let connection = Connection::open(options).await?;
    let look = Look { hooks: !settings.hooks.before_switch.is_empty(), daemon: true };
    match state::look(&connection, &settings.root, &settings.unit, look).await {
        Ok(state) => Ok((connection, state)),
        Err(error) => {
            connection.close().await;
            Err(error)
        }
    }
}

/// There is no way to the server: what lies there is not looked at.
fn lost(settings: &Settings, options: &Options, error: SshError, checks: &mut Vec<Check>) {
    let way = connection::judge(settings, options, "", Some(error), None);
    let because = connection::broken(&way).unwrap_or_default();
    checks.extend(way);
    let hooks = !settings.hooks.before_switch.is_empty();
    let names = server::NAMES.iter().filter(|name| hooks || **name != "hooks");
    checks.extend(names.map(|name| Check::skipped(Group::Server, name, &because)));
    checks.extend(app::NAMES.map(|name| Check::skipped(Group::App, name, &because)));
}

/// The first of these that failed or could not be looked at.
fn failed(checks: &[Check], group: Group, names: &[&str]) -> Option<String> {
    use crate::model::check::Status::{Failed, Skipped};
    let is = |check: &&Check| {
        check.group == group && names.contains(&check.name) && matches!(check.status, Failed | Skipped)
    };
    checks.iter().find(is).map(|check| format!("{}/{}", group.word(), check.name))
}

/// A server that was reached.
struct Seen<'a> {
    settings: &'a Settings,
    state: &'a ServerState,
    key: Option<&'a SigningKey>,
    /// The public half of the key that signs on another machine.
    elsewhere: Option<String>,
    /// The check that keeps this machine from sending.
    unsendable: Option<String>,
}

impl Seen<'_> {
    /// Tries what has to be tried, asks for the rest, and judges.
    async fn ask(&self, nix: &Nix, connection: &Connection, scratch: &Path) -> Result<Vec<Check>, SshError> {
        let (settings, state) = (self.settings, self.state);
        let closed = if state.nix_bin.is_none() {
            Some("server/nix".to_owned())
        } else if state.input_eaten {
            Some("connection/shell".to_owned())
        } else if state.daemon_refusal.is_some() {
            Some("server/daemon".to_owned())
        } else {
            self.unsendable.clone()
        };
        let probe = match (closed, &self.elsewhere) {
            (Some(because), _) => Probe::NotTried(because),
            (None, Some(public)) => Probe::Elsewhere(public.clone()),
            (None, None) => probe::send(nix, &settings.host, self.key, state, connection, scratch).await,
        };
        let sent = match &probe {
            Probe::Sent(path) => Some(path),
            _ => None,
        };
        let asked = SystemTime::now();
        let lines = connection.ask(Script::Doctor, &words::doctor(settings, state, sent), b"", FACTS).await?;
        let asked = (asked, SystemTime::now());
        let facts = Facts::read(&lines);
        let mut checks = server::judge(settings, state, &facts, probe, self.key.is_some(), asked);
        let silent = judges::systemd(settings, state).is_some();
        checks.extend(app::judge(settings, state, &facts, silent));
        Ok(checks)
    }
}

#[cfg(test)]
mod tests;
