//! What is known to end badly ends here, before anything is touched: exit 3, with the line that mends it.

use crate::model::event::Events;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::server::{Control, Current, RootState, ServerState};
use crate::model::settings::Settings;

/// As much of a unit's Environment= as fits into one command with a hook's words and the scripts.
const LONGEST_ENVIRONMENT: usize = 32 * 1024;

/// Judges what the look at the server found. Warnings are told; all that stands in the way is said at once.
///
/// # Errors
/// [`Kind::NotReady`], with the commands or lines that mend it.
pub fn check(settings: &Settings, state: &ServerState, hooks: bool, events: &Events) -> Outcome<()> {
    let mut checks = vec![
        login(settings, state),
        programs(settings, state),
        nix(settings, state),
        root(settings, state),
        unit(settings, state, events),
        control(settings, state, events),
        health(settings, state),
    ];
    if hooks {
        checks.push(self::hooks(settings, state));
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
    let failures: Vec<Failure> = checks.into_iter().filter_map(Result::err).collect();
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.into_iter().next().unwrap_or_else(|| not_ready(String::new()))),
        _ => Err(together(settings, failures)),
    }
}

/// Whether shipit can write at all below root: what a hold needs.
///
/// # Errors
/// [`Kind::NotReady`], with the line that mends it.
pub fn folder(settings: &Settings, state: &ServerState) -> Outcome<()> {
    programs(settings, state).and_then(|()| root(settings, state))
}

/// Several reasons as one failure: each with its number, so that one round of mending is enough.
fn together(settings: &Settings, failures: Vec<Failure>) -> Failure {
    let mut all = not_ready(format!("{} is not ready: {} things are missing", settings.host, failures.len()));
    let mut lines = Vec::new();
    for (number, failure) in (1..).zip(failures) {
        lines.push(format!("{number}. {:#}", failure.error));
        all.hints.extend(failure.hints.into_iter().map(|hint| format!("({number}) {hint}")));
    }
    all.detail("what a deploy needs and the server has not", lines)
}

/// What goes over the connection must arrive at what it is for.
fn login(settings: &Settings, state: &ServerState) -> Outcome<()> {
    if !state.input_eaten {
        return Ok(());
    }
    let (host, user) = (&settings.host, &state.user);
    Err(not_ready(format!(
        "a startup file of {user}'s login shell on {host} reads what is sent to its commands"
    ))
    .hint(format!("this must print fine: echo fine | {}", settings.ssh("cat")))
    .hint(
        "in ~/.bashrc or the like, let what reads or starts another shell be for people only: \
             case $- in *i*) ;; *) return ;; esac",
    ))
}

fn programs(settings: &Settings, state: &ServerState) -> Outcome<()> {
    match state.missing_programs.first() {
        Some(program) => {
            Err(not_ready(format!("{} lacks `{program}`, which the switch needs", settings.host))
                .hint("install coreutils, sed, grep, util-linux (flock) and systemd there"))
        }
        None => Ok(()),
    }
}

fn not_ready(text: String) -> Failure {
    Failure::msg(Kind::NotReady, text)
}

/// Whether Nix is there and lets this login in.
///
/// # Errors
/// [`Kind::NotReady`], with what mends it.
pub fn nix(settings: &Settings, state: &ServerState) -> Outcome<()> {
    let (host, user) = (&settings.host, &state.user);
    if state.nix_bin.is_none() {
        return Err(not_ready(format!("Nix was not found on {host}")).hint(
            "install multi-user Nix there; looked for nix-store and nix-daemon on the PATH that `ssh HOST command` \
             has, and in /nix/var/nix/profiles/default/bin, ~/.nix-profile/bin, /run/current-system/sw/bin, \
             /usr/bin and /usr/local/bin",
        ));
    }
    let Some(refusal) = &state.daemon_refusal else { return Ok(()) };
    Err(not_ready(format!("{user} may not use the Nix daemon of {host}: {refusal}"))
        .hint(format!(
            "on the server, as root: usermod -aG nix-users {user}   (Debian's Nix lets in that group only)"
        ))
        .hint(format!("where nix.conf there has `allowed-users`: add {user} to it")))
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
                "on the server, as root: chown {user} {folder}   (the app's own data stays its own)"
            )));
        }
    }
    if state.current == Current::Strange {
        return Err(not_ready(format!(
            "{root}/current on {host} is neither a folder nor a link with a text of one line"
        ))
        .hint(format!("look at it, and move it away: {}", settings.ssh(&format!("ls -l {root}/current")))));
    }
    let Some((path, is)) = state.odd.first() else { return Ok(()) };
    let failure = not_ready(format!("{path} on {host} {is}, which shipit did not make so"));
    let owner = is.strip_prefix("belongs to ");
    Err(match owner {
        Some(_) => failure.hint(format!("on the server, as root: chown -R {user} {path}")),
        None => failure.hint(format!(
            "look at it: {}; then move it away, as whoever it belongs to: mv {path} {path}.found",
            settings.ssh(&format!("ls -ld {path}"))
        )),
    })
}

