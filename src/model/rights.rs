//! The sudo rules that a deploy needs, to the word: what `setup` installs and hints propose.

use super::names::{AppName, UnitName};

/// Restarts of the unit, and the end of its start limit; nothing else.
pub fn restart_rule(login: &str, unit: &UnitName) -> String {
    // These mean something in a rule.
    let unit = unit.as_str().replace(':', "\\:");
    format!(
        "{login} ALL=(root) NOPASSWD: /usr/bin/systemctl restart {unit}, /usr/bin/systemctl reset-failed {unit}"
    )
}

/// Hooks, as the unit's user.
pub fn hooks_rule(login: &str, user: &str) -> String {
    format!("{login} ALL=({user}) NOPASSWD: ALL")
}

/// A file for such a rule. `part`: empty, or `-hooks`.
pub fn rules_file(app: &AppName, part: &str) -> String {
    // sudo reads no file in that folder with a dot in its name.
    format!("/etc/sudoers.d/shipit-{}{part}", app.as_str().replace('.', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_rule_is_escaped() {
        let rule = restart_rule("deploy", &"a:b@1.service".parse().unwrap());
        assert!(rule.ends_with("restart a\\:b@1.service, /usr/bin/systemctl reset-failed a\\:b@1.service"));
        assert_eq!(rules_file(&"my.app".parse().unwrap(), "-hooks"), "/etc/sudoers.d/shipit-my-app-hooks");
    }
}
