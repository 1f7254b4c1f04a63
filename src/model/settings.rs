//! What the rest of the program may believe about one environment. Made by `config` out of shipit.toml and the
//! command line; nothing in here is still to be decided, and an `Option` means that the user left it out.

use std::path::PathBuf;
use std::time::Duration;

use super::names::{AppName, AssetPath, EnvironmentName, HostName, PackageName, RootPath, System, UnitName};

/// One environment, resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `production`, unless `-e` names another.
    pub environment: EnvironmentName,
    /// The folder that shipit.toml lies in: the flake's folder too.
    pub folder: PathBuf,
    /// The app's name.
    pub app: AppName,
    /// Where it is deployed to.
    pub host: HostName,
    /// Which of the flake's packages.
    pub package: PackageName,
    /// For which system it is built, and who said so.
    pub system: SystemChoice,
    /// The app's folder on the server.
    pub root: RootPath,
    /// The unit that runs it.
    pub unit: UnitName,
    /// Paths of the commit that lie beside `result`.
    pub assets: Vec<AssetPath>,
    /// How many healthy releases stay on the server, current included. At least 1.
    pub keep: u32,
    /// The app's public address, for people.
    pub url: Option<String>,
    /// How the connection is made.
    pub ssh: SshSettings,
    /// The secret key that closures are signed with.
    pub signing_key: Option<PathBuf>,
    /// The public half of the key that signs what a cache has for `--from`: `name:base64`.
    pub public_key: Option<String>,
    /// What "it works" means.
    pub health: Health,
    /// What runs around the switch.
    pub hooks: Hooks,
}

impl Settings {
    /// A command to type here, for this environment: `shipit -e staging status`.
    pub fn command(&self, words: &str) -> String {
        match self.environment.as_str() {
            "production" => format!("shipit {words}"),
            other => format!("shipit -e {other} {words}"),
        }
    }

    /// A command on the server, to be typed by hand.
    pub fn ssh(&self, words: &str) -> String {
        format!("{} {words}", self.ssh.by_hand("", self.host.as_str()))
    }
}

/// The system to build for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemChoice {
    /// shipit.toml names it: a server of another architecture is an error.
    Named(System),
    /// The laptop's own architecture on Linux, until the server says otherwise.
    Guessed(System),
}

impl SystemChoice {
    /// The system itself.
    pub fn system(&self) -> &System {
        match self {
            SystemChoice::Named(system) | SystemChoice::Guessed(system) => system,
        }
    }
}

/// `[ssh]`
#[derive(Debug, Clone, Default)]
pub struct SshSettings {
    /// An ssh_config to use in place of the user's, absolute.
    pub config: Option<PathBuf>,
    /// Pins the server: known_hosts is not asked.
    pub host_key: Option<HostKey>,
}

/// The server's public key, `ssh-ed25519 AAAA…`, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKey {
    /// shipit.toml has it.
    Written(String),
    /// `--host-key`.
    Given(String),
}

impl HostKey {
    /// The key itself.
    pub fn key(&self) -> &str {
        match self {
            HostKey::Written(key) | HostKey::Given(key) => key,
        }
    }

    /// Where it is pinned, in words.
    pub fn place(&self) -> &'static str {
        match self {
            HostKey::Written(_) => "pinned in shipit.toml",
            HostKey::Given(_) => "pinned by --host-key",
        }
    }
}

impl SshSettings {
    /// The same connection, to be typed by hand: `ssh -F deploy/ssh_config OPTIONS HOST`.
    pub fn by_hand(&self, options: &str, host: &str) -> String {
        let quoted = |text: &str| shlex::try_quote(text).map_or_else(|_| text.to_owned(), Into::into);
        let config = self.config.as_ref().map(|file| format!("-F {} ", quoted(&file.to_string_lossy())));
        format!("ssh {}{options}{}", config.unwrap_or_default(), quoted(host))
    }
}

/// `[health]`
#[derive(Debug, Clone)]
pub struct Health {
    /// What is asked, on the server itself. Without it only the unit is watched.
    pub http: Option<HttpCheck>,
    /// How long the release has until it is healthy.
    pub within: Duration,
    /// How long the unit must stay up without a restart.
    pub settle: Duration,
}

/// The request that a healthy release answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCheck {
    /// `http://` or `https://`, seen from the server.
    pub url: String,
    /// The Host header, where it is not the URL's own.
    pub host: Option<String>,
    /// Which statuses are healthy; none named: 200 to 399.
    pub status: Vec<u16>,
}

impl HttpCheck {
    /// The port that the URL names, which is the app's own where the URL names this very server.
    pub fn port(&self) -> Option<u16> {
        let (_, rest) = self.url.split_once("://")?;
        let place = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        let (name, port) = place.rsplit_once(':')?;
        let here = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
        if here { port.parse().ok() } else { None }
    }

    /// Whether an answer with this status is a healthy one. Redirects are not followed, so 3xx is an answer.
    pub fn accepts(&self, status: u16) -> bool {
        if self.status.is_empty() { (200..400).contains(&status) } else { self.status.contains(&status) }
    }
}

/// `[hooks]`
#[derive(Debug, Clone)]
pub struct Hooks {
    /// A program of the release and its words, run on the server before the switch. Empty: none.
    pub before_switch: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_s_port_is_one_of_this_server() {
        let port = |url: &str| HttpCheck { url: url.into(), host: None, status: vec![] }.port();
        assert_eq!(port("http://127.0.0.1:3001/x:9"), Some(3001));
        assert_eq!(port("http://[::1]:80?x"), Some(80));
        assert_eq!(["http://localhost/", "http://www.example.org:81/", "http://[::1]/"].map(port), [None; 3]);
    }
}
