//! Somebody else is at it at the same time: another client, or a person on the server.

use super::{END, SECOND, checking, mute, next_deploy_works, status};
use crate::support::lab::{Server, Variant};
use crate::support::watched::{Watched, at_rest, journal, last_entry, serves};
use crate::support::world::World;

#[test]
fn two_clients_at_once() {
    let server = Server::boot(Variant::Debian);
    let worlds = [World::new(&server), World::new(&server)];
    worlds[0].commit("0", "ok");
    worlds[0].deploy();
    for (world, version) in worlds.iter().zip(["1", "2"]) {
        world.edit("within = \"10s\"", "within = \"30s\"");
        world.commit(version, "slow-start 8");
    }
    let deploys = worlds.each_ref().map(|world| Watched::start(world, &["deploy"]));
    let ends = deploys.map(|deploy| deploy.wait(END));
    let codes = ends.each_ref().map(|ran| ran.code);
    let winner = codes.iter().position(|code| *code == 0).unwrap_or_else(|| panic!("{codes:?}"));
    assert_eq!(codes[1 - winner], 6, "{}\n{}", ends[0].stdout, ends[1].stdout);
    let result = ends[1 - winner].json();
    assert!(
        result["error"].as_str().is_some_and(|error| error.contains("has been running `deploy`")),
        "{result}"
    );
    assert_eq!(result["live"], "what runs was not touched");
    serves(&server, ["1", "2"][winner], SECOND);
    assert_eq!(journal(&server).iter().filter(|entry| entry["event"] == "started").count(), 2);
    at_rest(&server);
}

#[test]
fn somebody_relinks_current_in_the_check() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    server
        .sh_ok("mkdir /var/www/server/theirs && cd /var/www/server && ln -s theirs new && mv -T new current");
    deploy.signal("TERM");
    let result = deploy.wait(END).expect(143).json();
    assert!(
        result["live"].as_str().is_some_and(|live| live.contains("somebody else moved `current`")),
        "{result}"
    );
    assert_eq!(server.sh_ok("readlink /var/www/server/current").trim(), "theirs");
    let entry = last_entry(&server);
    assert_eq!(entry["event"], "failed");
    assert!(entry["reason"].as_str().is_some_and(|reason| reason.contains("left alone")), "{entry}");
    assert_eq!(status(&world)["current"]["state"], "elsewhere");
    at_rest(&server);
    next_deploy_works(&server, &world, "3");
}