/// Whether the unit is there and can be started.
///
/// # Errors
/// [`Kind::NotReady`], with what mends it.
pub fn unit(settings: &Settings, state: &ServerState, events: &Events) -> Outcome<()> {
    let (host, unit, root) = (&settings.host, &settings.unit, &settings.root);
    match state.unit.load.as_str() {
        "loaded" => {
            unit_file(settings, state, events);
            if matches!(state.unit.active.as_str(), "inactive" | "failed")
                && state.current.release().is_some()
            {
                events.warn(format!("{unit} does not run now (it is {}); this starts it", state.unit.active));
            }
            Ok(())
        }
        "not-found" => Err(not_ready(format!("{unit} does not exist on {host}"))
            .hint(format!(
                "on the server, as root, with the app's own user and program:\n\
                 cat > /etc/systemd/system/{unit} <<'EOF'\n\
                 [Unit]\nAfter=network.target\n\n\
                 [Service]\nUser=www-data\nWorkingDirectory={root}/current\n\
                 ExecStart={root}/current/result/bin/{}\nRestart=always\n\n\
                 [Install]\nWantedBy=multi-user.target\nEOF\n\
                 systemctl daemon-reload && systemctl enable {unit}",
                settings.app
            ))
            .hint("or name another `unit` in shipit.toml")),
        "masked" => Err(not_ready(format!("{unit} is masked on {host}, so it can not be started"))
            .hint(format!("on the server, as root: systemctl unmask {unit}"))),
        "" => Err(silent_systemd(settings)),
        other => Err(not_ready(format!("systemd on {host} could not load {unit}: {other}")).hint(format!(
            "what is wrong with it: {}",
            settings.ssh(&format!("systemd-analyze verify {unit}"))
        ))),
    }
}

/// What a unit file may say that makes a deploy change nothing. systemd would not call it wrong.
fn unit_file(settings: &Settings, state: &ServerState, events: &Events) {
    let (unit, root) = (&settings.unit, &settings.root);
    if state.unit.needs_reload {
        events.warn(format!(
            "{unit} was edited since systemd read it; on the server, as root: systemctl daemon-reload"
        ));
    }
    let current = format!("{root}/current/");
    if !state.unit.exec_start.is_empty() && !state.unit.exec_start.iter().any(|line| line.contains(&current))
    {
        events.warn(format!(
            "no ExecStart= of {unit} is below {current}, so a deploy may change nothing that it runs; \
             usual is ExecStart={current}result/bin/{}",
            settings.app
        ));
    }
}

fn silent_systemd(settings: &Settings) -> Failure {
    not_ready(format!("systemd on {} does not answer", settings.host)).hint(settings.ssh("systemctl status"))
}

fn control(settings: &Settings, state: &ServerState, events: &Events) -> Outcome<()> {
    let (host, unit, user) = (&settings.host, &settings.unit, &state.user);
    match state.control {
        Control::Root
        | Control::User { lingering: true }
        | Control::Sudo { restart: true, reset_failed: true } => Ok(()),
        Control::Sudo { restart: true, reset_failed: false } => {
            let line = restart_rules(settings, state);
            events.warn(format!(
                "{user} may restart {unit} but not reset its start limit: after a few failed starts systemd refuses \
                 even a good release. To allow it, on the server, as root: {line}"
            ));
            Ok(())
        }
        Control::Sudo { restart: false, .. } => {
            let line = restart_rules(settings, state);
            Err(not_ready(format!("{user} may not restart {unit} on {host}"))
                .hint(format!("on the server, as root: {line}")))
        }
        Control::User { lingering: false } => Err(not_ready(format!(
            "{unit} is a unit of {user}'s own systemd, which ends with the last login of {user} on {host}"
        ))
        .hint(format!("on the server, as root: loginctl enable-linger {user}"))),
        Control::Unknown => Err(silent_systemd(settings)),
    }
}

