//! The app's unit, and who can ask it.

use super::rights::hook_user;
use crate::deploy::server::mend;
use crate::model::check::Remark;
use crate::model::server::{Control, ServerState};
use crate::model::settings::Settings;

/// As much of a unit's Environment= as fits into one command with a hook's words and the scripts.
const LONGEST_ENVIRONMENT: usize = 32 * 1024;

/// Whether systemd has it.
pub fn unit(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let (host, unit, root) = (&settings.host, &settings.unit, &settings.root);
    match state.unit.load.as_str() {
        // None at all: that is said of systemd.
        "loaded" | "" => None,
        "not-found" => Some(
            Remark::failed(format!("{unit} does not exist on {host}"))
                // One line, because a block that is shown indented can't be pasted.
                .hint(format!(
                    "on the server, as root, with the app's own user and program: printf '%s\\n' '[Unit]' After=network.target '' \
                     '[Service]' User=www-data WorkingDirectory={root}/current ExecStart={root}/current/result/bin/{} \
                     Restart=always '' '[Install]' WantedBy=multi-user.target > /etc/systemd/system/{unit} && \
                     systemctl daemon-reload && systemctl enable {unit}",
                    settings.app
                ))
                .hint("or name another `unit` in shipit.toml")
                .hint(format!("or have it made, shown first: {}", settings.command("setup --as root"))),
        ),
        "masked" => Some(
            Remark::failed(format!("{unit} is masked on {host}, so it can't be started"))
                .hint(format!("on the server, as root: systemctl unmask {unit}")),
        ),
        other => Some(
            Remark::failed(format!("systemd on {host} could not load {unit}: {other}")).hint(format!(
                "what is wrong with it: {}",
                settings.ssh(&format!("systemd-analyze verify {unit}"))
            )),
        ),
    }
}

/// Whether it can be said what it runs as.
pub fn is_loaded(state: &ServerState) -> bool {
    state.unit.load == "loaded"
}

/// Whether systemd has read what the unit's file says now.
pub fn reload(settings: &Settings, state: &ServerState) -> Option<Remark> {
    (is_loaded(state) && state.unit.needs_reload).then(|| {
        Remark::warning(format!("{} was edited since systemd read it", settings.unit)).hint(mend::by_hand(
            settings,
            state,
            &["daemon-reload"],
        ))
    })
}

/// What a unit file may say that makes a deploy change nothing. systemd would not call it wrong.
pub fn program(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let (unit, starts) = (&settings.unit, &state.unit.exec_start);
    let current = format!("{}/current/", settings.root);
    if !is_loaded(state) || starts.is_empty() || starts.iter().any(|line| line.contains(&current)) {
        return None;
    }
    Some(
        Remark::warning(format!(
            "no ExecStart= of {unit} is below {current}, so a deploy may change nothing that it runs"
        ))
        .hint(drop_in(
            settings,
            state,
            &format!("ExecStart= ExecStart={current}result/bin/{}", settings.app),
        )),
    )
}

/// The line that adds settings of `[Service]`, without a blank in them, to the unit. Of several such files the last by
/// name wins.
pub fn drop_in(settings: &Settings, state: &ServerState, lines: &str) -> String {
    let unit = &settings.unit;
    let (folder, reload) = match state.control {
        Control::User { .. } => (format!("~/.config/systemd/user/{unit}.d"), "systemctl --user"),
        _ => (format!("/etc/systemd/system/{unit}.d"), "systemctl"),
    };
    let who = if matches!(state.control, Control::User { .. }) { state.user.as_str() } else { "root" };
    format!(
        "on the server, as {who}: mkdir -p {folder} && printf '%s\\n' '[Service]' {lines} >> {folder}/zz-shipit.conf && \
         {reload} daemon-reload"
    )
}

/// Whether it runs, where there is something to run.
pub fn stopped(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let stopped = matches!(state.unit.active.as_str(), "inactive" | "failed");
    (is_loaded(state) && stopped && state.current.release().is_some()).then(|| {
        Remark::warning(format!(
            "{} does not run now (it is {}); this starts it",
            settings.unit, state.unit.active
        ))
    })
}

/// Who can ask the health check.
pub fn asker(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let check = settings.health.http.as_ref()?;
    let nothing =
        |why: &str| Remark::failed(format!("nothing on {} can ask {}: {why}", settings.host, check.url));
    let curl = super::server::install(state, &["curl"]);
    match state.http_asker.as_deref() {
        Some("curl") => None,
        Some(_) if check.url.starts_with("http://") => None,
        Some(_) => Some(
            nothing("https needs curl there")
                .hint(curl)
                .hint("or ask over http:// (the question never leaves the server)"),
        ),
        None => Some(nothing("there is neither curl nor bash").hint(curl)),
    }
}

/// What a hook or a command of `exec` has to be given of the unit's environment. Found out here, and not by the hook, when
/// everything has been built and copied.
pub fn environment(settings: &Settings, state: &ServerState, what: &str) -> Option<Remark> {
    let (host, unit) = (&settings.host, &settings.unit);
    let environment: usize = state.unit.environment.iter().map(|pair| pair.len() + 1).sum();
    if environment > LONGEST_ENVIRONMENT {
        return Some(
            Remark::failed(format!(
                "the Environment= of {unit} on {host} has {environment} bytes, and {what} can be given {LONGEST_ENVIRONMENT}"
            ))
            .hint("move some of it into an EnvironmentFile=, which has no such limit"),
        );
    }
    let (file, group) = state.unreadable.first()?;
    let user = hook_user(state).unwrap_or(&state.user);
    let shown = shlex::try_quote(file).map_or_else(|_| file.clone(), Into::into);
    Some(
        Remark::failed(format!(
            "{user} can't read {file} on {host}, an EnvironmentFile of {unit}, so {what} can't run as the unit does"
        ))
        .hint(format!(
            "on the server, as root: chgrp {group} {shown} && chmod g+r {shown}   (its folders must let {user} in, too)"
        )),
    )
}
