//! What is to be done: a function of what is wished and of what there is. A step is a verb of `setup.sh` with its words,
//! and what people are shown of it.

use serde::Serialize;

use super::facts::{Account, Facts, Found};
use super::{Trust, Wishes, refusals};
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::unit_file::service_value;
use crate::model::{boot_unit, rights};
use crate::remote;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// In words.
    pub does: String,
    /// The file that it writes or adds to.
    pub file: Option<String>,
    /// What it writes there.
    pub text: Option<String>,
    /// The verb and its words.
    #[serde(skip)]
    pub words: Vec<String>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Plan {
    /// In their order.
    pub steps: Vec<Step>,
    /// What stays as it is.
    pub notes: Vec<String>,
    /// What a person has to see to.
    pub warnings: Vec<String>,
}

/// Where sudo and systemd look.
const UNITS: &str = "/etc/systemd/system";
/// The same for the units of a login's own systemd, below its home.
const OWN_UNITS: &str = ".config/systemd/user";
/// Below a home.
pub const AUTHORIZED_KEYS: &str = ".ssh/authorized_keys";

/// Decides.
///
/// # Errors
/// [`Kind::NotReady`] where something is in the way that is not for setup to move.
pub fn plan(wishes: &Wishes<'_>, facts: &Facts) -> Outcome<Plan> {
    refusals::check(wishes, facts)?;
    let mut plan = Planner { wishes, facts, login: wishes.login.as_str(), plan: Plan::default() };
    plan.users()?;
    plan.groups();
    plan.folders();
    if wishes.own_unit {
        plan.own_unit();
    } else {
        plan.unit();
        plan.rights();
    }
    plan.nix();
    plan.boot();
    Ok(plan.plan)
}

struct Planner<'a> {
    wishes: &'a Wishes<'a>,
    facts: &'a Facts,
    login: &'a str,
    plan: Plan,
}