/// The sudo rules that a deploy needs, as one line to paste, which ends with sudo's own check of the file.
pub fn restart_rules(settings: &Settings, state: &ServerState) -> String {
    let (unit, user) = (&settings.unit, &state.user);
    // sudo reads no file in that folder with a dot in its name.
    let file = format!("/etc/sudoers.d/shipit-{}", settings.app.to_string().replace('.', "-"));
    format!(
        "echo '{user} ALL=(root) NOPASSWD: /usr/bin/systemctl restart {unit}, /usr/bin/systemctl reset-failed {unit}' \
         | install -m 440 /dev/stdin {file} && visudo -cf {file}"
    )
}

fn health(settings: &Settings, state: &ServerState) -> Outcome<()> {
    let Some(check) = &settings.health.http else { return Ok(()) };
    let nothing = |why: &str| not_ready(format!("nothing on {} can ask {}: {why}", settings.host, check.url));
    match state.http_asker.as_deref() {
        Some("curl") => Ok(()),
        Some(_) if check.url.starts_with("http://") => Ok(()),
        Some(_) => Err(nothing("https needs curl there")
            .hint("install curl on the server, or ask over http:// (the question never leaves the server)")),
        None => Err(nothing("there is neither curl nor bash").hint("install curl on the server")),
    }
}

fn hooks(settings: &Settings, state: &ServerState) -> Outcome<()> {
    as_unit(settings, state, "the hook").map_err(|failure| {
        let without = "or take `before_switch` out of [hooks]";
        if state.unit.dynamic_user { failure.hint(without) } else { failure }
    })
}

/// Whether something of ours can run as the unit does: its user, its environment. `what`: in words.
///
/// # Errors
/// [`Kind::NotReady`], with the line that mends it.
pub fn as_unit(settings: &Settings, state: &ServerState, what: &str) -> Outcome<()> {
    let (host, unit, login) = (&settings.host, &settings.unit, &state.user);
    if state.unit.dynamic_user {
        return Err(not_ready(format!(
            "{unit} on {host} has DynamicUser=, and {what} can not become that user"
        ))
        .hint("give the unit a User="));
    }
    let environment: usize = state.unit.environment.iter().map(|pair| pair.len() + 1).sum();
    if environment > LONGEST_ENVIRONMENT {
        return Err(not_ready(format!(
            "the Environment= of {unit} on {host} has {environment} bytes, and {what} can be given {LONGEST_ENVIRONMENT}"
        ))
        .hint("move some of it into an EnvironmentFile=, which has no such limit"));
    }
    match hook_user(state) {
        Some(user) if state.hooks_as.as_deref() != Some(user) => {
            return Err(not_ready(format!(
                "{login} may not run {what} as {user}, the user of {unit} on {host}"
            ))
            .hint(format!(
                "on the server, as root: visudo -f /etc/sudoers.d/shipit-{}-hooks   with the line: \
             {login} ALL=({user}) NOPASSWD: ALL",
                settings.app
            )));
        }
        _ => {}
    }
    // Found out here, and not by the hook, when everything has been built and copied.
    let Some((file, group)) = state.unreadable.first() else { return Ok(()) };
    let user = hook_user(state).unwrap_or(login);
    Err(not_ready(format!(
        "{user} can not read {file} on {host}, an EnvironmentFile of {unit}, so {what} can not run as the unit does"
    ))
    .hint({
        let file = shlex::try_quote(file).map_or_else(|_| file.clone(), Into::into);
        format!(
            "on the server, as root: chgrp {group} {file} && chmod g+r {file}   (its folders must let {user} in, too)"
        )
    }))
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
    let enough = |what: &str, free: Option<u64>, need: u64| match free {
        Some(free) if free < need => Err(not_ready(format!(
            "no space on {}: the disk of {what} has {} MiB free, and {} MiB are needed",
            settings.host,
            free >> 20,
            need.div_ceil(1 << 20)
        ))
        .hint(settings.ssh(&format!("df -h {} /nix/store", settings.root)))
        .hint(format!("to free the store of what nothing uses: {}", settings.ssh("nix-collect-garbage")))),
        _ => Ok(()),
    };
    enough("/nix/store", state.store_free, bytes + LEFT_OVER)?;
    enough(settings.root.as_str(), state.root_free, LEFT_OVER)
}
