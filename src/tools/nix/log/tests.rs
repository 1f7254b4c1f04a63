//! Recorded logs of Nix 2.8, and lines of newer versions.

use super::*;

fn read(purpose: Purpose, log: &str) -> (NixLog, Vec<Event>) {
    let mut state = NixLog::new(purpose);
    let events = log.lines().filter_map(|line| state.line(line, Instant::now())).collect();
    (state, events)
}

/// The events that tell how far something is are not what most tests are about.
fn without_progress(events: &[Event]) -> Vec<Event> {
    let ends = |event: &Event| matches!(event, Event::DerivationEnded { .. } | Event::Fetched { .. });
    events.iter().filter(|event| !event.is_progress() && !ends(event)).cloned().collect()
}

fn building(name: &str, done: u64, expected: u64) -> Event {
    Event::BuildingDerivation { name: name.into(), done, expected }
}

#[test]
fn a_build_that_works() {
    let (state, events) = read(Purpose::Build, include_str!("recorded/nix-2.8-built.log"));
    assert_eq!(without_progress(&events), [building("server-0.2", 0, 1)]);
    let log = |line: &str| Event::BuildLog { name: "server-0.2".into(), line: line.into() };
    assert_eq!(events[1..3], [log("building"), log("line2")]);
    assert!(
        matches!(&events[3..], [Event::DerivationEnded { name, .. }] if name == "server-0.2"),
        "{events:?}"
    );
    assert_eq!((state.built(), state.fetched()), (1, 0));
    assert_eq!(state.failure(), NixFailure::default());
}

#[test]
fn a_build_that_fails_shows_the_log_of_the_one_that_failed() {
    let (state, events) = read(Purpose::Build, include_str!("recorded/nix-2.8-failed-build.log"));
    assert_eq!(without_progress(&events).last(), Some(&building("bad-1", 0, 2)));
    let failure = state.failure();
    let derivation = failure.derivation.unwrap();
    assert!(derivation.starts_with("/nix/store/") && derivation.ends_with("-bad-1.drv"), "{derivation}");
    assert_eq!(failure.log.len(), KEPT_LOG_LINES);
    assert_eq!((failure.log[0].as_str(), failure.log[24].as_str()), ("bad line 15", "bad line 39"));
    assert_eq!(failure.headline, format!("builder for '{derivation}' failed with exit code 3"));
}

#[test]
fn an_evaluation_that_fails_shows_its_words() {
    let (state, events) = read(Purpose::Build, include_str!("recorded/nix-2.8-thrown.log"));
    assert_eq!(events, []);
    assert_eq!(state.failure().headline, "my own words");
    let (state, _) = read(Purpose::Build, include_str!("recorded/nix-2.8-no-such-package.log"));
    let failure = state.failure();
    assert!(failure.headline.starts_with("flake 'path:/src/app' does not provide attribute"), "{failure:?}");
    assert_eq!(failure.text[1].trim(), "Did you mean top?");
}

#[test]
fn a_newer_nix_repeats_the_log_and_puts_the_trace_first() {
    let log = r#"@nix {"action":"start","fields":["/nix/store/sg8jii8lawh277rjb7gr1y1jgw1mgvih-bad-1.drv","",1,1],"id":7,"level":3,"parent":0,"text":"building","type":105}
@nix {"action":"result","fields":["\u001b[31mred\u001b[0m line"],"id":7,"type":101}
@nix {"action":"result","fields":["buildPhase"],"id":7,"type":104}
@nix {"action":"msg","level":0,"msg":"\u001b[31;1merror:\u001b[0m Cannot build '\u001b[35;1m/nix/store/sg8jii8lawh277rjb7gr1y1jgw1mgvih-bad-1.drv\u001b[0m'.\n       Reason: \u001b[31;1mbuilder failed with exit code 3\u001b[0m.\n       last 25 log lines:\n       > red line\n       For full logs, run:\n         nix log /nix/store/sg8jii8lawh277rjb7gr1y1jgw1mgvih-bad-1.drv"}
@nix {"action":"stop","id":7}"#;
    let (state, events) = read(Purpose::Build, log);
    let (name, phase) = ("bad-1".to_owned(), "buildPhase".to_owned());
    assert!(events.contains(&Event::BuildPhase { name, phase }), "{events:?}");
    let failure = state.failure();
    assert_eq!(failure.log, ["red line"]);
    assert_eq!(
        failure.text,
        [
            "error: Cannot build '/nix/store/sg8jii8lawh277rjb7gr1y1jgw1mgvih-bad-1.drv'.",
            "       Reason: builder failed with exit code 3."
        ]
    );

    let log = r#"@nix {"action":"msg","level":0,"msg":"error:\n       … while calling the 'throw' builtin\n         at /nix/store/x-source/flake.nix:3:5\n\n       error: my own words"}"#;
    assert_eq!(read(Purpose::Build, log).0.failure().headline, "my own words");
}

#[test]
fn fetching_is_told_and_counted() {
    let log = r#"@nix {"action":"start","fields":["/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-glibc-2.40","https://cache.nixos.org"],"id":1,"level":3,"parent":0,"text":"","type":108}
@nix {"action":"start","fields":["/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-glibc-2.40","https://cache.nixos.org","local"],"id":2,"level":3,"parent":1,"text":"","type":100}"#;
    let (state, events) = read(Purpose::Build, log);
    assert_eq!(
        events,
        [Event::Fetching { name: "glibc-2.40".into(), from: "https://cache.nixos.org".into() }]
    );
    assert_eq!((state.built(), state.fetched()), (0, 1));
}

