//! The words that `switch.sh` and `outcome.sh` are given, and the fields of the journal's lines.

use std::time::Duration;

use serde::Serialize;

use super::restart;
use super::server::ready;
use crate::model::names::{DeployNumber, ReleaseId, StorePath};
use crate::model::server::{Control, ServerState};
use crate::model::settings::{HttpCheck, Settings};
use crate::remote::{self, EXEC_RUN, HOOK};

/// How long the server goes on without a word of its client. Shorter is too tight: TCP backs off, so a cut of 16 s
/// can be 29 s of silence.
pub const SILENCE: Duration = Duration::from_secs(30);
/// What a start or stop without a limit of its own is given.
const NO_LIMIT: u64 = 300;
/// What placing a release and removing old ones is given.
const COPYING: Duration = Duration::from_secs(20 * 60);
/// This program, for the journal.
const TOOL: &str = concat!("shipit ", env!("CARGO_PKG_VERSION"));

/// What is to be made live.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name.
    pub release: ReleaseId,
    /// Its closure's top path.
    pub store_path: StorePath,
    /// The assets' store path, where it has any.
    pub assets: Option<StorePath>,
    /// The commit's first line.
    pub subject: Option<String>,
    /// Whether it is put there now (a deploy), or is there (a rollback).
    pub place: bool,
    /// Whether the hooks run.
    pub hook: bool,
    /// What the user typed: `deploy`, `rollback` or `restart`.
    pub command: &'static str,
    /// The reason of the hold that comes with it: `rollback --hold`.
    pub hold: Option<String>,
}

impl Target {
    /// What is live is started again, and nothing is moved.
    pub fn is_restart(&self) -> bool {
        self.command == restart::COMMAND
    }
}

/// Who does it.
#[derive(Debug, Clone)]
pub struct Actor {
    /// `anna@laptop`
    pub who: String,
    /// A CI run's URL.
    pub from: Option<String>,
}

/// A deploy's own fields of the journal's lines.
#[derive(Serialize)]
struct Meta<'a> {
    token: &'a str,
    command: &'a str,
    release: &'a ReleaseId,
    store_path: &'a StorePath,
    #[serde(skip_serializing_if = "Option::is_none")]
    assets: Option<&'a str>,
    who: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    tool: &'a str,
}

/// The fields of a hold: in `.shipit/hold`, and in the journal's lines `hold` and `unhold`.
#[derive(Serialize)]
struct HoldMeta<'a> {
    who: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    tool: &'a str,
}

/// How long a stop of the unit may take, and a start.
pub fn unit_limits(state: &ServerState) -> (Duration, Duration) {
    let limit = |seconds: Option<u64>| Duration::from_secs(seconds.unwrap_or(NO_LIMIT));
    (limit(state.unit.timeout_stop), limit(state.unit.timeout_start))
}

/// How long both may take together.
pub fn patience(state: &ServerState) -> Duration {
    let (stop, start) = unit_limits(state);
    stop + start
}

/// By when the server has gone back, counted from the loss of contact.
pub fn deadline(state: &ServerState) -> Duration {
    SILENCE + patience(state)
}

/// How long a whole switch may take, copying and removing releases included. A server that talks for longer without
/// an end is as good as lost.
pub fn longest(settings: &Settings, state: &ServerState, target: &Target, lock: Duration) -> Duration {
    let hook = if target.hook { settings.hooks.timeout } else { Duration::ZERO };
    lock + hook + check_limit(settings, state) + patience(state) + COPYING
}

/// How long the server waits for a verdict.
fn check_limit(settings: &Settings, state: &ServerState) -> Duration {
    settings.health.within + settings.health.settle + patience(state) + SILENCE
}

/// The number that the next deploy gets. The server counts an adoption as one of its own and says so.
pub fn next_number(state: &ServerState) -> DeployNumber {
    DeployNumber(state.history.entries.iter().map(|entry| entry.deploy.0).max().unwrap_or(0) + 1)
}

