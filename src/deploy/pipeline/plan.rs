//! What a deploy would do, as the steps of `--dry-run`.

use super::news::News;
use crate::deploy::run::Run;
use crate::deploy::send::copy;
use crate::deploy::server::ready;
use crate::deploy::target::Target;
use crate::model::event::Event;
use crate::model::names::{AssetPath, ReleaseId};
use crate::model::server::{Current, ServerState};
use crate::model::size;

/// So many paths are named that would be sent.
const NAMED: usize = 5;

/// Tells the steps. The build and what is missing were told already: they were really done and looked for.
pub fn tell(run: &Run<'_>, state: &ServerState, target: &Target, sending: &copy::Plan, news: News) {
    let settings = run.settings;
    let tell = |step: String| run.events.tell(Event::Plan { step });
    for hold in &state.holds {
        tell(format!("be refused with exit code 6: deploys are held {}", hold.by(&run.zone)));
    }
    let now = match &state.current {
        Current::Absent => "nothing".to_owned(),
        Current::Directory => "a folder that shipit did not make".to_owned(),
        Current::Release(release) => release.short(),
        Current::Elsewhere(text) => text.clone(),
        Current::Strange => "neither a link nor a folder".to_owned(),
    };
    let subjects = match (state.live_subject(), &target.subject) {
        (Some(old), Some(new)) => format!(", from \"{old}\" to \"{new}\""),
        (None, Some(new)) => format!(", which is \"{new}\""),
        (_, None) => String::new(),
    };
    tell(format!("change current: {now} → {}{subjects}", target.release.short()));
    for event in news.events(state.current.release(), true) {
        run.events.tell(event);
    }
    tell(send(sending));
    if state.current == Current::Directory {
        tell(format!("keep the folder {}/current as a release that can be gone back to", settings.root));
    }
    if target.assets.is_some() {
        let names: Vec<&str> = settings.assets.iter().map(AssetPath::as_str).collect();
        tell(format!("put {} beside result", names.join(", ")));
    }
    if !settings.hooks.before_switch.is_empty() {
        let user = ready::hook_user(state).unwrap_or(&state.user);
        tell(format!("run the hook `{}` as {user}", settings.hooks.before_switch.join(" ")));
    }
    tell(format!("restart {}", settings.unit));
    tell(match &settings.health.http {
        Some(http) => format!("check {} for up to {} s", http.url, settings.health.within.as_secs()),
        None => {
            format!("check that {} stays up for {:.1} s", settings.unit, settings.health.settle.as_secs_f32())
        }
    });
    let gone = run.prune(state, &target.release);
    if !gone.is_empty() {
        tell(format!("remove {}", gone.iter().map(ReleaseId::short).collect::<Vec<_>>().join(", ")));
    }
}

fn send(sending: &copy::Plan) -> String {
    let copy::Plan { closure, missing, bytes, .. } = sending;
    let closure = closure.len();
    if missing.is_empty() {
        return format!("send nothing: the server has all {closure} paths");
    }
    let mut names: Vec<&str> = missing.iter().take(NAMED).map(|info| info.path.name()).collect();
    let more = format!("{} more", missing.len().saturating_sub(NAMED));
    if missing.len() > NAMED {
        names.push(&more);
    }
    format!(
        "send {} of {closure} paths, {} unpacked: {}",
        missing.len(),
        size::bytes(*bytes),
        names.join(", ")
    )
}
