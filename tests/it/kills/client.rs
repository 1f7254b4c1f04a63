//! The client is killed, interrupted or frozen, or its ssh master is.

use std::time::Duration;

use super::{END, SECOND, SOON, checking, mute, next_deploy_works, status};
use crate::support::lab::{Server, Variant};
use crate::support::watched::{
    TRANSACTION, Watched, at_rest, connections, journal, last_entry, serves, signal, temporary,
};
use crate::support::world::{World, eventually};

#[test]
fn a_client_that_is_killed_or_interrupted_in_the_check() {
    let (server, world) = mute();
    // (signal, exit code, what the journal says of it)
    let ends = [
        ("KILL", 137, "contact with the client was lost"),
        ("INT", 130, "interrupted by SIGINT"),
        ("TERM", 143, "ended by SIGTERM"),
        ("HUP", 143, "ended by SIGHUP"),
    ];
    for (name, code, reason) in ends {
        let deploy = checking(&server, &world);
        deploy.signal(name);
        let took = serves(&server, "1", SOON);
        let ran = deploy.wait(END).expect(code);
        eprintln!("{name}: the old release answers after {took:?}");
        at_rest(&server);
        let entry = last_entry(&server);
        assert_eq!((&entry["event"], &entry["reason"]), (&"reverted".into(), &reason.into()));
        let status = status(&world);
        assert_eq!(status["last"]["status"], "reverted");
        assert_eq!(status["unfinished"], serde_json::Value::Null);
        assert_eq!(status["current"]["subject"], "1");
        if name != "KILL" {
            // Neither its own folders are left nor those of the killed one before.
            assert_eq!(temporary(&world), Vec::<std::path::PathBuf>::new(), "{name}");
            let result = ran.json();
            assert_eq!((&result["outcome"], &result["exit"]), (&"interrupted".into(), &code.into()));
            assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
        }
    }
    next_deploy_works(&server, &world, "3");
    // The killed one's connection ends by itself.
    eventually(Duration::from_secs(45), || match &connections(&world)[..] {
        [] => Ok(()),
        left => Err(left.to_vec()),
    });
}

#[test]
fn an_interrupt_leaves_nothing_on_the_laptop() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    deploy.signal("INT");
    deploy.wait(END).expect(130);
    assert_eq!(temporary(&world), Vec::<std::path::PathBuf>::new());
    assert_eq!(connections(&world), Vec::<u32>::new());
    serves(&server, "1", SECOND);
}

#[test]
fn interrupted_twice_it_does_not_wait_for_the_server() {
    let (server, world) = mute();
    // The old release takes its time to stop, so that going back lasts.
    let deploy = checking(&server, &world);
    // The server half stands still: the first interrupt gets no answer.
    server.sh_ok(&format!("{TRANSACTION}; kill -STOP $half"));
    deploy.signal("INT");
    std::thread::sleep(SECOND);
    deploy.signal("INT");
    let began = std::time::Instant::now();
    let ran = deploy.wait(END).expect(130);
    assert!(began.elapsed() < 3 * SECOND, "{:?}", began.elapsed());
    assert!(
        ran.json()["live"].as_str().is_some_and(|live| live.contains("by itself within")),
        "{}",
        ran.stdout
    );
    assert_eq!(temporary(&world), Vec::<std::path::PathBuf>::new());
    server.sh_ok(&format!("{TRANSACTION}; kill -CONT $half"));
    serves(&server, "1", SOON);
    at_rest(&server);
    next_deploy_works(&server, &world, "3");
}

#[test]
fn an_interrupt_after_it_was_kept_changes_nothing() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.edit("assets = ", "keep = 1\nassets = ");
    for version in ["1", "2"] {
        world.commit(version, "ok");
        world.deploy();
    }
    // Removing version 1 comes after the verdict, and takes a while.
    server.sh_ok(
        "printf '#!/bin/sh\\ncase $* in *gone-*) sleep 3 ;; esac\\nexec /usr/bin/rm \"$@\"\\n' >/usr/local/bin/rm
         chmod 755 /usr/local/bin/rm",
    );
    world.commit("3", "ok");
    let mut deploy = Watched::start(&world, &["deploy"]);
    deploy.until("kept");
    deploy.signal("INT");
    let ran = deploy.wait(END).expect(0);
    assert_eq!(ran.json()["outcome"], "live");
    serves(&server, "3", SECOND);
    at_rest(&server);
    assert_eq!(journal(&server).iter().filter(|entry| entry["event"] == "kept").count(), 3);
}

