//! What is known to end badly ends here, before anything is touched: exit 3, with the line that mends it.

use crate::model::event::Events;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::server::{Control, Current, RootState, ServerState};
use crate::model::settings::Settings;

/// Judges what the look at the server found. Warnings are told, the first reason to stop is returned.
///
/// # Errors
/// [`Kind::NotReady`], with the command or line that mends it.
pub fn check(settings: &Settings, state: &ServerState, hooks: bool, events: &Events) -> Outcome<()> {
    let host = &settings.host;
    if let Some(program) = state.missing_programs.first() {
        return Err(not_ready(format!("{host} lacks `{program}`, which the switch needs"))
            .hint("install coreutils, util-linux (flock) and systemd there"));
    }
    nix(settings, state)?;
    root(settings, state)?;
    unit(settings, state)?;
    control(settings, state, events)?;
    health(settings, state)?;
    if hooks {
        self::hooks(settings, state)?;
    }
    if state.pending.is_some() && state.lock_holder.is_none() {
        events.warn("an earlier deploy ended without a word; it is settled first");
    }
    if state.history.unreadable > 0 {
        events.warn(format!(
            "{} lines of {}/.shipit/journal.jsonl can not be read and are passed over",
            state.history.unreadable, settings.root
        ));
    }
    Ok(())
}

fn not_ready(text: String) -> Failure {
    Failure::msg(Kind::NotReady, text)
}

fn nix(settings: &Settings, state: &ServerState) -> Outcome<()> {
    let host = &settings.host;
    if state.nix_bin.is_none() {
        return Err(not_ready(format!("Nix was not found on {host}"))
            .hint("install multi-user Nix there; looked for nix-store and nix-daemon on the PATH of a plain `ssh HOST command`, in /nix/var/nix/profiles/default/bin, ~/.nix-profile/bin, /run/current-system/sw/bin, /usr/bin and /usr/local/bin"));
    }
    if let Some(refusal) = &state.daemon_refusal {
        return Err(not_ready(format!("{} may not use the Nix daemon of {host}: {refusal}", state.user)).hint(
            format!("on the server, as root: usermod -aG nix-users {}   (Debian's Nix lets in that group only; where `allowed-users` is set in nix.conf, add {} there)", state.user, state.user),
        ));
    }
    Ok(())
}

fn root(settings: &Settings, state: &ServerState) -> Outcome<()> {
    let (host, root, user) = (&settings.host, &settings.root, &state.user);
    match &state.root {
        RootState::Ready | RootState::Creatable => {}
        RootState::Absent => {
            return Err(not_ready(format!("{root} does not exist on {host}, and {user} can not make it"))
                .hint(format!("on the server, as root: install -d -o {user} {root}")));
        }
        RootState::NotWritable { owner, folder } => {
            return Err(not_ready(format!(
                "{folder} on {host} belongs to {owner}, and {user} can not write in it"
            ))
            .hint(format!(
                "on the server, as root: chown {user} {folder}   (the app's own data below it stays its own)"
            )));
        }
    }
    if state.current == Current::Strange {
        return Err(not_ready(format!("{root}/current on {host} is neither a link nor a folder"))
            .hint(format!("look at it, and move it away: ssh {host} ls -l {root}/current")));
    }
    Ok(())
}

fn unit(settings: &Settings, state: &ServerState) -> Outcome<()> {
    let (host, unit, root) = (&settings.host, &settings.unit, &settings.root);
    match state.unit.load.as_str() {
        "loaded" => Ok(()),
        "not-found" => Err(not_ready(format!("{unit} does not exist on {host}")).hint(format!(
            "write /etc/systemd/system/{unit} there with ExecStart={root}/current/result/bin/…, then: systemctl daemon-reload && systemctl enable {unit}; or name another `unit` in shipit.toml"
        ))),
        "masked" => Err(not_ready(format!("{unit} is masked on {host}, so it can not be started"))
            .hint(format!("on the server, as root: systemctl unmask {unit}"))),
        "" => Err(not_ready(format!("systemd on {host} does not answer")).hint(format!("ssh {host} systemctl status"))),
        other => Err(not_ready(format!("systemd on {host} could not load {unit}: {other}"))
            .hint(format!("ssh {host} systemctl status {unit}"))),
    }
}

