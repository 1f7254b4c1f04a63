//! The app's unit, the system's or the login's own, and what settles at boot before it.

use std::path::Path;

use super::{OWN_UNITS, Planner, UNITS};
use crate::deploy::setup::facts::Found;
use crate::model::boot_unit;
use crate::model::unit_file::service_value;
use crate::remote;

impl Planner<'_> {
    /// There is none yet.
    pub(super) fn makes_unit(&self) -> bool {
        !self.wishes.own_unit && self.facts.unit.load != "loaded"
    }

    /// The unit's text, be it there or to be made.
    pub(super) fn unit_text(&self) -> &str {
        let unit = &self.wishes.settings.unit;
        let path =
            if self.wishes.own_unit { format!("~/{OWN_UNITS}/{unit}") } else { format!("{UNITS}/{unit}") };
        match self.facts.paths.get(&path) {
            Some(Found::File { text, .. }) => text,
            _ => &self.wishes.unit.text,
        }
    }

    pub(super) fn unit(&mut self) {
        let (facts, unit) = (self.facts, self.wishes.settings.unit.as_str());
        let (file, text) = (format!("{UNITS}/{unit}"), self.wishes.unit.text.trim_end());
        let ours = facts.has(&file, &self.wishes.unit.text);
        if self.makes_unit() {
            let from = &self.wishes.unit.from;
            self.write(format!("install the unit {unit}, {from}"), &file, text, &["unit_file", &file, text]);
        } else if !ours {
            let there = if facts.unit_file.is_empty() { &file } else { &facts.unit_file };
            let mut note = format!("{unit} is there already and stays as it is: {there}");
            if let Some(new) = &self.wishes.unit.file {
                note += &format!(
                    "; {} is another one: to install that, {}",
                    new.display(),
                    self.over(new, there)
                );
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

    /// Writes a file of this machine over one there. By hand: setup writes over nothing.
    fn over(&self, new: &Path, there: &str) -> String {
        let wishes = self.wishes;
        let settings = wishes.settings;
        let root = wishes.host.as_str().trim_start_matches("ssh://").starts_with("root@");
        let sudo = if root { "" } else { "sudo " };
        let ssh = settings.ssh.by_hand("", wishes.host.as_str());
        let new = new.to_string_lossy();
        let new = shlex::try_quote(&new).unwrap_or_default();
        let there = shlex::try_quote(there).unwrap_or_default();
        let install = format!("{sudo}install -m 644 /dev/stdin {there} && {sudo}systemctl daemon-reload");
        let install = shlex::try_quote(&install).unwrap_or_default();
        // A restart is refused as long as nothing is live.
        let live =
            matches!(self.facts.paths.get(&format!("{}/current", settings.root)), Some(Found::Strange));
        let then = settings.command(if live { "restart" } else { "deploy" });
        format!("{ssh} {install} <{new}, and then {then}")
    }

    pub(super) fn runs_as_root(&self) -> bool {
        matches!(self.facts.app_user.as_str(), "" | "root" | "0") && !self.dynamic_user()
    }

    pub(super) fn dynamic_user(&self) -> bool {
        let text = service_value(&self.wishes.unit.text, "DynamicUser");
        self.facts.unit.dynamic_user
            || (self.makes_unit() && matches!(text, Some("yes" | "true" | "1" | "on")))
    }

    pub(super) fn own_unit(&mut self) {
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

    pub(super) fn boot(&mut self) {
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
