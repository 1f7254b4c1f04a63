//! The words of what runs as the unit does: hooks, and `exec`.

use super::yes;
use crate::deploy::server::ready;
use crate::model::names::ReleaseId;
use crate::model::server::{Control, ServerState};
use crate::model::settings::Settings;
use crate::remote::{self, EXEC_RUN, HOOK};

/// The words of `env -i` and `hook.sh`: how long, and what.
pub fn hook(settings: &Settings, state: &ServerState, release: &ReleaseId) -> Vec<String> {
    let mut words = in_unit(settings, state, release, HOOK);
    words.push(settings.hooks.timeout.as_secs().max(1).to_string());
    words.extend(settings.hooks.before_switch.iter().cloned());
    words
}

/// For `exec.sh`: how to become the unit's user, whether there is a terminal, and what `exec_run.sh` is given. `keeper`: the
/// process that it ends with.
pub fn exec(
    settings: &Settings,
    state: &ServerState,
    release: &ReleaseId,
    terminal: bool,
    keeper: u32,
    command: &[String],
) -> Vec<String> {
    let user = ready::hook_user(state);
    let how = match (user, state.control) {
        (None, _) => "",
        (Some(_), Control::Root) => "root",
        (Some(_), _) => "sudo",
    };
    let mut words = vec![how.to_owned(), user.unwrap_or_default().to_owned(), yes(terminal).to_owned()];
    words.extend(in_unit(settings, state, release, EXEC_RUN));
    words.push(keeper.to_string());
    words.extend(command.iter().cloned());
    words
}

/// The words of `env -i` and a script that begins with `unit_env.sh`, up to its own: the unit's environment, and where.
fn in_unit(settings: &Settings, state: &ServerState, release: &ReleaseId, script: [&str; 2]) -> Vec<String> {
    let user = if state.unit.user.is_empty() { "root" } else { &state.unit.user };
    // What systemd itself would set for the unit.
    let mut words = vec![
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin".to_owned(),
        format!("USER={user}"),
        format!("LOGNAME={user}"),
    ];
    words.extend(state.unit.environment.iter().filter(|pair| pair.contains('=')).cloned());
    words.extend(["sh", "-c", &script.map(remote::stripped).concat(), "shipit"].map(str::to_owned));
    words.push(format!("{}/releases/{release}", settings.root));
    words.push(if state.unit.umask.is_empty() { "0022".to_owned() } else { state.unit.umask.clone() });
    words.push(state.unit.environment_files.len().to_string());
    for (file, missing_is_fine) in &state.unit.environment_files {
        words.push(format!("{}{file}", if *missing_is_fine { "-" } else { "" }));
    }
    words
}
