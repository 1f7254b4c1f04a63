//! The whole server: it crashes, its clock lies, its disk is full, its unit takes long to stop.

use std::time::Duration;

use super::{END, SECOND, SOON, checking, mute, next_deploy_works, status};
use crate::support::lab::{Server, Variant};
use crate::support::site::drop_in;
use crate::support::watched::{Watched, at_rest, journal, serves};
use crate::support::world::World;

#[test]
fn the_whole_server_crashes_in_the_check() {
    let (server, world) = mute();
    // First with a client that stays: it asks as soon as it can, and that recovers.
    let deploy = checking(&server, &world);
    server.crash();
    server.boot_again();
    let result = deploy.wait(END).expect(7).json();
    assert!(result["error"].as_str().is_some_and(|error| error.contains("ended without a word")), "{result}");
    serves(&server, "1", SECOND);
    at_rest(&server);
    // Then with one that dies too.
    let deploy = checking(&server, &world);
    server.crash();
    deploy.signal("KILL");
    deploy.wait(SOON).expect(137);
    server.boot_again();
    assert!(status(&world)["unfinished"]["token"].is_string());
    world.commit("3", "ok");
    let ran = world.deploy();
    assert!(ran.stderr.contains("an earlier deploy ended without a word"), "{}", ran.stderr);
    serves(&server, "3", SECOND);
    at_rest(&server);
    let previous = journal(&server)
        .iter()
        .rfind(|entry| entry["event"] == "started")
        .map(|entry| entry["previous"].clone());
    let first = world.git(&["rev-list", "--max-parents=0", "HEAD"]);
    assert_eq!(
        previous,
        Some(first.into()),
        "what the next one goes back to is the old release, not the unchecked one"
    );
}

#[test]
fn the_server_is_shut_down_in_the_check() {
    let (server, world) = mute();
    let (old, new) = (world.git(&["rev-parse", "HEAD~1"]), world.git(&["rev-parse", "HEAD"]));
    let current =
        || server.sh_ok("readlink /var/www/server/current").trim().trim_start_matches("releases/").to_owned();
    // Its client stays, and asks as soon as it can.
    let deploy = checking(&server, &world);
    assert_eq!(current(), new);
    server.stop();
    server.boot_again();
    let result = deploy.wait(2 * END).expect(7).json();
    assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
    assert_eq!(current(), old);
    serves(&server, "1", SOON);
    at_rest(&server);
    // Its client stands still, and then dies: nobody asks. The link went back before the machine was down, so the boot
    // starts the old release.
    let deploy = checking(&server, &world);
    deploy.signal("STOP");
    server.stop();
    deploy.signal("KILL");
    deploy.wait(SOON).expect(137);
    server.boot_again();
    assert_eq!(current(), old);
    // Nothing was decided while systemd refused to start anything.
    let left = server.sh_ok("cd /var/www/server/.shipit && ls");
    assert!(left.lines().any(|name| name == "pending"), "{left}");
    serves(&server, "1", SOON);
    let ends = |event: &str| journal(&server).iter().filter(|entry| entry["event"] == event).count();
    assert!(!status(&world)["current"]["release"].is_null());
    next_deploy_works(&server, &world, "3");
    assert_eq!((ends("kept"), ends("reverted") + ends("interrupted")), (2, 2));
}

#[test]
fn a_clock_that_lies_changes_nothing() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.commit("1", "ok");
    world.deploy();
    // Each look at it is an hour earlier than the one before.
    server.sh_ok(
        "echo 0 >/run/lies && chmod 666 /run/lies
         cat >/usr/local/bin/date <<'END'
#!/bin/sh
n=$(($(cat /run/lies) + 1))
echo $n >/run/lies
exec /usr/bin/date -d \"-$n hours\" \"$@\"
END
         chmod 755 /usr/local/bin/date",
    );
    let second = world.commit("2", "ok");
    world.deploy();
    world.commit("3", "crash");
    world.shipit(&["deploy"]).expect(7);
    world.commit("4", "ok");
    world.deploy();
    serves(&server, "4", SECOND);
    assert_ne!(server.sh_ok("cat /run/lies").trim(), "0");
    world.shipit(&["rollback"]).expect(0);
    serves(&server, "2", SECOND);
    assert_eq!(status(&world)["current"]["release"], second.as_str());
    at_rest(&server);
}

#[test]
fn going_back_that_lasts_is_not_a_lost_contact() {
    let (server, world) = mute();
    drop_in(&server, "[Service]\nTimeoutStopSec=38");
    world.edit("within = \"120s\"", "within = \"1s\"");
    world.commit("2", "error\nignore-term");
    let deploy = Watched::start(&world, &["deploy"]);
    let ran = deploy.wait(Duration::from_secs(90)).expect(7);
    assert!(ran.took > Duration::from_secs(38), "{:?}", ran.took);
    assert!(!ran.stdout.contains("\"contact-lost\""), "{}", ran.stdout);
    serves(&server, "1", SECOND);
    at_rest(&server);
}

#[test]
fn the_disk_is_full_in_the_check() {
    let server = Server::builder().variant(Variant::Debian).disk("1G").boot();
    let world = World::new(&server);
    world.edit("within = \"10s\"", "within = \"60s\"");
    world.commit("1", "ok");
    world.deploy();
    world.commit("2", "mute");
    let deploy = checking(&server, &world);
    server.fill("/var/www/server", 0);
    deploy.signal("INT");
    serves(&server, "1", SOON);
    let result = deploy.wait(END).expect(130).json();
    assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
    // Nothing could be written, and nothing is lost: the decision was a rename.
    assert!(!server.sh("test -e /var/www/server/.shipit/pending").success());
    let refused = world.shipit(&["deploy"]).expect(3);
    assert!(refused.stderr.contains("no space on"), "{}", refused.stderr);
    server.free();
    next_deploy_works(&server, &world, "3");
    let ends: Vec<_> = journal(&server).iter().map(|entry| entry["event"].clone()).collect();
    assert_eq!(ends, ["started", "live", "kept", "started", "live", "reverted", "started", "live", "kept"]);
}