#[test]
fn an_interrupt_after_keep_was_said_is_not_why_it_went_back() {
    let (server, world) = mute();
    world.commit("2", "slow-start 2");
    let mut deploy = checking(&server, &world);
    server.sh_ok(&format!("{TRANSACTION}; kill -STOP $half"));
    // Its watchers go on. `keep` is said after that answer and the settle time, and is not heard yet.
    deploy.until_it("answered", |event| event["healthy"] == true);
    std::thread::sleep(3 * SECOND);
    server.sh_ok("systemctl restart server.service");
    deploy.signal("INT");
    std::thread::sleep(SECOND);
    server.sh_ok(&format!("{TRANSACTION}; kill -CONT $half"));
    let result = deploy.wait(END).expect(7).json();
    let reason = "the unit was not the one that was checked when it was to be kept";
    assert!(result["error"].as_str().is_some_and(|error| error.contains(reason)), "{result}");
    assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
    serves(&server, "1", SECOND);
    at_rest(&server);
    next_deploy_works(&server, &world, "3");
}

#[test]
fn interrupted_before_the_switch_nothing_is_changed() {
    let (server, world) = mute();
    let first = server.sh_ok("readlink /var/www/server/current");
    let invocation = server.sh_ok("systemctl show -p InvocationID server.service");
    let untouched = || {
        assert_eq!(server.sh_ok("readlink /var/www/server/current"), first);
        assert_eq!(server.sh_ok("systemctl show -p InvocationID server.service"), invocation);
        at_rest(&server);
    };
    // (behaviour, event, what comes with it)
    world.edit("[health]", "[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\n\n[health]");
    for (number, (behaviour, event)) in [
        ("slow-build 100", "building-derivation"),
        ("heavy 20", "copying-path"),
        ("migrate-hang", "hook-started"),
    ]
    .into_iter()
    .enumerate()
    {
        for (name, code) in [("INT", 130), ("KILL", 137)] {
            world.commit(&format!("x{number}-{name}"), behaviour);
            if event == "copying-path" {
                server.rate("20mbit");
            }
            let mut deploy = Watched::start(&world, &["deploy"]);
            deploy.until(event);
            std::thread::sleep(SECOND / 2);
            assert!(!deploy.is_over(), "{behaviour} was over too soon");
            let hooks = server.sh("pgrep -u app -f '[s]leep 1000000'").success();
            assert_eq!(hooks, event == "hook-started", "{behaviour}");
            deploy.signal(name);
            let ran = deploy.wait(SOON).expect(code);
            server.rate("off");
            untouched();
            // Nobody is left of the hook: neither it nor what watched over it.
            eventually(SOON, || match server.sh("ps -o pid,args -u app | grep -v [h]ttpd | tail -n +2") {
                ps if ps.stdout.is_empty() => Ok(()),
                ps => Err(ps),
            });
            if name == "INT" {
                let result = ran.json();
                let unchanged = if hooks { "nothing else was changed" } else { "nothing was changed" };
                assert!(result["error"].as_str().is_some_and(|error| error.contains(unchanged)), "{result}");
            }
        }
    }
    next_deploy_works(&server, &world, "3");
}

#[test]
fn the_ssh_master_is_killed_in_the_check() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    let masters = connections(&world);
    assert!(!masters.is_empty());
    signal("KILL", &masters);
    serves(&server, "1", SOON);
    // It asks over a new connection, and knows.
    let ran = deploy.wait(Duration::from_secs(20)).expect(7);
    let result = ran.json();
    assert!(
        result["error"].as_str().is_some_and(|error| error.contains("contact with the client was lost")),
        "{result}"
    );
    assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
    at_rest(&server);
    assert_eq!(temporary(&world), Vec::<std::path::PathBuf>::new());
    assert_eq!(connections(&world), Vec::<u32>::new());
    next_deploy_works(&server, &world, "3");
}

#[test]
fn a_client_that_is_frozen() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    deploy.signal("STOP");
    let took = serves(&server, "1", Duration::from_secs(36));
    assert!(took > Duration::from_secs(25), "gone back after {took:?} already");
    deploy.signal("CONT");
    let result = deploy.wait(SOON).expect(7).json();
    assert!(
        result["error"].as_str().is_some_and(|error| error.contains("the client was silent for 30 s")),
        "{result}"
    );
    next_deploy_works(&server, &world, "3");
}
