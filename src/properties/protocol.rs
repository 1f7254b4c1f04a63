//! The lines of the remote half.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::bytes::{settings, target};
use super::text;
use crate::deploy::server::state;
use crate::deploy::talk::tests::{BEFORE, START};
use crate::deploy::talk::unit_line::UnitLine;
use crate::deploy::talk::{Client, Conversed, Limits};
use crate::model::event::Events;
use crate::model::holder::Holder;
use crate::model::server::{Current, RootState};
use crate::remote;

/// A line that could be one of the conversation's, with anything behind its first word.
fn line() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "waiting",
        "busy",
        "held",
        "hold",
        "moved",
        "refused",
        "adopted",
        "placed",
        "hook-started",
        "hook",
        "hook-log",
        "ready",
        "switched",
        "unit",
        "health",
        "restarted",
        "start-failed",
        "restart-refused",
        "ended",
        "going-back",
        "done",
        "pruned",
        "prune-failed",
        "end",
        "ack",
        "still",
        "",
    ]);
    let telling = prop::sample::select(vec![
        format!("ActiveState=active InvocationID={START}"),
        format!("ActiveState=failed Result=exit-code ExecMainStatus=1 InvocationID={START}"),
        format!("ActiveState=active InvocationID={BEFORE}"),
        format!("{START} 200"),
        format!("{BEFORE} 200"),
        START.to_owned(),
        format!("{START} server.service: Main process exited, code=exited, status=1/FAILURE"),
        BEFORE.to_owned(),
        "kept".to_owned(),
        "reverted why".to_owned(),
        "given-up".to_owned(),
        "7".to_owned(),
        String::new(),
    ]);
    (word, prop_oneof![telling, text()])
        .prop_map(|(word, rest)| format!("@ {word} {rest}").replace('\n', " "))
}

proptest! {
    #[test]
    fn a_client_concludes_only_from_the_words_for_it(lines in prop::collection::vec(line(), 0..30), seconds in prop::collection::vec(0u64..50, 30)) {
        let (settings, target, events) = (settings(), target(), Events::channel().0);
        let limits = Limits { stop: Duration::from_secs(90), start: Duration::from_secs(90), lock: Duration::from_secs(2), all: Duration::from_secs(600) };
        let mut client = Client::new(&settings, &target, limits, &events, TimeZone::UTC);
        let (mut now, mut ready, mut said) = (Instant::now(), false, Vec::new());
        for (line, seconds) in lines.iter().zip(seconds) {
            let Some((word, rest)) = remote::parse(line) else { continue };
            ready |= word == "ready";
            said.extend(client.hear(word, rest, now));
            now += Duration::from_secs(seconds);
            said.extend(client.tick(now));
        }
        // Each reply is one line of the few kinds, and nothing is decided twice.
        for reply in &said {
            prop_assert!(!reply.contains('\n'), "{reply:?}");
            prop_assert!(["beat", "go"].contains(&reply.as_str()) || reply.starts_with("keep ") || reply.starts_with("back ") || reply.starts_with("how "), "{reply:?}");
        }
        prop_assert!(said.iter().filter(|reply| reply.starts_with("keep ") || reply.starts_with("back ")).count() <= 1);
        prop_assert!(ready || !said.iter().any(|reply| reply == "go"));
        // The start from before the switch is never what is kept.
        let (wrong, known) = (format!("keep {BEFORE}"), format!("@ switched {BEFORE}"));
        prop_assert!(!said.contains(&wrong) || !lines.contains(&known));
        let kept = lines.iter().any(|line| line == "@ done kept" || line.starts_with("@ done kept "));
        if matches!(client.end().0, Conversed::Kept) {
            prop_assert!(kept);
        }
    }

    #[test]
    fn a_look_with_anything_in_it_is_read(lines in prop::collection::vec((prop::sample::select(vec![
        "arch", "uid", "nix", "trusted", "root_free_kib", "root", "current", "current_store_path", "control", "unit TimeoutStopUSec=1d",
        "unit", "bus Environment", "bus EnvironmentFiles", "odd", "release", "pending", "locked", "journal_size", "journal",
    ]), text()), 0..20)) {
        let lines: Vec<String> = lines.into_iter().map(|(word, rest)| format!("@ {word} {rest}")).collect();
        let state = state::read(&lines, &"/var/www/server".parse().unwrap());
        // What was not said is never taken for fine.
        if !lines.iter().any(|line| line.starts_with("@ root ready")) {
            prop_assert!(state.root != RootState::Ready);
        }
        if let Current::Release(release) = &state.current {
            let text = format!("releases/{release}");
            let says = |line: &String| line.starts_with("@ current link ") && line.ends_with(&text);
            prop_assert!(lines.iter().any(says));
        }
        if let Some(seconds) = state.unit.timeout_stop {
            prop_assert!(seconds <= 24 * 60 * 60);
        }
    }

    #[test]
    fn any_line_and_any_note_is_read(text in text()) {
        let _ = remote::parse(&text);
        let _ = remote::parse(&format!("@ {text}"));
        let _ = remote::unpacked(&text);
        let _ = UnitLine::parse(&text);
        let _ = Holder::read(&text);
    }
}
