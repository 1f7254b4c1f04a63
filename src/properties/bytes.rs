//! What the fuzzers of `tests/fuzz` ask for any bytes. It lies here so that it is compiled with the tests, which try their
//! seeds; a panic is a finding.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use crate::commands::story;
use crate::deploy::server::state;
use crate::deploy::talk::{Client, Conversed, Limits};
use crate::deploy::target::Target;
use crate::deploy::words;
use crate::model::event::Events;
use crate::model::journal::History;
use crate::model::names::{DeployNumber, ReleaseId};
use crate::model::retention;
use crate::model::server::{Current, RootState, ServerState};
use crate::model::settings::{Health, Hooks, HttpCheck, Settings, SshSettings, SystemChoice};
use crate::remote;
use crate::tools::lines::WholeLines;
use crate::tools::nix::json::{built_output, path_infos};
use crate::tools::nix::log::{NixLog, Purpose};

/// Settings with a check and a hook.
pub fn settings() -> Settings {
    Settings {
        environment: "production".parse().unwrap(),
        folder: "/src".into(),
        app: "server".parse().unwrap(),
        host: "deploy@server.example".parse().unwrap(),
        package: "default".parse().unwrap(),
        system: SystemChoice::Named("x86_64-linux".parse().unwrap()),
        root: "/var/www/server".parse().unwrap(),
        unit: "server.service".parse().unwrap(),
        assets: Vec::new(),
        keep: 5,
        url: None,
        ssh: SshSettings::default(),
        signing_key: None,
        public_key: None,
        health: Health {
            http: Some(HttpCheck { url: "http://x/".to_owned(), host: None, status: Vec::new() }),
            within: Duration::from_secs(30),
            settle: Duration::ZERO,
        },
        hooks: Hooks { before_switch: vec!["migrate".to_owned()], timeout: Duration::from_secs(300) },
    }
}

/// A release that is to be made live.
pub fn target() -> Target {
    Target {
        release: "new".parse().unwrap(),
        store_path: "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server".parse().unwrap(),
        assets: None,
        subject: None,
        place: true,
        hook: true,
        command: "deploy",
        hold: None,
    }
}

/// The journal: any bytes are lines that are read or counted, and what is decided from them holds.
pub fn journal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let history = History::read(text.lines());
    // Every second release that it names is there.
    let mut there: Vec<ReleaseId> =
        history.entries.iter().filter_map(|entry| entry.release.clone()).collect();
    there.sort();
    there.dedup();
    let current = there.first().cloned();
    let there: Vec<ReleaseId> = there.into_iter().step_by(2).collect();
    if let Some(new) = &current {
        let previous = there.last();
        let gone = retention::to_prune(&history, &there, new, previous, 2);
        assert!(!gone.contains(new) && previous.is_none_or(|previous| !gone.contains(previous)));
        assert!(gone.iter().all(|release| there.contains(release)));
    }
    if let Ok(release) = retention::before(&history, &there, current.as_ref()) {
        assert!(there.contains(&release) && Some(&release) != current.as_ref());
    }
    for name in text.split_whitespace().take(5) {
        if let Ok(release) = retention::named(&history, &there, name) {
            assert!(there.contains(&release));
        }
    }
    let largest = history.entries.iter().map(|entry| entry.deploy).max();
    let state = ServerState {
        current: current.map_or(Current::Absent, Current::Release),
        releases: there.into_iter().map(|release| (release, None)).collect(),
        history,
        ..ServerState::default()
    };
    let next = words::next_number(&state);
    assert!(next.0 <= DeployNumber::LARGEST + 1 && largest.is_none_or(|largest| next > largest));
    story::chapters(&state);
}

/// The remote half's lines: any bytes go through the reader of lines into a look and into the client of a switch.
pub fn protocol(bytes: &[u8]) {
    let mut lines = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut whole = WholeLines::of(bytes);
        while let Some(line) = whole.next().await {
            lines.push(line);
        }
    });
    assert_eq!(lines.len(), bytes.iter().filter(|byte| **byte == b'\n').count());
    let (settings, target) = (settings(), target());
    let look = state::read(&lines, &settings.root);
    let says =
        |text: &str| lines.iter().any(|line| remote::parse(line).is_some_and(|(_, rest)| rest == text));
    assert!(look.root != RootState::Ready || says("ready"));

    let limits = Limits {
        stop: Duration::from_secs(90),
        start: Duration::from_secs(90),
        lock: Duration::ZERO,
        all: Duration::from_secs(900),
    };
    let events = Events::channel().0;
    let mut client = Client::new(&settings, &target, limits, &events, TimeZone::UTC);
    let (mut now, mut decided) = (Instant::now(), 0);
    for line in &lines {
        let Some((word, rest)) = remote::parse(line) else { continue };
        let replies = [client.hear(word, rest, now), client.tick(now)];
        now += Duration::from_millis(700);
        for reply in replies.into_iter().flatten() {
            assert!(!reply.contains('\n'), "{reply:?}");
            decided += usize::from(reply.starts_with("keep ") || reply.starts_with("back "));
        }
    }
    assert!(decided <= 1);
    if let Conversed::Kept = client.end().0 {
        assert!(lines.iter().any(|line| line == "@ done kept" || line.starts_with("@ done kept ")));
    }
}

/// Nix's log lines and its JSON: any bytes are read, in bounded room, into text without codes for a terminal.
pub fn nix_log(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for purpose in [Purpose::Build, Purpose::Copy { paths: 2 }] {
        let mut log = NixLog::new(purpose);
        for line in text.split('\n') {
            log.line(line, std::time::Instant::now());
        }
        let failure = log.failure();
        assert!(failure.log.len() <= 25 && failure.text.len() <= 425);
        for line in failure.text.iter().chain(&failure.log) {
            assert!(!line.chars().any(|c| c.is_control() && c != '\t' && c != '\n'), "{line:?}");
        }
    }
    let _ = built_output(bytes);
    let _ = path_infos(bytes);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_seeds_of_the_fuzzers_are_fine() {
        type Check = fn(&[u8]);
        let checks: [(_, Check); 3] = [("journal", journal), ("protocol", protocol), ("nix_log", nix_log)];
        for (name, check) in checks {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(name);
            let seeds: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(!seeds.is_empty(), "{name}");
            for seed in seeds {
                check(&std::fs::read(seed).unwrap());
            }
        }
    }
}
