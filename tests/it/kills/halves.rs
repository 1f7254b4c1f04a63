//! The server half is two processes, and either can be killed, or both.

use super::{END, SECOND, SOON, checking, mute, next_deploy_works, status};
use crate::support::watched::{TRANSACTION, Watched, at_rest, journal, last_entry, serves};
use crate::support::world::eventually;

#[test]
fn halves_of_the_server_half_are_killed() {
    let (server, world) = mute();
    for (victims, event, reason) in [
        ("$half", "reverted", "its server half was killed"),
        ("$guardian", "reverted", "contact with the client was lost"),
        ("$guardian $half", "interrupted", "both its client and its server half ended without a word"),
    ] {
        let deploy = checking(&server, &world);
        server.sh_ok(&format!("{TRANSACTION} && kill -KILL {victims}"));
        // With both dead it is the client that asks and so recovers.
        let took = serves(&server, "1", 3 * SOON);
        let ran = deploy.wait(END).expect(7);
        eprintln!("{victims}: {took:?}");
        let entry = last_entry(&server);
        assert_eq!((&entry["event"], &entry["reason"]), (&event.into(), &reason.into()));
        let result = ran.json();
        assert!(result["error"].as_str().is_some_and(|error| error.contains(reason)), "{result}");
        at_rest(&server);
    }
    next_deploy_works(&server, &world, "3");
}

#[test]
fn client_and_server_half_are_both_killed() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    deploy.signal("STOP");
    server.sh_ok(&format!("{TRANSACTION} && kill -KILL $guardian $half"));
    deploy.signal("KILL");
    deploy.wait(SOON).expect(137);
    // Nobody is left to go back; that much can be seen.
    assert!(server.sh_ok("readlink /var/www/server/current").contains(&world.git(&["rev-parse", "HEAD"])));
    let seen = status(&world);
    assert!(seen["unfinished"]["token"].is_string() && seen["unfinished"]["within_s"].is_null(), "{seen}");
    assert_eq!(seen["last"]["status"], "unfinished");
    let said = world.shipit(&["status"]).expect(0).stdout;
    assert!(said.contains("never checked to its end"), "{said}");
    // The same commit again: it may look live, but nobody has found it healthy.
    world.edit("within = \"120s\"", "within = \"2s\"");
    let ran = world.shipit(&["deploy", "HEAD"]).expect(7);
    assert!(ran.stderr.contains("was not healthy within 2 s"), "{}", ran.stderr);
    serves(&server, "1", SECOND);
    let ends: Vec<_> = journal(&server).iter().map(|entry| entry["event"].clone()).collect();
    assert_eq!(
        ends,
        ["started", "live", "kept", "started", "live", "interrupted", "started", "live", "reverted"]
    );
    world.edit("within = \"2s\"", "within = \"30s\"");
    next_deploy_works(&server, &world, "3");
}

#[test]
fn what_runs_the_hook_is_killed_alone() {
    let (server, world) = mute();
    world.edit("[health]", "[hooks]\nbefore_switch = [\"sleep\", \"1000000\"]\n\n[health]");
    let first = server.sh_ok("readlink /var/www/server/current");
    let mut deploy = Watched::start(&world, &["deploy"]);
    deploy.until("hook-started");
    let hook = "pgrep -u app -f '^[s]leep 1000000$'";
    eventually(SOON, || match server.sh(hook) {
        ran if ran.success() => Ok(()),
        ran => Err(ran),
    });
    // hook.sh, between sudo and the hook's own timeout.
    server.sh_ok("kill -KILL $(ps -o ppid= -p $(pgrep -u app -f '^[t]imeout .*sleep 1000000$'))");
    let ran = deploy.wait(END).expect(7);
    assert!(ran.json()["error"].as_str().is_some_and(|error| error.contains("killed")), "{}", ran.stdout);
    // The hook goes with it: the next deploy's may not run beside it.
    eventually(SOON, || match server.sh(hook) {
        ran if !ran.success() => Ok(()),
        ran => Err(ran),
    });
    at_rest(&server);
    assert_eq!(server.sh_ok("readlink /var/www/server/current"), first);
    world.edit("\"sleep\", \"1000000\"", "\"true\"");
    next_deploy_works(&server, &world, "3");
}

#[test]
fn halves_are_killed_before_the_switch() {
    let (server, world) = mute();
    let (hook, never) = ("before_switch = [\"sleep\", \"1000000\"]", "^[s]leep 1000000$");
    world.edit("[health]", &format!("[hooks]\n{hook}\n\n[health]"));
    let first = server.sh_ok("readlink /var/www/server/current");
    for victims in ["$guardian", "$half", "$guardian $half"] {
        let mut deploy = Watched::start(&world, &["deploy"]);
        deploy.until("hook-started");
        server.sh_ok(&format!("{TRANSACTION} && kill -KILL {victims}"));
        let result = deploy.wait(END).expect(7).json();
        eprintln!("{victims}: {} {}", result["error"], result["live"]);
        assert!(
            result["error"].as_str().is_some_and(|error| error.contains("before the switch")),
            "{result}"
        );
        assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs as before")), "{result}");
        eventually(SOON, || match server.sh(&format!("pgrep -u app -f '{never}'")) {
            ran if !ran.success() => Ok(()),
            ran => Err(ran),
        });
        at_rest(&server);
        assert_eq!(server.sh_ok("readlink /var/www/server/current"), first);
    }
    world.edit("\"sleep\", \"1000000\"", "\"true\"");
    next_deploy_works(&server, &world, "3");
}
