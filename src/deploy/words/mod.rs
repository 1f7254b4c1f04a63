//! The words that the scripts of the server are given, and the fields of the journal's lines.

use std::time::Duration;

use serde::Serialize;

use super::limits::{SILENCE, check_limit, patience};
use super::run::Actor;
use super::server::ready;
use super::target::Target;
use crate::model::names::{DeployNumber, ReleaseId, StorePath};
use crate::model::server::{Control, ServerState};
use crate::model::settings::Settings;
use health::health;

mod health;
mod unit;

pub use unit::exec;

/// This program, for the journal.
const TOOL: &str = concat!("shipit ", env!("CARGO_PKG_VERSION"));

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
        words.extend(unit::hook(settings, state, &target.release));
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
    fn fields_end_where_the_object_does() {
        #[derive(Serialize)]
        struct Tricky {
            a: &'static str,
        }
        assert_eq!(fields(&Tricky { a: "}\"{" }), r#","a":"}\"{""#);
    }
}
