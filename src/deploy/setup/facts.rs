//! What a server has already of what `setup` makes: the lines of `setup_look.sh`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::model::server::UnitState;
use crate::remote;

/// A user of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Whether there is one.
    pub there: bool,
    /// Its number.
    pub uid: u32,
    /// Its home.
    pub home: String,
    /// Its groups.
    pub groups: Vec<String>,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A file, with this text.
    File {
        /// `644:root`; empty where it does not matter.
        rights: String,
        /// What is in it.
        text: String,
    },
    /// A folder, and whose.
    Folder(String),
    /// Something else, such as a link.
    Strange,
}

/// What the server says of itself.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The login that asks.
    pub admin: String,
    /// Who deploys.
    pub user: String,
    /// Programs that are missing.
    pub lacks: Vec<String>,
    /// A shell for a login, and for nobody.
    pub shell: String,
    /// The shell that lets nobody in.
    pub nologin: String,
    /// Which of the groups there are.
    pub groups: Vec<String>,
    /// Who deploys, as the server knows them.
    pub account: Account,
    /// As whom the unit runs; empty: root, or not known.
    pub app_user: String,
    /// The same as an account.
    pub app_account: Account,
    /// The unit that is there.
    pub unit: UnitState,
    /// `enabled`, `disabled`, …
    pub unit_enabled: String,
    /// The file that systemd has it from.
    pub unit_file: String,
    /// `enabled`, … of the unit that settles at boot.
    pub boot_enabled: String,
    /// What lies at the paths that were asked for, those of the deploy user's home as `~/…`.
    pub paths: BTreeMap<String, Found>,
    /// Units that the deploy user's own systemd starts.
    pub own_enabled: Vec<String>,
    /// The deploy user's systemd runs without a login.
    pub lingering: bool,
    /// Who may log in as the administrator: authorized_keys.
    pub admin_keys: Option<String>,
    /// Where Nix's programs are.
    pub nix: Option<String>,
    /// The file of Nix's configuration that people write in.
    pub nix_conf: String,
    /// It is a link, so not ours to write.
    pub nix_conf_strange: bool,
    /// Whose signatures are believed.
    pub trusted_keys: Vec<String>,
    /// Who is believed without one.
    pub trusted_users: Vec<String>,
    /// Nix's configuration is newer than its daemon.
    pub daemon_stale: bool,
    /// There is sudo.
    pub sudo: bool,
    /// What the deploy user may do: `all`, `unit`, `hooks`.
    pub rights: Vec<String>,
}

impl Facts {
    /// Reads the lines.
    pub fn read(lines: &[String]) -> Self {
        let mut facts = Facts::default();
        for (word, rest) in lines.iter().filter_map(|line| remote::parse(line)) {
            facts.line(word, rest);
        }
        facts
    }

    fn line(&mut self, word: &str, rest: &str) {
        let words = || rest.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        match word {
            "admin" => self.admin = rest.to_owned(),
            "user" => self.user = rest.to_owned(),
            "lacks" => self.lacks.push(rest.to_owned()),
            "shell" => self.shell = rest.to_owned(),
            "nologin" => self.nologin = rest.to_owned(),
            "group" => self.groups.push(rest.to_owned()),
            "account" => {
                let mut words = rest.split(' ');
                let account =
                    if words.next() == Some("app") { &mut self.app_account } else { &mut self.account };
                if let (Some(Ok(uid)), Some(home)) = (words.next().map(str::parse), words.next()) {
                    *account = Account { there: true, uid, home: decoded(home), ..account.clone() };
                }
            }
            "groups" => {
                let mut words = rest.split(' ');
                let account =
                    if words.next() == Some("app") { &mut self.app_account } else { &mut self.account };
                account.groups = words.map(str::to_owned).collect();
            }
            "app_user" => self.app_user = rest.to_owned(),
            "unit" => self.unit_line(rest),
            "boot" => self.boot_enabled = rest.to_owned(),
            "file" => {
                if let [rights, text, path] = parts(rest)[..] {
                    let found = Found::File { rights: rights.to_owned(), text: decoded(text) };
                    self.paths.insert(path.to_owned(), found);
                }
            }
            "strange" => {
                self.paths.insert(rest.to_owned(), Found::Strange);
            }
            "folder" => {
                if let Some((owner, path)) = rest.split_once(' ') {
                    self.paths.insert(path.to_owned(), Found::Folder(owner.to_owned()));
                }
            }
            "enabled" => self.own_enabled.push(rest.to_owned()),
            "linger" => self.lingering = rest == "yes",
            "admin_keys" => self.admin_keys = Some(decoded(rest)),
            "nix" => self.nix = Some(rest.to_owned()),
            "nix_conf" => self.nix_conf = rest.to_owned(),
            "nix_conf_strange" => self.nix_conf_strange = true,
            "trusted_keys" => self.trusted_keys = words(),
            "trusted_users" => self.trusted_users = words(),
            "daemon" => self.daemon_stale = rest == "stale",
            "sudo" => self.sudo = rest == "yes",
            "rights" => self.rights.push(rest.to_owned()),
            _ => tracing::debug!("the server says {word} {rest}"),
        }
    }

    fn unit_line(&mut self, line: &str) {
        match line.split_once('=') {
            Some(("LoadState", value)) => self.unit.load = value.to_owned(),
            Some(("User", value)) => self.unit.user = value.to_owned(),
            Some(("DynamicUser", value)) => self.unit.dynamic_user = value == "yes",
            Some(("UnitFileState", value)) => self.unit_enabled = value.to_owned(),
            Some(("FragmentPath", value)) => self.unit_file = value.to_owned(),
            _ => {}
        }
    }

    /// Whether a file is there with exactly this text.
    pub fn has(&self, path: &str, wanted: &str) -> bool {
        matches!(self.paths.get(path), Some(Found::File { text, .. }) if text == wanted)
    }
}

/// Three words, the last of which may be anything.
fn parts(rest: &str) -> Vec<&str> {
    rest.splitn(3, ' ').collect()
}

fn decoded(word: &str) -> String {
    String::from_utf8_lossy(&BASE64_STANDARD.decode(word).unwrap_or_default()).into_owned()
}
