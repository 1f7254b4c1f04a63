//! The judges: what was found becomes checks.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use super::laptop::{Flake, Laptop};
use super::*;
use crate::deploy::send::signing_key::tests::{PUBLIC, key};
use crate::model::check::Status::{self, Failed, Note, Ok as Fine, Skipped, Warning};
use crate::model::names::HostName;
use crate::model::server::{Control, Current, RootState, UnitState};
use crate::properties::bytes::settings;
use crate::tools::git::GitError;
use crate::tools::nix::NixError;

fn ready() -> ServerState {
    ServerState {
        system: "x86_64-linux".parse().ok(),
        user: "deploy".to_owned(),
        uid: 1000,
        nix_bin: Some("/usr/bin".to_owned()),
        trusted: Some(true),
        root: RootState::Ready,
        root_free: Some(5 << 30),
        store_free: Some(5 << 30),
        http_asker: Some("curl".to_owned()),
        may_read_journal: true,
        control: Control::Sudo { restart: true, reset_failed: true },
        hooks_as: Some("app".to_owned()),
        unit: UnitState {
            load: "loaded".to_owned(),
            active: "active".to_owned(),
            user: "app".to_owned(),
            kind: "exec".to_owned(),
            exec_start: vec![format!("{}/current/result/bin/server", settings().root)],
            ..UnitState::default()
        },
        ..ServerState::default()
    }
}

fn facts() -> Facts {
    Facts {
        time: Some(100),
        memory: Some([1 << 30, 1 << 29, 0]),
        nix: Some("2.26.3".to_owned()),
        systemd: "257".to_owned(),
        enabled: "enabled".to_owned(),
        answer: Some("200".to_owned()),
        arrived: Some(true),
        ..Facts::default()
    }
}

fn sent() -> Probe {
    Probe::Sent("/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-shipit-doctor".parse().unwrap())
}

fn asked() -> server::Asked {
    (UNIX_EPOCH + Duration::from_secs(100), UNIX_EPOCH + Duration::from_secs(100))
}

fn server(state: &ServerState, facts: &Facts) -> Vec<Check> {
    server::judge(&settings(), state, facts, sent(), false, asked())
}

fn app(state: &ServerState, facts: &Facts) -> Vec<Check> {
    app::judge(&settings(), state, facts, false)
}

#[track_caller]
fn is(checks: &[Check], name: &str, status: Status, says: &str) {
    let check = checks.iter().find(|check| check.name == name).expect("a check of this name");
    assert_eq!(check.status, status, "{check:?}");
    assert!(check.text.contains(says), "{check:?}");
}

fn names(checks: &[Check]) -> Vec<&str> {
    checks.iter().map(|check| check.name).collect()
}

#[test]
fn a_ready_server_has_every_check_and_all_are_fine() {
    let (server, app) = (server(&ready(), &facts()), app(&ready(), &facts()));
    assert_eq!((names(&server), names(&app)), (server::NAMES.to_vec(), app::NAMES.to_vec()));
    assert!(server.iter().chain(&app).all(|check| check.status == Fine), "{server:?} {app:?}");
    // The same names where nothing can be looked at.
    let options = options();
    let mut checks = Vec::new();
    let host = || settings().host;
    lost(&settings(), &options, SshError::Lost { host: host(), said: "gone".to_owned() }, &mut checks);
    assert_eq!(names(&checks), [&connection::NAMES[..], &server::NAMES, &app::NAMES].concat());
    let of_app = app::judge(&settings(), &ready(), &facts(), true);
    assert_eq!(names(&of_app), app::NAMES);
    // Hooks are looked at where there are any.
    let mut bare = settings();
    bare.hooks.before_switch.clear();
    let plain = server::judge(&bare, &ready(), &facts(), sent(), false, asked());
    assert!(!names(&plain).contains(&"hooks"));
}

fn options() -> Options {
    let (host, ssh) = (settings().host, settings().ssh);
    let runtime_folder = PathBuf::from("/tmp");
    Options { host, ssh, interactive: true, environment_on_github: None, runtime_folder }
}

