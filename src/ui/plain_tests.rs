//! Whole deploys as they are told in lines.

use snapbox::{assert_data_eq, str};

use super::*;

fn told(screen: &mut Plain, events: &[Event]) -> String {
    let lines = events.iter().filter_map(|event| screen.line(event));
    lines
        .map(|(to, line)| {
            format!("{}{}", if to == To::Out { "stdout:" } else { "" }, anstream::adapter::strip_str(&line))
        })
        .collect()
}

fn release(letter: &str) -> ReleaseId {
    letter.repeat(40).parse().unwrap()
}

fn a_deploy() -> Vec<Event> {
    let host = || "deploy@server.example".parse().unwrap();
    let ms = Duration::from_millis;
    let answers = |answer: &str| Event::Answered { answer: answer.to_owned(), healthy: false };
    let copying = |number| Event::CopyingPath { name: "server-0.1".to_owned(), number, of: 2 };
    vec![
        Event::Source {
            commit: Some("3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a".parse().unwrap()),
            subject: Some("Fix \u{1b}[31mthe login".to_owned()),
            dirty: true,
        },
        Event::Connecting { host: host() },
        Event::Building {
            installable: "git+file:///apps?rev=3f9c#packages.x86_64-linux.default".to_owned(),
            system: "x86_64-linux".parse().unwrap(),
            from: None,
        },
        Event::Connected { host: host(), took: ms(412) },
        Event::Fetching { name: "zlib-1.3".to_owned(), from: "https://cache.nixos.org".to_owned() },
        Event::Fetching { name: "bash-5.3".to_owned(), from: "https://cache.nixos.org".to_owned() },
        Event::BuildingDerivation { name: "hello-1.0".to_owned(), done: 3, expected: 7 },
        Event::Built {
            store_path: "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1".parse().unwrap(),
            built: 2,
            fetched: 1,
            took: ms(3210),
        },
        Event::Missing { closure: 87, paths: 2, bytes: 12_400_000 },
        copying(1),
        copying(2),
        Event::Copied { paths: 2, bytes: 12_400_000, took: ms(2100) },
        Event::Adopted { release: "adopted-20261122T140305Z".parse().unwrap() },
        Event::Placed { release: release("b"), deploy: crate::model::names::DeployNumber(42) },
        Event::HookStarted { command: vec!["result/bin/server".to_owned(), "migrate".to_owned()] },
        Event::HookDone { took: ms(1200) },
        Event::Switched { release: release("b"), unit: "server.service".parse().unwrap() },
        Event::Started {
            invocation: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            within: Duration::from_secs(30),
        },
        answers("no answer yet"),
        answers("no answer yet"),
        answers("503"),
        answers("503"),
        Event::Kept { release: release("b"), deploy: crate::model::names::DeployNumber(42), took: ms(1340) },
        Event::Pruned { releases: vec![release("c"), release("d")] },
        Event::Pruned { releases: vec![] },
        Event::Warning { text: "two\nlines".to_owned() },
    ]
}

#[test]
fn a_deploy_is_told_line_by_line() {
    assert_data_eq!(
        told(&mut Plain::new(Verbosity::Normal, false), &a_deploy()),
        str![[r#"
  source   3f9c2d1 Fix the login, with uncommitted changes
  building packages.x86_64-linux.default
  reached  deploy@server.example in 0.4 s
  fetching from https://cache.nixos.org
  building 4/7 hello-1.0
  built    server-0.1 in 3.2 s (2 derivations, 1 path fetched)
  missing  2 of 87 paths, 12.4 MB unpacked
  copying  1/2 server-0.1
  copying  2/2 server-0.1
  copied   2 paths, 12.4 MB in 2.1 s
  adopted  what was live before shipit came, as adopted-20261122T140305Z
  placed   bbbbbbb (v42)
  hook     result/bin/server migrate
  hook     done in 1.2 s
  switched to bbbbbbb, restarting server.service
  started  server.service
  waiting  no answer yet
  waiting  503
  healthy  bbbbbbb (v42) after 1.3 s
  removed  2 old releases: ccccccc, ddddddd
warning: two
  lines

"#]]
    );
}

#[test]
fn who_watches_sees_what_begins_and_who_asks_for_more_gets_it() {
    let more = |mut screen: Plain| {
        let usual = told(&mut Plain::new(Verbosity::Normal, false), &a_deploy());
        let usual: Vec<&str> = usual.lines().collect();
        let all = told(&mut screen, &a_deploy());
        all.lines().filter(|line| !usual.contains(line)).map(|line| format!("{line}\n")).collect::<String>()
    };
    assert_data_eq!(
        more(Plain::new(Verbosity::Normal, true)),
        str![[r#"
  connect  deploy@server.example

"#]]
    );
    assert_data_eq!(
        more(Plain::new(Verbosity::Verbose, false)),
        str![[r#"
  connect  deploy@server.example
  building git+file:///apps?rev=3f9c#packages.x86_64-linux.default
  fetching zlib-1.3 from https://cache.nixos.org
  fetching bash-5.3 from https://cache.nixos.org

"#]]
    );
    assert_data_eq!(
        told(&mut Plain::new(Verbosity::Quiet, true), &a_deploy()),
        str![[r#"
warning: two
  lines

"#]]
    );
}

#[test]
fn what_is_rare_has_its_line_too() {
    let events = [
        Event::Source { commit: None, subject: None, dirty: true },
        Event::Built {
            store_path: "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1".parse().unwrap(),
            built: 0,
            fetched: 0,
            took: Duration::from_millis(40),
        },
        Event::Checking { paths: 2 },
        Event::Missing { closure: 87, paths: 0, bytes: 0 },
        Event::Copied { paths: 0, bytes: 0, took: Duration::ZERO },
        Event::Waiting {
            unit: "server.service".parse().unwrap(),
            to: "stop",
            within: Duration::from_secs(90),
        },
        Event::GoingBack { reason: "no healthy answer within 30 s".to_owned() },
        Event::ContactLost { within: Duration::from_secs(210) },
        Event::AlreadyLive { release: release("b") },
        Event::Plan { step: "copy 3 paths".to_owned() },
    ];
    assert_data_eq!(
        told(&mut Plain::new(Verbosity::Normal, false), &events),
        str![[r#"
  source   this folder, without git, with uncommitted changes
  built    server-0.1 in 40 ms (all was there)
  checking 2 paths not from a deploy: a power loss may have torn them
  missing  nothing: the server has all 87 paths
  waiting  for server.service to stop: up to 1 min 30 s
  undoing  the switch: no healthy answer within 30 s
  lost     contact with the server; asking for up to 3 min 30 s how it ended
stdout:would copy 3 paths

"#]]
    );
}

#[test]
fn of_many_copies_some_are_named() {
    let copies: Vec<Event> =
        (1..=87).map(|number| Event::CopyingPath { name: "x".to_owned(), number, of: 87 }).collect();
    assert_eq!(told(&mut Plain::new(Verbosity::Normal, false), &copies).lines().count(), 11);
    assert_eq!(told(&mut Plain::new(Verbosity::Verbose, false), &copies).lines().count(), 87);
}
