//! What the login may do there as others: restart the unit, run hooks as the unit's user, read its log.

use crate::deploy::server::mend;
use crate::model::check::Remark;
use crate::model::server::{Control, ServerState};
use crate::model::settings::Settings;

/// The restart itself.
pub fn restart(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let (host, unit, user) = (&settings.host, &settings.unit, &state.user);
    match state.control {
        Control::Root
        | Control::User { lingering: true }
        | Control::Sudo { restart: true, .. }
        | Control::Unknown => None,
        Control::Sudo { restart: false, .. } => {
            let line = mend::restart_rules(settings, state);
            Some(
                Remark::failed(format!("{user} may not restart {unit} on {host}"))
                    .hint(format!("on the server, as root: {line}")),
            )
        }
        Control::User { lingering: false } => Some(
            Remark::failed(format!(
                "{unit} is a unit of {user}'s own systemd, which ends with the last login of {user} on {host}"
            ))
            .hint(format!("on the server, as root: loginctl enable-linger {user}")),
        ),
    }
}

/// The start limit, which a few failed starts reach.
pub fn start_limit(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let may_not = matches!(state.control, Control::Sudo { restart: true, reset_failed: false });
    may_not.then(|| {
        Remark::warning(format!(
            "{} may restart {} but not reset its start limit: after a few failed starts systemd refuses even a good \
             release",
            state.user, settings.unit
        ))
        .hint(format!("on the server, as root: {}", mend::restart_rules(settings, state)))
    })
}

/// The unit's user, as which hooks run, and commands of `exec`. `what`: which of them, in words.
pub fn as_unit(settings: &Settings, state: &ServerState, what: &str) -> Option<Remark> {
    let (host, unit, login) = (&settings.host, &settings.unit, &state.user);
    if state.unit.dynamic_user {
        return Some(
            Remark::failed(format!("{unit} on {host} has DynamicUser=, and {what} can't become that user"))
                .hint("give the unit a User="),
        );
    }
    let user = hook_user(state).filter(|user| state.hooks_as.as_deref() != Some(user))?;
    let line = mend::hook_rules(settings, state, user);
    Some(
        Remark::failed(format!("{login} may not run {what} as {user}, the user of {unit} on {host}"))
            .hint(format!("on the server, as root: {line}")),
    )
}

/// The user that the unit runs as.
pub fn unit_user(state: &ServerState) -> &str {
    match state.control {
        Control::User { .. } => &state.user,
        _ if state.unit.user.is_empty() => "root",
        _ => &state.unit.user,
    }
}

/// The user that a hook must become by sudo; none where this login is that user already, or may not need sudo.
pub fn hook_user(state: &ServerState) -> Option<&str> {
    let user = unit_user(state);
    let own = user == state.user || matches!(state.control, Control::User { .. });
    (!own).then_some(user)
}

/// The unit's log lines, for the messages of failures.
pub fn log(settings: &Settings, state: &ServerState) -> Option<Remark> {
    (!state.may_read_journal).then(|| {
        Remark::warning(format!(
            "{} may not read the unit's log, so failures are told without its lines",
            state.user
        ))
        .hint(mend::journal_group(settings, state))
    })
}