#[test]
fn what_the_server_took_is_told_and_what_stays_there_too() {
    let judge =
        |probe, facts: &Facts, signed| server::judge(&settings(), &ready(), facts, probe, signed, asked());
    is(&judge(sent(), &facts(), false), "trust", Fine, "of this login, and it was removed again");
    is(&judge(sent(), &facts(), true), "trust", Fine, "signed with this key");
    let stays = Facts { stays: Some("it is alive".to_owned()), ..facts() };
    is(&judge(sent(), &stays, false), "trust", Fine, "stays until its next garbage collection: it is alive");
    is(
        &judge(sent(), &Facts { arrived: Some(false), ..facts() }, false),
        "trust",
        Failed,
        "does not know of it",
    );
    let elsewhere = || Probe::Elsewhere(PUBLIC.to_owned());
    is(&judge(elsewhere(), &facts(), false), "trust", Fine, "it takes what deploy brings");
    let stranger = ServerState { trusted: Some(false), ..ready() };
    let judged = server::judge(&settings(), &stranger, &facts(), elsewhere(), false, asked());
    is(&judged, "trust", Failed, "it does not trust deploy-1, the key of `public_key`");
    is(
        &judge(Probe::NotTried("laptop/nix".to_owned()), &facts(), false),
        "trust",
        Skipped,
        "`laptop/nix` failed",
    );
}

#[test]
fn a_server_s_memory_disk_clock_and_system_are_judged() {
    let little = Facts { memory: Some([1 << 30, 20 << 20, 10 << 20]), ..facts() };
    is(&server(&ready(), &little), "memory", Warning, "only 21.0 MB of 1.1 GB");
    let swap = Facts { memory: Some([1 << 30, 20 << 20, 1 << 30]), ..facts() };
    is(&server(&ready(), &swap), "memory", Fine, "1.1 GB of swap");
    is(&server(&ready(), &Facts { time: Some(131), ..facts() }), "clock", Warning, "31 s ahead of");
    is(&server(&ready(), &Facts { time: Some(130), ..facts() }), "clock", Fine, "as here");
    let disk = |free: u64| ServerState { store_free: Some(free), ..ready() };
    is(&server(&disk(10 << 20), &facts()), "disk", Failed, "10.5 MB free");
    is(&server(&disk(400 << 20), &facts()), "disk", Warning, "only 419 MB free");
    let arm = ServerState { system: "aarch64-linux".parse().ok(), ..ready() };
    let guessed = Settings {
        system: crate::model::settings::SystemChoice::Guessed("x86_64-linux".parse().unwrap()),
        ..settings()
    };
    let judged = server::judge(&guessed, &arm, &facts(), sent(), false, asked());
    is(&judged, "system", Note, "aarch64-linux, and this machine is x86_64-linux");
}

#[test]
fn programs_the_log_and_what_the_unit_starts_are_judged() {
    let lacking = ServerState { missing_programs: vec!["flock".to_owned(), "stat".to_owned()], ..ready() };
    is(&server(&lacking, &facts()), "programs", Failed, "lacks `flock`, `stat`");
    let deaf = ServerState { may_read_journal: false, ..ready() };
    is(&server(&deaf, &facts()), "log", Warning, "deploy may not read the unit's log");
    let elsewhere = UnitState { exec_start: vec!["/usr/bin/python3 app.py".to_owned()], ..ready().unit };
    let elsewhere = ServerState { unit: elsewhere, ..ready() };
    is(&app(&elsewhere, &facts()), "program", Warning, "is below /var/www/server/current/");
    let off = Facts { enabled: "disabled".to_owned(), ..facts() };
    is(&app(&ready(), &off), "boot", Warning, "not started when the server boots");
    for state in ["enabled", "static", "enabled-runtime", ""] {
        let as_found = Facts { enabled: state.to_owned(), ..facts() };
        is(&app(&ready(), &as_found), "boot", Fine, state);
    }
}

#[test]
fn the_app_has_to_answer_once_something_is_live() {
    let live = ServerState { current: Current::Release("abc".parse().unwrap()), ..ready() };
    let state = |active: &str, current: Current| {
        let unit = UnitState { active: active.to_owned(), ..ready().unit };
        ServerState { unit, current, ..ready() }
    };
    let said = |answer: &str| Facts { answer: Some(answer.to_owned()), ..facts() };
    is(&app(&live, &said("200")), "answer", Fine, "gives status 200");
    is(&app(&live, &said("500")), "answer", Failed, "gives: status 500");
    is(&app(&live, &said("curl: (7) Failed to connect 000")), "answer", Failed, "nothing listens on");
    is(&app(&state("failed", live.current.clone()), &said("200")), "answer", Failed, "it is failed");
    let nothing = |answer| app(&state("failed", Current::Absent), &said(answer));
    is(&nothing("curl: (7) Failed to connect 000"), "answer", Fine, "nothing is live yet");
    is(&nothing("404"), "answer", Warning, "something else answers");
}

