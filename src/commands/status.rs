//! `status`: what runs on the server now, and what is under way there. It tells; it judges nothing.

use std::time::Duration;

use anstyle::Style;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::Cx;
use super::story::{Chapter, Standing, chapters};
use crate::deploy::words;
use crate::model::failure::Outcome;
use crate::model::holder::Holder;
use crate::model::names::short_release;
use crate::model::names::{Invocation, ReleaseId, StorePath};
use crate::model::server::{Current, RootState, ServerState, UnitState};
use crate::model::settings::Settings;
use crate::ui::json;
use crate::ui::style::{BAD, GOOD, NOW, ODD, PLAIN, STRONG};
use crate::ui::table::Cell;
use crate::ui::text::{self, bytes, local, local_systemd, whole_seconds};

/// Runs it.
pub async fn run(cx: &Cx<'_>) -> Outcome<()> {
    let state = super::look(cx).await?;
    let chapters = chapters(&state);
    let status = Status::of(&cx.settings, &state, &chapters);
    let words = Words { zone: cx.ui.zone(), deploy: cx.ui.command("deploy") };
    cx.ui.answer(&status.rows(&words), &status)
}

/// The answer.
#[derive(Serialize)]
struct Status<'a> {
    version: u32,
    environment: &'a str,
    host: &'a str,
    current: Now<'a>,
    unit: Unit<'a>,
    last: Option<&'a Chapter>,
    running: Option<Holder>,
    unfinished: Option<Unfinished<'a>>,
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

/// What the text depends on besides the server.
struct Words<'a> {
    zone: &'a TimeZone,
    /// The command that deploys.
    deploy: String,
}

impl<'a> Status<'a> {
    fn of(settings: &'a Settings, state: &'a ServerState, chapters: &'a [Chapter]) -> Self {
        let live = chapters.iter().find(|chapter| chapter.status == Standing::Live);
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
        let within_s = state.lock_holder.is_some().then(|| words::deadline(state).as_secs());
        Status {
            version: json::VERSION,
            environment: settings.environment.as_str(),
            host: settings.host.as_str(),
            current,
            unit: Unit {
                name: settings.unit.as_str(),
                load: &unit.load,
                active: &unit.active,
                sub: &unit.sub,
                // A unit that failed still has the time at which it last was active.
                since: text::systemd(&unit.since)
                    .filter(|_| unit.active == "active")
                    .map(|time| time.to_string()),
                invocation: unit.invocation.as_ref(),
                restarts: unit.restarts,
                runs: runs(unit, live),
            },
            last: chapters.iter().find(|chapter| chapter.deploy.is_some()),
            running: state.lock_holder.as_deref().map(Holder::read),
            unfinished: state.pending.as_deref().map(|token| Unfinished { token, within_s }),
            disk: Disk { root_free: state.root_free, store_free: state.store_free },
            settings,
            state,
        }
    }

    fn rows(&self, words: &Words<'_>) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        let mut row = |name: &str, style: Style, text: String| {
            rows.push(vec![Cell::new(STRONG, name), Cell::new(style, text)]);
        };
        row("server", PLAIN, format!("{} ({})", self.host, self.environment));
        let (style, text) = self.live(words);
        row("live", style, text);
        let (style, text) = self.unit(words);
        row("unit", style, text);
        if let Some(last) = self.last {
            row("last", last.status.style(), last_text(last, words));
        }
        if let Some(holder) = &self.running {
            row("running", NOW, holder_text(holder, words));
        }
        match &self.unfinished {
            Some(Unfinished { within_s: Some(seconds), .. }) => {
                let limit = whole_seconds(Duration::from_secs(*seconds));
                let text = format!(
                    "switched, no verdict yet; without its client the server goes back within {limit}"
                );
                row("pending", NOW, text);
            }
            Some(_) => {
                let text = "the last switch has no verdict and nobody is at it any more; the next deploy or rollback settles it";
                row("pending", ODD, text.to_owned());
            }
            None => {}
        }
        let free = |name: &str, free: Option<u64>| free.map(|free| format!("{} free in {name}", bytes(free)));
        let disks: Vec<String> = [
            free(self.settings.root.as_str(), self.disk.root_free),
            free("/nix/store", self.disk.store_free),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !disks.is_empty() {
            row("disk", PLAIN, disks.join(", "));
        }
        for text in self.not_ready() {
            row("missing", ODD, text);
        }
        rows
    }

