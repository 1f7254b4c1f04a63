//! What the login may do: by sudo, and in Nix's eyes.

use super::Planner;
use crate::deploy::send::signing_key::make_a_key;
use crate::deploy::setup::Trust;
use crate::model::rights;

impl Planner<'_> {
    pub(super) fn rights(&mut self) {
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

    pub(super) fn nix(&mut self) {
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
                    make_a_key(None)
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
}
