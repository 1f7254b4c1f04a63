//! `status`: what runs on the server now, and what is under way there. It tells; it judges nothing.

use jiff::Timestamp;
use serde::Serialize;

use super::Cx;
use super::story::{Chapter, Standing, chapters};
use crate::deploy::limits;
use crate::model::failure::Outcome;
use crate::model::hold::Hold;
use crate::model::holder::Holder;
use crate::model::names::{Invocation, ReleaseId, StorePath};
use crate::model::server::{Current, ServerState, UnitState};
use crate::model::settings::Settings;
use crate::ui::json;
use crate::ui::table;
use crate::ui::text::systemd;
use text::Words;

mod text;

/// Runs it.
pub async fn run(cx: &Cx<'_>) -> Outcome<()> {
    let state = super::look(cx).await?;
    let chapters = chapters(&state);
    let status = Status::of(&cx.settings, &state, &chapters);
    let words = Words { zone: cx.ui.zone(), deploy: cx.ui.command("deploy") };
    cx.ui.hand_on(&[
        ("release", status.current.release.map(ReleaseId::as_str).unwrap_or_default()),
        ("url", status.url.unwrap_or_default()),
    ]);
    // What matters stands at the end of a line as often as at its beginning: nothing is cut off.
    cx.ui.answer_text(&table::lines(&status.rows(&words), None), &status)
}

/// The answer.
#[derive(Serialize)]
struct Status<'a> {
    version: u32,
    environment: &'a str,
    host: &'a str,
    url: Option<&'a str>,
    current: Now<'a>,
    held: &'a [Hold],
    unit: Unit<'a>,
    last: Option<&'a Chapter>,
    running: Option<Holder>,
    unfinished: Option<Unfinished<'a>>,
    settles_at_boot: bool,
    disk: Disk,
    #[serde(skip)]
    settings: &'a Settings,
    #[serde(skip)]
    state: &'a ServerState,
}

#[derive(Default, Serialize)]
struct Now<'a> {
    state: &'static str,
    release: Option<&'a ReleaseId>,
    store_path: Option<&'a StorePath>,
    deploy: Option<u64>,
    subject: Option<&'a str>,
    since: Option<&'a str>,
    target: Option<&'a str>,
}

#[derive(Serialize)]
struct Unit<'a> {
    name: &'a str,
    load: &'a str,
    active: &'a str,
    sub: &'a str,
    since: Option<String>,
    invocation: Option<&'a Invocation>,
    restarts: u64,
    runs: Runs,
}

/// Whether the unit runs what `current` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Runs {
    /// This start of it was found healthy by the deploy that made the release live.
    Checked,
    /// It was started again when a deploy after that was undone.
    #[serde(rename = "put-back")]
    PutBack,
    /// It was started again since.
    Restarted,
    /// It does not run.
    Stopped,
    /// Nothing tells.
    Unknown,
}

#[derive(Serialize)]
struct Unfinished<'a> {
    token: &'a str,
    /// By when its server half has decided; none: that is gone too.
    within_s: Option<u64>,
}

#[derive(Serialize)]
struct Disk {
    root_free: Option<u64>,
    store_free: Option<u64>,
}

impl<'a> Status<'a> {
    fn of(settings: &'a Settings, state: &'a ServerState, chapters: &'a [Chapter]) -> Self {
        let last = chapters.iter().find(|chapter| chapter.deploy.is_some());
        // What runs was healthy once, perhaps; the switch that made it live now has no verdict.
        let unchecked = last.is_some_and(|last| {
            matches!(last.status, Standing::Running | Standing::Unfinished)
                && state.pending.is_some()
                && state.current.release() == Some(&last.release)
        });
        let live = chapters.iter().find(|chapter| chapter.status == Standing::Live && !unchecked);
        // The start that was found healthy last: a restart's, where there was one since.
        let mut since = chapters.iter().take_while(|chapter| chapter.status != Standing::Live);
        let restarted = since.find(|chapter| {
            chapter.is_restart()
                && chapter.status == Standing::Kept
                && state.current.release() == Some(&chapter.release)
        });
        let mut current = Now { store_path: state.current_store_path.as_ref(), ..Now::default() };
        match &state.current {
            Current::Absent => current.state = "absent",
            Current::Release(id) => {
                current.state = "release";
                current.release = Some(id);
                current.deploy = live.and_then(|live| live.deploy).map(|deploy| deploy.0);
                current.subject = live.and_then(|live| live.subject.as_deref());
                current.since = live.and_then(|live| live.time.as_deref());
            }
            Current::Elsewhere(target) => {
                current.state = "elsewhere";
                current.target = Some(target);
            }
            Current::Directory => current.state = "directory",
            Current::Strange => current.state = "strange",
        }
        let unit = &state.unit;
        let within_s = state.lock_holder.is_some().then(|| limits::deadline(state).as_secs());
        Status {
            version: json::VERSION,
            environment: settings.environment.as_str(),
            host: settings.host.as_str(),
            url: settings.url.as_deref(),
            current,
            held: &state.holds,
            unit: Unit {
                name: settings.unit.as_str(),
                load: &unit.load,
                active: &unit.active,
                sub: &unit.sub,
                // A unit that failed still has the time at which it last was active.
                since: systemd(&unit.since).filter(|_| unit.active == "active").map(|time| time.to_string()),
                invocation: unit.invocation.as_ref(),
                restarts: unit.restarts,
                runs: runs(unit, restarted.or(live), last),
            },
            last,
            running: state.lock_holder.as_deref().map(Holder::read),
            unfinished: state.pending.as_deref().map(|token| Unfinished { token, within_s }),
            settles_at_boot: state.settles_at_boot,
            disk: Disk { root_free: state.root_free, store_free: state.store_free },
            settings,
            state,
        }
    }
}

fn runs(unit: &UnitState, checked: Option<&Chapter>, last: Option<&Chapter>) -> Runs {
    if unit.active != "active" {
        return if unit.active.is_empty() { Runs::Unknown } else { Runs::Stopped };
    }
    let checked = checked.and_then(|checked| checked.invocation.as_deref());
    match (&unit.invocation, checked) {
        (Some(now), Some(checked)) if now.as_str() == checked => Runs::Checked,
        (Some(_), Some(_)) if last.is_some_and(|last| was_put_back(unit, last)) => Runs::PutBack,
        (Some(_), Some(_)) => Runs::Restarted,
        _ => Runs::Unknown,
    }
}

/// The newest deploy was undone, and nothing started the unit after that was written down.
fn was_put_back(unit: &UnitState, last: &Chapter) -> bool {
    let undone = !last.is_restart()
        && matches!(last.status, Standing::Reverted | Standing::Interrupted | Standing::Failed);
    let ended: Option<Timestamp> = last.time.as_deref().and_then(|time| time.parse().ok());
    undone && systemd(&unit.since).zip(ended).is_some_and(|(since, ended)| since <= ended)
}

#[cfg(test)]
mod tests;