    fn live(&self, words: &Words<'_>) -> (Style, String) {
        let now = &self.current;
        match &self.state.current {
            Current::Absent => (ODD, format!("nothing was deployed yet: {}", words.deploy)),
            Current::Directory => (
                ODD,
                format!(
                    "`current` is a real directory; the first deploy makes it a release: {}",
                    words.deploy
                ),
            ),
            Current::Strange => (BAD, "`current` is neither a link nor a directory".to_owned()),
            Current::Elsewhere(target) => {
                (ODD, format!("`current` points at {target}, which is not one of shipit's releases"))
            }
            Current::Release(id) => {
                let mut text = id.short();
                match (now.deploy, now.since) {
                    (Some(deploy), Some(since)) => {
                        text += &format!(" (v{deploy}) since {}", local(since, words.zone));
                    }
                    // The newest deploy did it and has no verdict yet.
                    _ if self.last.is_some_and(|last| last.release == *id && in_between(last.status)) => {
                        text += ", not checked yet";
                    }
                    _ => text += ", put there by hand: the journal has no healthy deploy of it",
                }
                if let Some(subject) = now.subject {
                    text += &format!(": {subject}");
                }
                let style = if now.deploy.is_some() { GOOD } else { ODD };
                if self.state.closure_of(id).is_none() {
                    return (BAD, text + "; its closure is not there");
                }
                (style, text)
            }
        }
    }

    fn unit(&self, words: &Words<'_>) -> (Style, String) {
        let unit = &self.unit;
        match unit.load {
            "loaded" => {}
            "" => return (ODD, format!("{}: systemd did not answer", unit.name)),
            "not-found" => return (ODD, format!("{} is not there: the server has no such unit", unit.name)),
            load => return (BAD, format!("{} is {load}", unit.name)),
        }
        let mut text = format!("{} {} ({})", unit.name, unit.active, unit.sub);
        if unit.active == "active" && !self.state.unit.since.is_empty() {
            text += &format!(" since {}", local_systemd(&self.state.unit.since, words.zone));
        }
        if unit.restarts > 0 {
            text += &format!(", restarted {} by systemd", text::count(unit.restarts, "time"));
        }
        let (style, more) = match unit.runs {
            Runs::Checked => (GOOD, "; this start was checked"),
            Runs::Restarted => (PLAIN, "; it was started again since the deploy was checked"),
            Runs::Stopped => (BAD, ""),
            Runs::Unknown => (PLAIN, ""),
        };
        (style, text + more)
    }

    /// What a deploy would stumble over, as far as one look shows.
    fn not_ready(&self) -> Vec<String> {
        let state = self.state;
        let mut texts = Vec::new();
        if !state.missing_programs.is_empty() {
            texts.push(format!("on the server: {}", state.missing_programs.join(", ")));
        }
        if state.nix_bin.is_none() {
            texts.push("Nix is not installed on the server".to_owned());
        }
        if let Some(said) = &state.daemon_refusal {
            texts.push(format!("the Nix daemon does not let {} in: {said}", state.user));
        }
        match &state.root {
            RootState::Ready | RootState::Creatable => {}
            RootState::Absent => {
                texts
                    .push(format!("{} is not there, and {} can not make it", self.settings.root, state.user));
            }
            RootState::NotWritable { owner, folder } => {
                texts.push(format!("{folder} belongs to {owner}: {} can not write there", state.user));
            }
        }
        texts
    }
}

fn in_between(standing: Standing) -> bool {
    matches!(standing, Standing::Running | Standing::Unfinished | Standing::Interrupted)
}