fn control(settings: &Settings, state: &ServerState, events: &Events) -> Outcome<()> {
    let (host, unit, user) = (&settings.host, &settings.unit, &state.user);
    match state.control {
        Control::Root | Control::User { lingering: true } | Control::Sudo { restart: true, reset_failed: true } => Ok(()),
        Control::Sudo { restart: true, reset_failed: false } => {
            events.warn(format!(
                "{user} may restart {unit} but not reset its start limit: after a few failed starts systemd refuses to start even a good release. The rule to add: {}",
                rule(user, unit.as_str(), "reset-failed")
            ));
            Ok(())
        }
        Control::Sudo { restart: false, .. } => Err(not_ready(format!("{user} may not restart {unit} on {host}"))
            .hint(format!(
                "on the server, as root: visudo -f /etc/sudoers.d/shipit-{}   with the line: {}, /usr/bin/systemctl reset-failed {unit}",
                settings.app,
                rule(user, unit.as_str(), "restart")
            ))),
        Control::User { lingering: false } => Err(not_ready(format!(
            "{unit} is a unit of {user}'s own systemd, which ends with the last login of {user} on {host}"
        ))
        .hint(format!("on the server, as root: loginctl enable-linger {user}"))),
        Control::Unknown => Err(not_ready(format!("systemd on {host} does not answer")).hint(format!("ssh {host} systemctl status"))),
    }
}

fn rule(user: &str, unit: &str, verb: &str) -> String {
    format!("{user} ALL=(root) NOPASSWD: /usr/bin/systemctl {verb} {unit}")
}

fn health(settings: &Settings, state: &ServerState) -> Outcome<()> {
    let Some(check) = &settings.health.http else { return Ok(()) };
    match state.http_asker.as_deref() {
        Some("curl") => Ok(()),
        Some(_) if check.url.starts_with("http://") => Ok(()),
        Some(_) => Err(not_ready(format!(
            "nothing on {} can ask {}: https needs curl there",
            settings.host, check.url
        ))
        .hint("install curl on the server, or ask over http:// (the question never leaves the server)")),
        None => Err(not_ready(format!(
            "nothing on {} can ask {}: there is neither curl nor bash",
            settings.host, check.url
        ))
        .hint("install curl on the server")),
    }
}

fn hooks(settings: &Settings, state: &ServerState) -> Outcome<()> {
    let (host, unit) = (&settings.host, &settings.unit);
    if state.unit.dynamic_user {
        return Err(not_ready(format!(
            "{unit} on {host} has DynamicUser=, and a hook can not become that user"
        ))
        .hint("give the unit a User=, or take `before_switch` out of [hooks]"));
    }
    if hook_user(state).is_some_and(|user| state.hooks_as.as_deref() != Some(user)) {
        let user = hook_user(state).unwrap_or_default();
        return Err(not_ready(format!("{} may not run the hook as {user}, the user of {unit} on {host}", state.user)).hint(format!(
            "on the server, as root: visudo -f /etc/sudoers.d/shipit-{}-hooks   with the line: {} ALL=({user}) NOPASSWD: ALL",
            settings.app, state.user
        )));
    }
    Ok(())
}

/// The user that a hook must become by sudo; none where this login is that user already, or may not need sudo.
pub fn hook_user(state: &ServerState) -> Option<&str> {
    let user = if state.unit.user.is_empty() { "root" } else { &state.unit.user };
    let own = user == state.user || matches!(state.control, Control::User { .. });
    (!own).then_some(user)
}

/// Whether there is room for what is to be copied, with some left over for the store's database and the release.
///
/// # Errors
/// [`Kind::NotReady`] when one of the disks is too full.
pub fn space(settings: &Settings, state: &ServerState, bytes: u64) -> Outcome<()> {
    const LEFT_OVER: u64 = 16 << 20;
    let host = &settings.host;
    let too_full = |what: &str, free: u64, need: u64| {
        not_ready(format!(
            "no space on {host}: {what} has {} MiB free, and {} MiB are needed",
            free >> 20,
            need.div_ceil(1 << 20)
        ))
        .hint(format!("ssh {host} df -h {} /nix/store", settings.root))
        .hint(format!("to free the store of what nothing uses: ssh {host} nix-collect-garbage"))
    };
    if let Some(free) = state.store_free.filter(|free| *free < bytes + LEFT_OVER) {
        return Err(too_full("the disk of /nix/store", free, bytes + LEFT_OVER));
    }
    if let Some(free) = state.root_free.filter(|free| *free < LEFT_OVER) {
        return Err(too_full(&format!("the disk of {}", settings.root), free, LEFT_OVER));
    }
    Ok(())
}