/// For `switch.sh`.
pub fn switch(
    settings: &Settings,
    state: &ServerState,
    target: &Target,
    actor: &Actor,
    token: &str,
    wait: Duration,
    prune: &[ReleaseId],
) -> Vec<String> {
    let known = state.history.entries.iter().any(|entry| entry.release.as_ref() == Some(&target.release));
    let meta = Meta {
        token,
        command: target.command,
        release: &target.release,
        store_path: &target.store_path,
        // A rollback places nothing, and does not know.
        assets: target.place.then(|| target.assets.as_ref().map_or("", StorePath::as_str)),
        who: &actor.who,
        from: actor.from.as_deref(),
        subject: target.subject.as_deref(),
        tool: TOOL,
    };
    let fields = fields(&meta);
    let mut words = common(settings, state, token, wait);
    words.extend([
        format!("silence={}", SILENCE.as_secs()),
        format!("limit={}", check_limit(settings, state).as_secs()),
        format!("logs={}", yes(state.may_read_journal)),
        format!("nix={}", state.nix_bin.as_deref().unwrap_or_default()),
        format!("release={}", target.release),
        format!("store_path={}", target.store_path),
        format!("assets={}", target.assets.as_ref().map(StorePath::as_str).unwrap_or_default()),
        format!("place={}", yes(target.place)),
        format!("again={}", yes(target.is_restart())),
        format!("known={}", yes(known)),
        format!("seen_current={}", state.seen_current),
        format!("seen_journal={}", state.journal_size),
        format!("number={}", next_number(state).0),
        format!("meta={fields}"),
        format!("holder={fields}"),
    ]);
    if let Some(http) = &settings.health.http {
        words.extend(health(http, state));
    }
    if let Some(reason) = &target.hold {
        let (who, fields) = hold_fields(actor, Some(reason));
        words.extend([format!("hold_who={who}"), format!("hold={fields}")]);
    }
    words.extend(prune.iter().map(|release| format!("prune={release}")));
    if target.hook && !settings.hooks.before_switch.is_empty() {
        words.push(format!("hook_user={}", ready::hook_user(state).unwrap_or_default()));
        words.push("--".to_owned());
        words.extend(self::hook(settings, state, &target.release));
    }
    words
}

/// For `outcome.sh`.
pub fn outcome(settings: &Settings, state: &ServerState, token: &str) -> Vec<String> {
    common(settings, state, token, SILENCE + Duration::from_secs(60))
}

/// For `prune.sh`.
pub fn prune(
    settings: &Settings,
    state: &ServerState,
    actor: &Actor,
    wait: Duration,
    gone: &[ReleaseId],
) -> Vec<String> {
    #[derive(Serialize)]
    struct Note<'a> {
        command: &'a str,
        who: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<&'a str>,
    }
    let note = Note { command: "prune", who: &actor.who, from: actor.from.as_deref() };
    let mut words = common(settings, state, "", wait);
    words.extend([
        format!("seen_current={}", state.seen_current),
        format!("seen_journal={}", state.journal_size),
        format!("holder={}", fields(&note)),
    ]);
    words.extend(gone.iter().map(|release| format!("prune={release}")));
    words
}

/// For `hold.sh`. `verb`: `hold` or `unhold`.
pub fn hold(settings: &Settings, verb: &str, actor: &Actor, reason: Option<&str>) -> Vec<String> {
    let (who, fields) = hold_fields(actor, reason);
    vec![
        format!("root={}", settings.root),
        format!("verb={verb}"),
        format!("who={who}"),
        format!("fields={fields}"),
        format!("reason={}", yes(reason.is_some())),
    ]
}

/// What names a person's line in `.shipit/hold`, and the fields that it begins with.
fn hold_fields(actor: &Actor, reason: Option<&str>) -> (String, String) {
    let meta = HoldMeta { who: &actor.who, from: actor.from.as_deref(), reason, tool: TOOL };
    (format!("\"who\":{},", serde_json::json!(actor.who)), fields(&meta))
}