fn runs(unit: &UnitState, live: Option<&Chapter>) -> Runs {
    if unit.active != "active" {
        return if unit.active.is_empty() { Runs::Unknown } else { Runs::Stopped };
    }
    let checked = live.and_then(|live| live.invocation.as_deref());
    match (&unit.invocation, checked) {
        (Some(now), Some(checked)) if now.as_str() == checked => Runs::Checked,
        (Some(_), Some(_)) => Runs::Restarted,
        _ => Runs::Unknown,
    }
}

fn last_text(last: &Chapter, words: &Words<'_>) -> String {
    let mut text = String::new();
    if let Some(deploy) = last.deploy {
        text += &format!("{deploy} ");
    }
    if last.command.as_deref() == Some("rollback") {
        text += "rollback to ";
    }
    text += &format!("{} {}", last.release.short(), last.status.word());
    if let Some(time) = &last.time {
        text += &format!(" {}", local(time, words.zone));
    }
    if let Some(who) = &last.who {
        text += &format!(" by {who}");
    }
    if let Some(reason) = &last.reason {
        text += &format!(": {reason}");
    }
    text
}

fn holder_text(holder: &Holder, words: &Words<'_>) -> String {
    let mut text = holder.command.clone().unwrap_or_else(|| "another deploy".to_owned());
    if let Some(id) = &holder.release {
        text += &format!(" of {}", short_release(id));
    }
    if let Some(who) = &holder.who {
        text += &format!(" by {who}");
    }
    if let Some(since) = &holder.since {
        text += &format!(" since {}", local(since, words.zone));
    }
    if let Some(from) = &holder.from {
        text += &format!(" ({from})");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use snapbox::{assert_data_eq, str};

    use super::super::story::tests::{id, path, server};
    use super::*;
    use crate::model::settings::{Health, Hooks, SshSettings, SystemChoice};
    use crate::ui::table;

    fn settings() -> Settings {
        let second = Duration::from_secs(1);
        Settings {
            environment: "staging".parse().unwrap(),
            folder: PathBuf::from("/work"),
            app: "server".parse().unwrap(),
            host: "deploy@server.example".parse().unwrap(),
            package: "default".parse().unwrap(),
            system: SystemChoice::Guessed("x86_64-linux".parse().unwrap()),
            root: "/var/www/server".parse().unwrap(),
            unit: "server.service".parse().unwrap(),
            assets: Vec::new(),
            keep: 5,
            ssh: SshSettings::default(),
            signing_key: None,
            health: Health { http: None, within: second, settle: second },
            hooks: Hooks { before_switch: Vec::new(), timeout: second },
        }
    }

    /// As it is on a good day.
    fn well(current: char, there: &str, deploys: &[(&str, char)]) -> ServerState {
        let letter = current.to_string();
        ServerState {
            user: "deploy".to_owned(),
            nix_bin: Some("/nix/bin".to_owned()),
            root: RootState::Ready,
            root_free: Some(3_200_000_000),
            store_free: Some(5_100_000_000),
            current_store_path: (current != ' ').then(|| path(current)),
            unit: UnitState {
                load: "loaded".to_owned(),
                active: "active".to_owned(),
                sub: "running".to_owned(),
                invocation: letter.repeat(32).parse().ok(),
                since: "Sun 2026-11-22 13:01:09 UTC".to_owned(),
                timeout_stop: Some(90),
                timeout_start: Some(90),
                ..UnitState::default()
            },
            ..server(current, there, deploys)
        }
    }

    fn text(state: &ServerState) -> String {
        let (settings, chapters) = (settings(), chapters(state));
        let status = Status::of(&settings, state, &chapters);
        let words = Words { zone: &TimeZone::UTC, deploy: "shipit -e staging deploy".to_owned() };
        anstream::adapter::strip_str(&table::lines(&status.rows(&words), None)).to_string()
    }

    /// The lines that one change to a good day's server changes.
    fn changed(change: impl FnOnce(&mut ServerState)) -> String {
        let mut state = well('a', "a", &[("kept", 'a')]);
        let usual = text(&state);
        change(&mut state);
        let now = text(&state);
        now.lines()
            .filter(|line| !usual.lines().any(|usual| usual == *line))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    #[test]
    fn a_good_day() {
        assert_data_eq!(
            text(&well('a', "a", &[("kept", 'a')])),
            str![[r#"
server  deploy@server.example (staging)
live    aaaaaaa (v1) since 2026-11-22 13:01: Change a
unit    server.service active (running) since 2026-11-22 13:01; this start was checked
last    v1 aaaaaaa live 2026-11-22 13:01 by anna@laptop
disk    3.2 GB free in /var/www/server, 5.1 GB free in /nix/store

"#]]
        );
        assert_data_eq!(
            text(&well('a', "ab", &[("kept", 'a'), ("reverted", 'b')])),
            str![[r#"
server  deploy@server.example (staging)
live    aaaaaaa (v1) since 2026-11-22 13:01: Change a
unit    server.service active (running) since 2026-11-22 13:01; this start was checked
last    v2 bbbbbbb reverted 2026-11-22 13:02 by anna@laptop: it answered 500
disk    3.2 GB free in /var/www/server, 5.1 GB free in /nix/store

"#]]
        );
    }

    #[test]
    fn nothing_was_deployed_yet() {
        let state = ServerState {
            root: RootState::NotWritable { owner: "root".to_owned(), folder: "/var/www/server".to_owned() },
            user: "deploy".to_owned(),
            missing_programs: vec!["flock".to_owned(), "base64".to_owned()],
            daemon_refusal: Some("Permission \u{1b}[31mdenied".to_owned()),
            unit: UnitState {
                load: "not-found".to_owned(),
                active: "inactive".to_owned(),
                ..UnitState::default()
            },
            ..ServerState::default()
        };
        assert_data_eq!(
            text(&state),
            str![[r#"
server   deploy@server.example (staging)
live     nothing was deployed yet: shipit -e staging deploy
unit     server.service is not there: the server has no such unit
missing  on the server: flock, base64
missing  Nix is not installed on the server
missing  the Nix daemon does not let deploy in: Permission denied
missing  /var/www/server belongs to root: deploy can not write there

"#]]
        );
    }

    #[test]
    fn what_is_under_way() {
        let held = changed(|state| {
            let note = r#"{"since":"2026-11-22T15:12:00Z","who":"bob","from":"https://ci/42","command":"deploy","release":"cccccccccccccccccccccccccccccccccccccccc"}"#;
            state.lock_holder = Some(note.to_owned());
            state.pending = Some("token".to_owned());
        });
        assert_data_eq!(
            held,
            str![[r#"
server   deploy@server.example (staging)
live     aaaaaaa (v1) since 2026-11-22 13:01: Change a
unit     server.service active (running) since 2026-11-22 13:01; this start was checked
last     v1 aaaaaaa live 2026-11-22 13:01 by anna@laptop
running  deploy of ccccccc by bob since 2026-11-22 15:12 (https://ci/42)
pending  switched, no verdict yet; without its client the server goes back within 3 min 30 s
disk     3.2 GB free in /var/www/server, 5.1 GB free in /nix/store

"#]]
        );
        assert_data_eq!(
            changed(|state| state.lock_holder = Some(String::new())),
            str![[r#"
server   deploy@server.example (staging)
live     aaaaaaa (v1) since 2026-11-22 13:01: Change a
unit     server.service active (running) since 2026-11-22 13:01; this start was checked
last     v1 aaaaaaa live 2026-11-22 13:01 by anna@laptop
running  another deploy
disk     3.2 GB free in /var/www/server, 5.1 GB free in /nix/store

"#]]
        );
        assert_data_eq!(
            changed(|state| state.pending = Some("token".to_owned())),
            str![[r#"
server   deploy@server.example (staging)
live     aaaaaaa (v1) since 2026-11-22 13:01: Change a
unit     server.service active (running) since 2026-11-22 13:01; this start was checked
last     v1 aaaaaaa live 2026-11-22 13:01 by anna@laptop
pending  the last switch has no verdict and nobody is at it any more; the next deploy or rollback settles it
disk     3.2 GB free in /var/www/server, 5.1 GB free in /nix/store

"#]]
        );
        let mut state = well('b', "ab", &[("kept", 'a'), ("live", 'b')]);
        state.pending = Some("token".to_owned());
        assert_data_eq!(
            text(&state),
            str![[r#"
server   deploy@server.example (staging)
live     bbbbbbb, not checked yet
unit     server.service active (running) since 2026-11-22 13:01
last     v2 bbbbbbb unfinished 2026-11-22 13:02 by anna@laptop
pending  the last switch has no verdict and nobody is at it any more; the next deploy or rollback settles it
disk     3.2 GB free in /var/www/server, 5.1 GB free in /nix/store

"#]]
        );
    }

    #[test]
    fn current_and_the_unit_may_disagree() {
        let all = [
            changed(|state| state.current = Current::Directory),
            changed(|state| state.current = Current::Elsewhere("/srv/old\u{7}".to_owned())),
            changed(|state| state.current = Current::Strange),
            changed(|state| state.current = Current::Release(id('f'))),
            changed(|state| state.releases.clear()),
            changed(|state| state.unit.invocation = "f".repeat(32).parse().ok()),
            changed(|state| state.unit.restarts = 3),
            changed(|state| {
                state.unit.active = "failed".to_owned();
                state.unit.sub = "failed".to_owned();
            }),
            changed(|state| state.unit.load = "masked".to_owned()),
            changed(|state| state.unit = UnitState::default()),
        ];
        assert_data_eq!(
            all.join("--\n"),
            str![[r#"
live    `current` is a real directory; the first deploy makes it a release: shipit -e staging deploy
unit    server.service active (running) since 2026-11-22 13:01
last    v1 aaaaaaa kept 2026-11-22 13:01 by anna@laptop
--
live    `current` points at /srv/old, which is not one of shipit's releases
unit    server.service active (running) since 2026-11-22 13:01
last    v1 aaaaaaa kept 2026-11-22 13:01 by anna@laptop
--
live    `current` is neither a link nor a directory
unit    server.service active (running) since 2026-11-22 13:01
last    v1 aaaaaaa kept 2026-11-22 13:01 by anna@laptop
--
live    fffffff, put there by hand: the journal has no healthy deploy of it; its closure is not there
unit    server.service active (running) since 2026-11-22 13:01
last    v1 aaaaaaa kept 2026-11-22 13:01 by anna@laptop
--
live    aaaaaaa (v1) since 2026-11-22 13:01: Change a; its closure is not there
--
unit    server.service active (running) since 2026-11-22 13:01; it was started again since the deploy was checked
--
unit    server.service active (running) since 2026-11-22 13:01, restarted 3 times by systemd; this start was checked
--
unit    server.service failed (failed)
--
unit    server.service is masked
--
unit    server.service: systemd did not answer

"#]]
        );
    }

    #[test]
    fn programs_get_the_same() {
        let mut state = well('a', "a", &[("kept", 'a')]);
        state.lock_holder = Some(r#"{"who":"bob"}"#.to_owned());
        state.pending = Some("token".to_owned());
        let (settings, chapters) = (settings(), chapters(&state));
        assert_data_eq!(
            json::line(&Status::of(&settings, &state, &chapters)),
            str![[r#"
{"version":1,"environment":"staging","host":"deploy@server.example","current":{"state":"release","release":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","store_path":"/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-server-0.1","deploy":1,"subject":"Change a","since":"2026-11-22T13:01:05Z","target":null},"unit":{"name":"server.service","load":"loaded","active":"active","sub":"running","since":"2026-11-22T13:01:09Z","invocation":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","restarts":0,"runs":"checked"},"last":{"deploy":1,"release":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","status":"live","there":true,"time":"2026-11-22T13:01:05Z","command":"deploy","who":"anna@laptop","from":null,"subject":"Change a","store_path":"/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-server-0.1","previous":"0000000000000000000000000000000000000000","reason":null},"running":{"since":null,"who":"bob","from":null,"command":null,"release":null},"unfinished":{"token":"token","within_s":210},"disk":{"root_free":3200000000,"store_free":5100000000}}

"#]]
        );
    }
}
