//! The remote half's lines: any bytes go through the reader of lines into a look and into the client of a switch.
#![no_main]

use std::cell::RefCell;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use shipit::deploy::state;
use shipit::deploy::switch::{Client, Conversed, Limits};
use shipit::deploy::words::Target;
use shipit::model::event::Events;
use shipit::model::server::RootState;
use shipit::model::settings::{Health, Hooks, HttpCheck, Settings, SshSettings, SystemChoice};
use shipit::remote;
use shipit::tools::lines::WholeLines;

fn settings() -> Settings {
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
        ssh: SshSettings::default(),
        signing_key: None,
        health: Health {
            http: Some(HttpCheck { url: "http://x/".to_owned(), host: None, status: Vec::new() }),
            within: Duration::from_secs(30),
            settle: Duration::ZERO,
        },
        hooks: Hooks { before_switch: vec!["x".to_owned()], timeout: Duration::from_secs(300) },
    }
}

fn target() -> Target {
    Target {
        release: "new".parse().unwrap(),
        store_path: "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server".parse().unwrap(),
        assets: None,
        subject: None,
        place: true,
        hook: true,
        command: "deploy",
    }
}

thread_local! {
    static KNOWN: (Settings, Target) = (settings(), target());
    static RUNTIME: RefCell<tokio::runtime::Runtime> =
        RefCell::new(tokio::runtime::Builder::new_current_thread().build().unwrap());
}

fuzz_target!(|bytes: &[u8]| {
    let mut lines = Vec::new();
    RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async {
            let mut whole = WholeLines::of(bytes);
            while let Some(line) = whole.next().await {
                lines.push(line);
            }
        });
    });
    assert_eq!(lines.len(), bytes.iter().filter(|byte| **byte == b'\n').count());
    KNOWN.with(|(settings, target)| {
        let look = state::read(&lines, &settings.root);
        let says = |text: &str| lines.iter().any(|line| remote::parse(line).is_some_and(|(_, rest)| rest == text));
        assert!(look.root != RootState::Ready || says("ready"));

        let limits = Limits { stop: Duration::from_secs(90), lock: Duration::ZERO, all: Duration::from_secs(900) };
        let events = Events::channel().0;
        let mut client = Client::new(settings, target, limits, &events);
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
    });
});
