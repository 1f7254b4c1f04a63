//! The journal: any bytes are lines that are read or counted, and what is decided from them holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shipit::commands::story;
use shipit::deploy::words;
use shipit::model::journal::History;
use shipit::model::names::{DeployNumber, ReleaseId};
use shipit::model::retention;
use shipit::model::server::{Current, ServerState};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let history = History::read(text.lines());
    // Every second release that it names is there.
    let mut there: Vec<ReleaseId> = history.entries.iter().filter_map(|entry| entry.release.clone()).collect();
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
});
