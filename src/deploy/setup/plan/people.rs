//! Who logs in, what they may read, and whose the folders are.

use super::{AUTHORIZED_KEYS, OWN_KEY, Planner};
use crate::deploy::setup::facts::{Account, Found};
use crate::deploy::setup::keys;
use crate::model::failure::{Failure, Kind, Outcome};

impl Planner<'_> {
    pub(super) fn users(&mut self) -> Outcome<()> {
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

    /// Whoever may log in as the administrator may log in as a user who is new: that is how it is done by hand, too. The
    /// keys of `--key` come to those, so that a key for CI locks nobody out.
    fn keys(&mut self) -> Outcome<()> {
        let (facts, login, given) = (self.facts, self.login, &self.wishes.keys);
        let there = match facts.paths.get(&format!("~/{AUTHORIZED_KEYS}")) {
            Some(Found::File { text, .. }) => text.as_str(),
            _ => "",
        };
        let there: Vec<&str> = there.lines().map(str::trim).filter(|line| keys::has_key(line)).collect();
        let admins: Vec<&str> = match facts.admin == login {
            true => Vec::new(),
            false => facts.admin_keys.iter().flat_map(|text| plain_keys(text)).collect(),
        };
        let lets_in = |lines: &[&str], key: &str| lines.iter().any(|line| keys::is_same(line, key));
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        // One that is given with options shall have them.
        let mut handed_on = admins.clone();
        handed_on.retain(|key| there.is_empty() && !lets_in(&given, key));
        if handed_on.is_empty() && given.is_empty() && !facts.account.there {
            return Err(Failure::msg(
                Kind::NotReady,
                format!(
                    "nobody could log in as {login}: {} has no plain authorized key to hand on",
                    facts.admin
                ),
            )
            .hint(format!("say which key it shall be: {OWN_KEY}")));
        }
        self.let_in(&format!("whoever logs in as {}", facts.admin), &handed_on);
        let new: Vec<&str> = given.iter().copied().filter(|key| !there.contains(key)).collect();
        self.let_in(if new.len() > 1 { "these keys" } else { "this key" }, &new);
        let all = [there, handed_on, given].concat();
        if facts.admin != login && !all.is_empty() && !admins.iter().any(|key| lets_in(&all, key)) {
            self.plan.shut_out = true;
            self.note(format!(
                "no key that logs in as {} logs in as {login}; to let this machine's in, run setup with {OWN_KEY}",
                facts.admin
            ));
        }
        Ok(())
    }

    fn let_in(&mut self, whose: &str, keys: &[&str]) {
        if keys.is_empty() {
            return;
        }
        let (login, text) = (self.login, keys.join("\n"));
        self.write(
            format!("let {whose} log in as {login}"),
            &format!("~{login}/{AUTHORIZED_KEYS}"),
            &text,
            &["keys", login, &text],
        );
    }

    pub(super) fn groups(&mut self) {
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

    pub(super) fn folders(&mut self) {
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
}

/// The keys without options: one with `command=` or `from=` is meant for something else.
fn plain_keys(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| keys::is_key(line)).collect()
}