impl Planner<'_> {
    fn step(&mut self, does: String, words: &[&str]) {
        self.plan.steps.push(Step { does, file: None, text: None, words: owned(words) });
    }

    fn write(&mut self, does: String, file: &str, text: &str, words: &[&str]) {
        let (file, text) = (Some(file.to_owned()), Some(text.trim_end().to_owned()));
        self.plan.steps.push(Step { does, file, text, words: owned(words) });
    }

    fn note(&mut self, text: String) {
        self.plan.notes.push(text);
    }

    fn warn(&mut self, text: String) {
        self.plan.warnings.push(text);
    }

    fn is_root(&self) -> bool {
        self.login == "root"
    }

    fn users(&mut self) -> Outcome<()> {
        let (facts, login) = (self.facts, self.login);
        if !facts.account.there {
            self.step(
                format!("make the user {login}, who logs in and deploys"),
                &["login", login, &facts.shell],
            );
        }
        self.keys()?;
        // A unit that is there names its user; whether that exists is its own matter.
        let user = self.facts.app_user.as_str();
        let new = self.makes_unit() && !user.is_empty() && !facts.app_account.there;
        if new && user != login {
            self.step(
                format!("make the user {user}, whom nobody logs in as: the app runs as it"),
                &["service_user", user, &facts.nologin],
            );
        }
        Ok(())
    }

    /// Whoever may log in as the administrator may log in as a user who is new: that is how it is done by hand, too.
    fn keys(&mut self) -> Outcome<()> {
        let (facts, login) = (self.facts, self.login);
        let there = match facts.paths.get(&format!("~/{AUTHORIZED_KEYS}")) {
            Some(Found::File { text, .. }) => Some(text.as_str()),
            _ => None,
        };
        let keys: Vec<&str> = match (&self.wishes.keys, there) {
            (Some(keys), _) => keys.iter().map(String::as_str).collect(),
            (None, None) if facts.admin != login => {
                plain_keys(facts.admin_keys.as_deref().unwrap_or_default())
            }
            _ => Vec::new(),
        };
        if keys.is_empty() && !facts.account.there {
            return Err(Failure::msg(
                Kind::NotReady,
                format!(
                    "nobody could log in as {login}: {} has no plain authorized key to hand on",
                    facts.admin
                ),
            )
            .hint("say which key it shall be: --key ~/.ssh/id_ed25519.pub"));
        }
        let there: Vec<&str> = there.unwrap_or_default().lines().collect();
        let new: Vec<&str> = keys.into_iter().filter(|key| !there.contains(key)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let whose = if self.wishes.keys.is_some() {
            "this key".to_owned()
        } else {
            format!("whoever logs in as {}", facts.admin)
        };
        let text = new.join("\n");
        self.write(
            format!("let {whose} log in as {login}"),
            &format!("~{login}/{AUTHORIZED_KEYS}"),
            &text,
            &["keys", login, &text],
        );
        Ok(())
    }

    fn groups(&mut self) {
        let mut wanted = vec![("nix-users", "may use Nix's daemon")];
        if !self.wishes.own_unit {
            wanted.push(("systemd-journal", "may read the unit's log, for messages of failed deploys"));
        }
        for (group, may) in wanted {
            let facts = self.facts;
            let has = |account: &Account| account.groups.iter().any(|name| name == group);
            if facts.groups.iter().any(|name| name == group) && !has(&facts.account) && !self.is_root() {
                let login = self.login;
                self.step(format!("put {login} into the group {group}: {may}"), &["member", login, group]);
            }
        }
    }

    fn folders(&mut self) {
        let (root, login) = (self.wishes.settings.root.as_str(), self.login);
        match self.facts.paths.get(root) {
            None => self.step(format!("make the folder {root} for {login}"), &["folder", root, login, "755"]),
            Some(Found::Folder(owner)) if owner != login => self.hand_over(root, owner, false),
            _ => {}
        }
        for (name, deep) in [("releases", false), ("current", false), (".shipit", true)] {
            let path = format!("{root}/{name}");
            if let Some(Found::Folder(owner)) = self.facts.paths.get(&path)
                && owner != login
            {
                self.hand_over(&path, owner, deep);
            }
        }
        let data = format!("{root}/data");
        let user = if self.wishes.own_unit { login } else { self.facts.app_user.as_str() };
        // Where a unit keeps its data elsewhere, an empty folder would only make one wonder.
        if self.unit_text().contains(&data) && !user.is_empty() && !self.facts.paths.contains_key(&data) {
            self.step(
                format!("make the folder {data} for {user}: what the app writes"),
                &["folder", &data, user, "750"],
            );
        }
    }

    fn hand_over(&mut self, path: &str, owner: &str, deep: bool) {
        let (login, what) = (self.login, if deep { " with all that is in it" } else { "" });
        self.step(
            format!("give {path}{what} to {login}; it belongs to {owner}"),
            &["own", path, login, if deep { "yes" } else { "no" }],
        );
    }

    /// There is none yet.
    fn makes_unit(&self) -> bool {
        !self.wishes.own_unit && self.facts.unit.load != "loaded"
    }

    /// The unit's text, be it there or to be made.
    fn unit_text(&self) -> &str {
        let unit = &self.wishes.settings.unit;
        let path =
            if self.wishes.own_unit { format!("~/{OWN_UNITS}/{unit}") } else { format!("{UNITS}/{unit}") };
        match self.facts.paths.get(&path) {
            Some(Found::File { text, .. }) => text,
            _ => &self.wishes.unit.text,
        }
    }

    fn unit(&mut self) {
        let (facts, unit) = (self.facts, self.wishes.settings.unit.as_str());
        let (file, text) = (format!("{UNITS}/{unit}"), self.wishes.unit.text.trim_end());
        let ours = facts.has(&file, &self.wishes.unit.text);
        if self.makes_unit() {
            let from = &self.wishes.unit.from;
            self.write(format!("install the unit {unit}, {from}"), &file, text, &["unit_file", &file, text]);
        } else if !ours {
            let there = if facts.unit_file.is_empty() { &file } else { &facts.unit_file };
            let mut note = format!("{unit} is there already and stays as it is: {there}");
            if self.wishes.unit.given {
                note += &format!("; it differs from {}", self.wishes.unit.from);
            }
            self.note(note);
        }
        let off = facts.unit_enabled == "disabled";
        if self.makes_unit() || (ours && off) {
            self.step(format!("let {unit} be started at boot"), &["enable", unit]);
        } else if off {
            self.note(format!("{unit} is not started at boot; to change that, on the server, as root: systemctl enable {unit}"));
        }
        if self.runs_as_root() {
            self.warn(format!("{unit} runs as root; give it a User= of its own"));
        }
    }

    fn runs_as_root(&self) -> bool {
        matches!(self.facts.app_user.as_str(), "" | "root" | "0") && !self.dynamic_user()
    }

    fn dynamic_user(&self) -> bool {
        let text = service_value(&self.wishes.unit.text, "DynamicUser");
        self.facts.unit.dynamic_user
            || (self.makes_unit() && matches!(text, Some("yes" | "true" | "1" | "on")))
    }

    fn rights(&mut self) {
        let (facts, settings, login) = (self.facts, self.wishes.settings, self.login);
        let may = |what: &str| facts.rights.iter().any(|right| right == what);
        if self.is_root() {
            return;
        }
        if !may("all") && !may("unit") {
            let unit = settings.unit.as_str();
            let (file, rule) =
                (rights::rules_file(&settings.app, ""), rights::restart_rule(login, &settings.unit) + "\n");
            self.write(
                format!("let {login} restart {unit}, and nothing else"),
                &file,
                &rule,
                &["sudoers", &file, login, "root", &rule, "systemctl", "restart", unit],
            );
        }
        let user = facts.app_user.as_str();
        if settings.hooks.before_switch.is_empty() || user == login || may("hooks") {
            return;
        }
        if self.runs_as_root() || self.dynamic_user() {
            // It would be all of root's rights, unasked.
            self.warn(format!(
                "hooks are not possible as long as {} has no User= of its own: {login} would need all rights of root",
                settings.unit
            ));
            return;
        }
        let (file, rule) =
            (rights::rules_file(&settings.app, "-hooks"), rights::hooks_rule(login, user) + "\n");
        self.write(
            format!("let {login} run hooks as {user}"),
            &file,
            &rule,
            &["sudoers", &file, login, user, &rule, "/usr/bin/env"],
        );
    }

    fn own_unit(&mut self) {
        let (facts, unit, login) = (self.facts, self.wishes.settings.unit.as_str(), self.login);
        if !facts.lingering {
            self.step(format!("let the systemd of {login} run without a login"), &["linger", login]);
        }
        let file = format!("{OWN_UNITS}/{unit}");
        let text = &self.wishes.unit.text;
        let there = facts.paths.get(&format!("~/{file}"));
        match there {
            None => {
                let from = &self.wishes.unit.from;
                self.write(
                    format!("install the unit {unit} of {login}'s own systemd, {from}"),
                    &format!("~{login}/{file}"),
                    text,
                    &["home_file", login, &file, text],
                );
            }
            Some(_) if !facts.has(&format!("~/{file}"), text) => {
                self.note(format!("{unit} is there already and stays as it is: ~{login}/{file}"));
            }
            Some(_) => {}
        }
        self.own_enable(unit, there.is_none());
    }

    fn own_enable(&mut self, unit: &str, new: bool) {
        let login = self.login;
        if new || !self.facts.own_enabled.iter().any(|name| name == unit) {
            self.step(format!("let {unit} be started with it"), &["own_enable", login, unit]);
        }
    }

    fn nix(&mut self) {
        let (facts, login) = (self.facts, self.login);
        if self.is_root() {
            return;
        }
        let believed = facts.trusted_users.iter().any(|user| {
            user == "*"
                || user == login
                || user
                    .strip_prefix('@')
                    .is_some_and(|group| facts.account.groups.iter().any(|name| name == group))
        });
        let (line, does) = match &self.wishes.trust {
            Trust::Key(key) if facts.trusted_keys.contains(&key.public) => {
                if facts.daemon_stale {
                    self.restart_daemon();
                }
                return;
            }
            Trust::Key(key) => (
                format!("extra-trusted-public-keys = {}", key.public),
                format!("let Nix believe what is signed with {}", key.name()),
            ),
            _ if believed => return,
            Trust::Login => (
                format!("extra-trusted-users = {login}"),
                format!("let Nix believe {login} without a signature, which is as good as root"),
            ),
            Trust::Nothing => {
                self.warn(format!(
                    "Nix will not take releases from {login} yet: nothing is signed. Make a key, {}, put it into shipit.toml \
                     ([sign] key_file) and run setup again; or run it with --trusted, which makes {login} as good as root",
                    crate::deploy::send::signing_key::make_a_key(None)
                ));
                return;
            }
        };
        let conf = facts.nix_conf.as_str();
        self.write(does, conf, &line, &["nix_line", conf, &line]);
        self.restart_daemon();
    }

    fn restart_daemon(&mut self) {
        self.step(
            "restart Nix's daemon, which reads its configuration only then; builds go on".to_owned(),
            &["restart_daemon"],
        );
    }

    fn boot(&mut self) {
        let (facts, settings, login) = (self.facts, self.wishes.settings, self.login);
        let script = remote::boot_script();
        if !facts.has(boot_unit::SCRIPT, &script) {
            let does = "install what settles at boot a deploy that a power loss cut off".to_owned();
            let shown = format!("({} lines of sh; it is shipit's own)", script.lines().count());
            self.write(does, boot_unit::SCRIPT, &shown, &["root_file", boot_unit::SCRIPT, "644", &script]);
        }
        let name = boot_unit::name(&settings.unit);
        let owner = (!self.wishes.own_unit).then_some(login);
        let text = boot_unit::text(&settings.unit, &settings.root, owner);
        let does = format!("let it run before {} at boot", settings.unit);
        if self.wishes.own_unit {
            let file = format!("{OWN_UNITS}/{name}");
            let new = !facts.has(&format!("~/{file}"), &text);
            if new {
                self.write(does, &format!("~{login}/{file}"), &text, &["home_file", login, &file, &text]);
            }
            self.own_enable(&name, new);
        } else {
            let file = format!("{UNITS}/{name}");
            let new = !facts.has(&file, &text);
            if new {
                self.write(does, &file, &text, &["root_file", &file, "644", &text]);
            }
            if new || facts.boot_enabled != "enabled" {
                self.step(format!("let {name} be started at boot"), &["enable", &name]);
            }
        }
    }
}

/// The paths that the look is asked for: `file=` and `home_file=`.
pub fn paths(wishes: &Wishes<'_>) -> Vec<String> {
    let (unit, boot) = (&wishes.settings.unit, boot_unit::name(&wishes.settings.unit));
    vec![
        format!("file={UNITS}/{unit}"),
        format!("file={UNITS}/{boot}"),
        format!("file={}", boot_unit::SCRIPT),
        format!("home_file={OWN_UNITS}/{unit}"),
        format!("home_file={OWN_UNITS}/{boot}"),
        format!("home_file={AUTHORIZED_KEYS}"),
    ]
}

/// The keys without options: one with `command=` or `from=` is meant for something else.
fn plain_keys(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| super::keys::is_key(line)).collect()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
