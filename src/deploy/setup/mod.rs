//! `setup`: one look at the server as its administrator, a plan, and its steps one after the other.

use std::path::PathBuf;

use std::time::Duration;

use crate::deploy::send::signing_key::SigningKey;
use crate::deploy::server::connect::ssh_failure;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{HostName, UserName};
use crate::model::settings::Settings;
use crate::remote::{self, AdminScript, Script};
use crate::tools::ssh::{Connection, SshError};
use facts::Facts;
use plan::Step;

pub mod facts;
pub mod keys;
pub mod plan;
mod refusals;

/// How long the look may take: it asks systemd, sudo and Nix.
const LOOK: Duration = Duration::from_secs(120);
/// … and a step. The longest one restarts Nix's daemon.
const STEP: Duration = Duration::from_secs(150);

/// What is wanted.
#[derive(Debug)]
pub struct Wishes<'a> {
    /// The environment.
    pub settings: &'a Settings,
    /// The administrator's login.
    pub host: HostName,
    /// Who deploys.
    pub login: UserName,
    /// A unit of the login's own systemd.
    pub own_unit: bool,
    /// The app's unit.
    pub unit: NewUnit,
    /// `--key`: who may log in as the login besides.
    pub keys: Vec<String>,
    /// Why Nix takes what is sent.
    pub trust: Trust,
}

/// The unit for a server that has none.
#[derive(Debug)]
pub struct NewUnit {
    /// Its text.
    pub text: String,
    /// Where that is from: "as it is in server.service".
    pub from: String,
    /// That file, on this machine; none: shipit proposes the text.
    pub file: Option<PathBuf>,
    /// As whom it runs; empty: root.
    pub user: String,
}

/// Why Nix takes what is sent.
#[derive(Debug)]
pub enum Trust {
    /// It is signed with this key.
    Key(SigningKey),
    /// It comes from a login that is trusted: `--trusted`.
    Login,
    /// For no reason yet.
    Nothing,
}

/// Why a look as root was not possible.
#[derive(Debug)]
pub enum NoLook {
    /// sudo wants the login's password, and none was given.
    Password,
    /// It is not possible.
    Failed(Failure),
}

impl From<Failure> for NoLook {
    fn from(failure: Failure) -> Self {
        NoLook::Failed(failure)
    }
}

/// Looks. `password`: of the administrator's login, for sudo; empty: none.
///
/// # Errors
/// [`NoLook::Password`] when one is needed.
pub async fn look(connection: &Connection, wishes: &Wishes<'_>, password: &str) -> Result<Facts, NoLook> {
    let settings = wishes.settings;
    let mut words = vec![
        format!("user={}", wishes.login),
        format!("app_user={}", wishes.unit.user),
        format!("root={}", settings.root),
        format!("unit={}", settings.unit),
        format!("own={}", if wishes.own_unit { "yes" } else { "no" }),
    ];
    words.extend(plan::paths(wishes));
    let lines = as_root(connection, AdminScript::Look, password, &words, LOOK).await.map_err(ssh_failure)?;
    if let Some(refusal) = refusal(wishes, &lines) {
        return Err(refusal);
    }
    Ok(Facts::read(&lines))
}

/// Does one step.
///
/// # Errors
/// [`Kind::NotReady`] when the server could not do it; [`Kind::ContactLost`] when it is not known whether it did.
pub async fn take(connection: &Connection, wishes: &Wishes<'_>, step: &Step, password: &str) -> Outcome<()> {
    let lines = match as_root(connection, AdminScript::Step, password, &step.words, STEP).await {
        Ok(lines) => lines,
        Err(error @ SshError::Lost { .. }) => return Err(Failure::new(Kind::ContactLost, error)),
        Err(error) => return Err(ssh_failure(error)),
    };
    match lines.last().and_then(|line| remote::parse(line)) {
        Some(("done", _)) => Ok(()),
        Some(("failed", why)) => {
            let error = anyhow::anyhow!("{why}").context(format!("{} could not: {}", wishes.host, step.does));
            Err(Failure::new(Kind::NotReady, error))
        }
        _ => Err(match refusal(wishes, &lines) {
            Some(NoLook::Failed(failure)) => failure,
            _ => Failure::msg(Kind::NotReady, format!("sudo on {} asks for a password again", wishes.host)),
        }),
    }
}

async fn as_root(
    connection: &Connection,
    script: AdminScript,
    password: &str,
    words: &[String],
    deadline: Duration,
) -> Result<Vec<String>, SshError> {
    let no_words: [&str; 0] = [];
    connection.ask(Script::Admin, &no_words, &script.stdin(password, words), deadline).await
}

/// Why `admin.sh` did not become root.
fn refusal(wishes: &Wishes<'_>, lines: &[String]) -> Option<NoLook> {
    let host = &wishes.host;
    let said = lines.iter().find_map(|line| remote::parse(line).filter(|(word, _)| *word == "sudo"))?.1;
    let as_root = "log in as root, where that is possible: --as root";
    let failure = match said.split_once(' ').unwrap_or((said, "")) {
        ("password", _) => return Some(NoLook::Password),
        ("absent", _) => {
            Failure::msg(Kind::NotReady, format!("{host} is not root, and there is no sudo")).hint(as_root)
        }
        ("wrong", _) => Failure::msg(Kind::NotReady, format!("sudo on {host} did not take the password"))
            .hint("it is the password of that login on the server; type the command again"),
        ("refused", why) => {
            let error = anyhow::anyhow!("{why}").context(format!("{host} may not become root by sudo"));
            Failure::new(Kind::NotReady, error).hint(as_root)
        }
        // Of the look: whether there is sudo.
        _ => return None,
    };
    Some(NoLook::Failed(failure))
}