/// For `doctor.sh`. `probe`: the path with which an import was tried.
pub fn doctor(settings: &Settings, state: &ServerState, probe: Option<&StorePath>) -> Vec<String> {
    let mut words = vec![
        format!("unit={}", settings.unit),
        format!("control={}", control(state)),
        format!("nix={}", state.nix_bin.as_deref().unwrap_or_default()),
        format!("probe={}", probe.map(StorePath::as_str).unwrap_or_default()),
    ];
    let needed = state.unit.environment_files.iter().filter(|(_, missing_is_fine)| !missing_is_fine);
    words.extend(needed.map(|(file, _)| format!("file={file}")));
    if let Some(http) = &settings.health.http {
        words.extend(health(http, state));
    }
    words
}

/// How the unit is controlled, as the scripts are told.
pub fn control(state: &ServerState) -> &'static str {
    match state.control {
        Control::Root | Control::Unknown => "root",
        Control::Sudo { .. } => "sudo",
        Control::User { .. } => "user",
    }
}

fn common(settings: &Settings, state: &ServerState, token: &str, wait: Duration) -> Vec<String> {
    vec![
        format!("root={}", settings.root),
        format!("unit={}", settings.unit),
        format!("control={}", control(state)),
        format!("patience={}", patience(state).as_secs()),
        // None, which is for ever, is longer than anybody waits.
        format!("start_limit={}", state.unit.start_limit.unwrap_or(u64::from(u32::MAX))),
        format!("token={token}"),
        format!("wait={}", wait.as_secs()),
    ]
}

fn health(http: &HttpCheck, state: &ServerState) -> Vec<String> {
    // curl takes the URL whole; bash needs its parts, and asks http:// alone (`ready` has seen to that).
    let rest = http.url.split_once("://").map_or(http.url.as_str(), |(_, rest)| rest);
    let cut = rest.find(['/', '?']).unwrap_or(rest.len());
    let (place, path) = rest.split_at(cut);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let (name, port) = match place.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => (name, port),
        _ => (place, "80"),
    };
    vec![
        format!("health_url={}", http.url),
        format!("health_host={}", http.host.as_deref().unwrap_or_default()),
        format!("health_name={}", name.trim_matches(['[', ']'])),
        format!("health_port={port}"),
        format!("health_path={path}"),
        format!("asker={}", state.http_asker.as_deref().unwrap_or_default()),
    ]
}

/// The words of `env -i` and `hook.sh`: how long, and what.
fn hook(settings: &Settings, state: &ServerState, release: &ReleaseId) -> Vec<String> {
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
    words.extend(["sh", "-c", &script.map(remote::stripped).concat(), "shipit-hook"].map(str::to_owned));
    words.push(format!("{}/releases/{release}", settings.root));
    words.push(if state.unit.umask.is_empty() { "0022".to_owned() } else { state.unit.umask.clone() });
    words.push(state.unit.environment_files.len().to_string());
    for (file, missing_is_fine) in &state.unit.environment_files {
        words.push(format!("{}{file}", if *missing_is_fine { "-" } else { "" }));
    }
    words
}

/// JSON fields to stand behind others: `,"a":1,"b":2`.
fn fields(meta: &impl Serialize) -> String {
    let json = serde_json::to_string(meta).unwrap_or_default();
    let inner = json.trim_start_matches('{').trim_end_matches('}');
    if inner.is_empty() { String::new() } else { format!(",{inner}") }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_for_bash() {
        let parts = |url: &str| {
            let http = HttpCheck { url: url.into(), host: None, status: vec![] };
            health(&http, &ServerState::default())[2..5].join(" ")
        };
        assert_eq!(
            parts("http://127.0.0.1:3001/healthz?x=1"),
            "health_name=127.0.0.1 health_port=3001 health_path=/healthz?x=1"
        );
        assert_eq!(parts("http://localhost"), "health_name=localhost health_port=80 health_path=/");
        assert_eq!(parts("http://[::1]:8080/"), "health_name=::1 health_port=8080 health_path=/");
        assert_eq!(parts("http://[::1]/"), "health_name=::1 health_port=80 health_path=/");
    }

    #[test]
    fn fields_end_where_the_object_does() {
        #[derive(Serialize)]
        struct Tricky {
            a: &'static str,
        }
        assert_eq!(fields(&Tricky { a: "}\"{" }), r#","a":"}\"{""#);
    }
}
