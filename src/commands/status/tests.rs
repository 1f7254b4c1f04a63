use jiff::tz::TimeZone;
use snapbox::{assert_data_eq, str};

use super::*;
use crate::commands::story::tests::{id, path, server};
use crate::model::server::RootState;
use crate::ui::table;

fn settings() -> Settings {
    Settings { environment: "staging".parse().unwrap(), ..crate::properties::bytes::settings() }
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
fn where_people_see_it_is_told() {
    let state = well('a', "a", &[("kept", 'a')]);
    let settings = Settings { url: Some("https://www.example.org".to_owned()), ..settings() };
    let chapters = chapters(&state);
    let status = Status::of(&settings, &state, &chapters);
    let words = Words { zone: &TimeZone::UTC, deploy: String::new() };
    let text = anstream::adapter::strip_str(&table::lines(&status.rows(&words), None)).to_string();
    assert!(text.contains("\nurl     https://www.example.org\nlive "), "{text}");
    assert_eq!(serde_json::to_value(&status).unwrap()["url"], "https://www.example.org");
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
missing  /var/www/server belongs to root: deploy can't write there

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
pending  a release is being checked; should that break off, the server goes back to what ran before by itself, at the latest after 3 min 30 s
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
pending  a release was switched to and never checked to its end; the next deploy or rollback puts what ran before back first; a boot before that starts it unchecked
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
pending  bbbbbbb was switched to and never checked to its end; the next deploy or rollback puts 0000000 back first; a boot before that starts it unchecked
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
live    `current` is a real directory; the next deploy makes it a release: shipit -e staging deploy
unit    server.service active (running) since 2026-11-22 13:01
last    v1 aaaaaaa was live 2026-11-22 13:01 by anna@laptop
--
live    `current` points at /srv/old, which is not one of shipit's releases
unit    server.service active (running) since 2026-11-22 13:01
last    v1 aaaaaaa was live 2026-11-22 13:01 by anna@laptop
--
live    `current` is neither a link nor a directory
unit    server.service active (running) since 2026-11-22 13:01
last    v1 aaaaaaa was live 2026-11-22 13:01 by anna@laptop
--
live    fffffff, put there by hand: the journal has no healthy deploy of it; its closure is not there
unit    server.service active (running) since 2026-11-22 13:01
last    v1 aaaaaaa was live 2026-11-22 13:01 by anna@laptop
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
    state.holds = Hold::read(&[r#"{"since":"2026-11-22T15:12:00Z","who":"bob"}"#.to_owned()]);
    let (settings, chapters) = (settings(), chapters(&state));
    assert_data_eq!(
        json::line(&Status::of(&settings, &state, &chapters)),
        str![[r#"
{"version":1,"environment":"staging","host":"deploy@server.example","url":null,"current":{"state":"release","release":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","store_path":"/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-server-0.1","deploy":1,"subject":"Change a","since":"2026-11-22T13:01:05Z","target":null},"held":[{"since":"2026-11-22T15:12:00Z","who":"bob","from":null,"reason":null}],"unit":{"name":"server.service","load":"loaded","active":"active","sub":"running","since":"2026-11-22T13:01:09Z","invocation":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","restarts":0,"runs":"checked"},"last":{"deploy":1,"release":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","status":"live","there":true,"time":"2026-11-22T13:01:05Z","command":"deploy","who":"anna@laptop","from":null,"subject":"Change a","store_path":"/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-server-0.1","previous":"0000000000000000000000000000000000000000","reason":null},"running":{"since":null,"who":"bob","from":null,"command":null,"release":null},"unfinished":{"token":"token","within_s":210},"settles_at_boot":false,"disk":{"root_free":3200000000,"store_free":5100000000}}

"#]]
    );
}

#[test]
fn a_hold_stands_right_below_what_is_live() {
    let hold =
        r#"{"since":"2026-11-22T15:12:00Z","who":"bob","reason":"the database\u001b[2J is being moved"}"#;
    let text = changed(|state| state.holds = Hold::read(&[hold.to_owned(), String::new()]));
    assert_data_eq!(
        text,
        str![[r#"
held    no deploys, by bob since 2026-11-22 15:12: the database is being moved

"#]]
    );
    let text = changed(|state| state.holds = Hold::read(&[]));
    assert_data_eq!(
        text,
        str![[r#"
held    no deploys, by somebody whose note in .shipit/hold can't be read

"#]]
    );
}

#[test]
fn a_release_that_was_fine_once_and_is_live_again_without_a_verdict() {
    // The power went in a rollback, after the relink.
    let mut state = well('a', "ab", &[("kept", 'a'), ("kept", 'b'), ("live", 'a')]);
    state.pending = Some("token".to_owned());
    let said = text(&state);
    assert!(said.contains("live     aaaaaaa, not checked yet\n"), "{said}");
    assert!(said.contains("never checked to its end"), "{said}");
}

#[test]
fn a_start_that_an_undone_deploy_made_is_told_from_others() {
    let mut state = well('a', "ab", &[("kept", 'a'), ("reverted", 'b')]);
    state.unit.invocation = "f".repeat(32).parse().ok();
    state.unit.since = "Sun 2026-11-22 13:02:05 UTC".to_owned();
    assert!(
        text(&state).contains("; it was started again when the last deploy was undone\n"),
        "{}",
        text(&state)
    );
    state.unit.since = "Sun 2026-11-22 13:02:06 UTC".to_owned();
    assert!(
        text(&state).contains("; it was started again since the deploy was checked\n"),
        "{}",
        text(&state)
    );
}
