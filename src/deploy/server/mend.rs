//! What to type on the server so that what was refused can be done.

use crate::model::rights;
use crate::model::server::{Control, ServerState};
use crate::model::settings::Settings;

/// systemd or sudo refused a restart: the line to type, out of what was said.
pub fn restart(settings: &Settings, state: &ServerState, said: &str) -> String {
    let unit = &settings.unit;
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let first = if has(&["masked"]) {
        format!("unmask {unit}")
    } else if has(&["not found", "not-found", "not loaded"]) {
        return format!(
            "bring the file of {unit} back, and then {}",
            by_hand(settings, state, &["daemon-reload", &format!("restart {unit}")])
        );
    } else if has(&["password is required", "not allowed", "a terminal is required", "may not run sudo"]) {
        return format!(
            "on the server, as root: {} && systemctl restart {unit}",
            restart_rules(settings, state)
        );
    } else {
        // A start limit, or a limit of the machine: in its first few words systemd does not always say which.
        format!("reset-failed {unit}")
    };
    by_hand(settings, state, &[&first, &format!("restart {unit}")])
}

/// The sudo rules that a deploy needs, as one line to paste, which ends with sudo's own check of the file.
pub fn restart_rules(settings: &Settings, state: &ServerState) -> String {
    sudo_file(settings, "", &rights::restart_rule(state.user.as_str(), &settings.unit))
}

/// … and the one that hooks need, which run as `user`.
pub fn hook_rules(settings: &Settings, state: &ServerState, user: &str) -> String {
    sudo_file(settings, "-hooks", &rights::hooks_rule(state.user.as_str(), user))
}

fn sudo_file(settings: &Settings, part: &str, rule: &str) -> String {
    let file = rights::rules_file(&settings.app, part);
    format!("echo '{rule}' | install -m 440 /dev/stdin {file} && visudo -cf {file}")
}

/// What lets a login read the unit's log.
pub fn journal_group(settings: &Settings, state: &ServerState) -> String {
    format!("on {}, as root: usermod -aG systemd-journal {}", settings.host, state.user)
}

/// Commands of systemctl, to be pasted on the server.
pub fn by_hand(settings: &Settings, state: &ServerState, commands: &[&str]) -> String {
    let (who, program) = match state.control {
        Control::User { .. } => (state.user.as_str(), "systemctl --user"),
        _ => ("root", "systemctl"),
    };
    let commands: Vec<String> = commands.iter().map(|command| format!("{program} {command}")).collect();
    format!("on {}, as {who}: {}", settings.host, commands.join(" && "))
}