#[test]
fn a_copy_counts_paths_itself() {
    let (_, events) = read(Purpose::Copy { paths: 2 }, include_str!("recorded/nix-2.8-copied.log"));
    assert_eq!(
        events,
        [
            Event::CopyingPath { name: "ab".into(), number: 1, of: 2 },
            Event::CopyingPath { name: "server-0.2".into(), number: 2, of: 2 },
        ]
    );
}

fn info(path: &str, size: u64) -> PathInfo {
    PathInfo { path: path.parse().unwrap(), size, signatures: vec![], content_addressed: false }
}

/// Every byte of it with a newer Nix, and path by path with one that does not say more.
#[test]
fn a_copy_tells_how_far_it_is() {
    let far = |log: &str, paths: &[PathInfo]| {
        let mut state = NixLog::new(Purpose::Copy { paths: 2 }).of_paths(paths);
        let events = log.lines().filter_map(|line| state.line(line, Instant::now()));
        let bytes = events.filter_map(|event| match event {
            Event::CopyProgress { bytes, of } => Some((bytes, of)),
            _ => None,
        });
        bytes.collect::<Vec<_>>()
    };
    let new = far(
        include_str!("recorded/nix-2.26-copied.log"),
        &[
            info("/nix/store/qq65miw1l4vbjry85xx2nz51mzqf1dx0-big", 3_000_112),
            info("/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-ab", 888),
        ],
    );
    assert!(new.len() > 5 && new.is_sorted() && new.iter().all(|(_, of)| *of == 3_001_000), "{new:?}");
    assert!(new.iter().any(|(bytes, _)| (1_000_000..2_000_000).contains(bytes)), "{new:?}");
    assert_eq!(new.last(), Some(&(3_000_112, 3_001_000)));
    let old = far(
        include_str!("recorded/nix-2.8-copied.log"),
        &[
            info("/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-ab", 100),
            info("/nix/store/q4zf6379md57iix8m84pc4py6aazdyx4-server-0.2", 200),
        ],
    );
    assert_eq!(old, [(100, 300), (300, 300)]);
    assert_eq!(far(include_str!("recorded/nix-2.8-copied.log"), &[]), []);
}

#[test]
fn foreign_text_is_kept_for_when_nix_says_nothing() {
    let log =
        "Warning: Permanently added\n\u{1b}[1mssh: lost\u{1b}[0m\n\n@nix {\"action\":\"stop\",\"id\":1}";
    let failure = read(Purpose::Copy { paths: 1 }, log).0.failure();
    assert_eq!(failure.headline, "ssh: lost");
    assert_eq!(failure.text, ["Warning: Permanently added", "ssh: lost"]);
}

#[test]
fn a_lost_connection_is_explained_by_what_ssh_said() {
    let log = r#"bash: /no/nix-daemon: No such file or directory
@nix {"action":"msg","level":0,"msg":"\u001b[31;1merror:\u001b[0m cannot open connection to remote store 'ssh-ng://server': error: unexpected end-of-file"}"#;
    let (state, _) = read(Purpose::Copy { paths: 1 }, log);
    assert_eq!(state.failure().headline, "bash: /no/nix-daemon: No such file or directory");
    let (state, _) = read(Purpose::Copy { paths: 1 }, log.lines().nth(1).unwrap());
    assert!(state.failure().headline.ends_with("unexpected end-of-file"));
}

#[test]
fn nothing_malformed_panics() {
    let mut lines: Vec<String> = [
        "",
        "@nix",
        "@nix ",
        "@nix {",
        "@nix []",
        "@nix null",
        "@nix {}",
        r#"@nix {"action":1}"#,
        r#"@nix {"action":"start"}"#,
        r#"@nix {"action":"start","id":-1,"type":105}"#,
        r#"@nix {"action":"start","id":1,"type":105}"#,
        r#"@nix {"action":"start","id":1,"type":105,"fields":[7]}"#,
        r#"@nix {"action":"start","id":1,"type":105,"fields":[""]}"#,
        r#"@nix {"action":"start","id":1,"type":104}"#,
        r#"@nix {"action":"result","id":1,"type":105,"fields":["x",null,[],18446744073709551616]}"#,
        r#"@nix {"action":"result","id":9,"type":101}"#,
        r#"@nix {"action":"start","id":1,"type":99999,"text":"?"}"#,
        r#"@nix {"action":"result","id":18446744073709551615,"type":106,"fields":[]}"#,
        r#"@nix {"action":"msg","level":0,"msg":"/nix/store/.drv /nix/store/ü.drv /nix/store/"}"#,
        "\u{1b}",
        "\u{1b}[",
        "\u{1b}]0;title",
        "\r\r\r",
    ]
    .map(str::to_owned)
    .into();
    // Every recorded line, cut at every place.
    for line in include_str!("recorded/nix-2.8-failed-build.log").lines().take(45) {
        lines.extend((0..line.len()).filter(|at| line.is_char_boundary(*at)).map(|at| line[..at].to_owned()));
    }
    for purpose in [Purpose::Build, Purpose::Copy { paths: 0 }] {
        let mut state = NixLog::new(purpose);
        for line in &lines {
            state.line(line, Instant::now());
        }
        state.failure();
    }
}

#[test]
fn escape_sequences_go_and_overwritten_text_goes() {
    assert_eq!(plain("\u{1b}[31;1merror:\u{1b}[0m x\ty"), "error: x\ty");
    assert_eq!(plain("a\r\nb 10%\rb 100%\u{8}"), "a\nb 100%");
    assert_eq!(plain("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]0;t\u{7}!"), "link!");
}

#[test]
fn long_texts_keep_their_ends() {
    let text: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let short = shortened(&text, 20);
    assert_eq!(short.len(), 20);
    assert_eq!(
        (short[4].as_str(), short[5].as_str(), short[19].as_str()),
        ("4", "… 81 lines left out …", "99")
    );
    assert_eq!(shortened(&text, 100), text);
}