#[test]
fn files_of_the_environment_have_to_be_there() {
    let absent = Facts { absent: vec!["/etc/a b".to_owned()], ..facts() };
    let checks = app(&ready(), &absent);
    is(&checks, "environment", Failed, "/etc/a b is not there");
    let hint = &checks.iter().find(|check| check.name == "environment").unwrap().hints[0];
    assert!(hint.contains("\"$(id -gn app)\" /dev/null '/etc/a b'   "), "{hint}");
    is(
        &app(&ready(), &Facts { hidden: vec!["/root/x".to_owned()], ..facts() }),
        "environment",
        Note,
        "not known",
    );
}

#[test]
fn the_way_to_the_server_ends_at_its_first_failure() {
    let host = || -> HostName { "deploy@server".parse().unwrap() };
    let said = || "said".to_owned();
    for (error, failed, skipped) in [
        (SshError::Unreachable { host: host(), said: said() }, "reachable", 3),
        (SshError::UnknownHostKey { host: host(), fingerprint: None, key: None }, "host key", 2),
        (SshError::Denied { host: host(), said: said() }, "login", 1),
        (SshError::Garbled { host: host(), said: said() }, "shell", 0),
    ] {
        let checks = connection::judge(&settings(), &options(), "", Some(error), None);
        is(&checks, failed, Failed, "");
        assert_eq!(checks.iter().filter(|check| check.status == Skipped).count(), skipped);
        assert_eq!(connection::broken(&checks), Some(format!("connection/{failed}")));
    }
    let checks = connection::judge(&settings(), &options(), "", Some(SshError::NotInstalled), None);
    assert_eq!(connection::broken(&checks).as_deref(), Some("laptop/ssh"));
}

fn laptop() -> Laptop {
    Laptop {
        nix: Ok("2.26.3".to_owned()),
        flakes: Some(true),
        store: Some(Ok(())),
        git: Ok("2.47.3".to_owned()),
        flake: Flake::Committed,
        ssh: Some("OpenSSH_9.2p1".to_owned()),
        key: Some(Ok(Key::Here(key(), None))),
    }
}

#[test]
fn this_machine_is_judged() {
    let judge = |laptop| laptop::judge(&settings(), laptop);
    let fine = judge(laptop());
    assert_eq!(names(&fine), ["nix", "flakes", "store", "git", "flake", "ssh", "signing key"]);
    assert!(fine.iter().all(|check| check.status == Fine), "{fine:?}");
    for (version, status) in [
        ("2.3.16", Failed),
        ("2.4", Warning),
        ("2.34.8", Fine),
        ("2.18pre1", Fine),
        ("3.0", Fine),
        ("x", Fine),
    ] {
        is(&judge(Laptop { nix: Ok(version.to_owned()), ..laptop() }), "nix", status, version);
    }
    let elsewhere = judge(Laptop { key: Some(Ok(Key::Elsewhere("deploy-1:AAAA".to_owned()))), ..laptop() });
    is(
        &elsewhere,
        "signing key",
        Note,
        "deploy-1 is not here: what it signs elsewhere, `shipit deploy --from`",
    );
    let none = Laptop {
        nix: Err(NixError::Missing { program: "nix".to_owned() }),
        flakes: None,
        store: None,
        git: Err(GitError::Missing),
        flake: Flake::NoCommit(GitError::Missing),
        ssh: None,
        ..laptop()
    };
    let none = judge(none);
    assert_eq!(names(&none), names(&fine), "the same names");
    is(&none, "store", Skipped, "laptop/nix");
    is(&none, "flake", Skipped, "laptop/git");
    is(&judge(Laptop { flakes: Some(false), ..laptop() }), "flakes", Note, "turns them on for its own");
    is(&judge(Laptop { flake: Flake::Missing, ..laptop() }), "flake", Warning, "no flake.nix");
}
