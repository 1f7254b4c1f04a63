//! Whatever dies, whenever: what ran before runs again, the next deploy just works, and what is said agrees with
//! what happened. Most of these deploy a release that accepts requests and never answers, so that the check lasts.
//! What is asked here is what the command says; `faults` has every fault at every step.

mod client;
mod halves;
mod machine;
mod network;
mod others;
mod paper;

use std::time::Duration;

use crate::support::lab::{Server, Variant};
use crate::support::watched::{Watched, at_rest, serves};
use crate::support::world::World;

const SECOND: Duration = Duration::from_secs(1);
/// A client that is gone is noticed at once, and the old release starts in no time.
const SOON: Duration = Duration::from_secs(5);
/// A command that only has to end.
const END: Duration = Duration::from_secs(60);

/// A server with version 1 on it, and a commit of version 2 that never answers.
fn mute() -> (Server, World) {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.edit("within = \"10s\"", "within = \"120s\"");
    world.commit("1", "ok");
    world.deploy();
    world.commit("2", "mute");
    (server, world)
}

/// Starts a deploy and waits until its release was started and is being asked.
fn checking(server: &Server, world: &World) -> Watched {
    let mut deploy = Watched::start(world, &["deploy"]);
    deploy.until("started");
    let current = server.sh_ok("readlink /var/www/server/current");
    assert_eq!(current.trim(), format!("releases/{}", world.git(&["rev-parse", "HEAD"])));
    deploy
}

/// `shipit status --json`.
fn status(world: &World) -> serde_json::Value {
    world.shipit(&["status", "--json"]).expect(0).json()
}

/// The next deploy needs no step by hand.
fn next_deploy_works(server: &Server, world: &World, version: &str) {
    world.commit(version, "ok");
    world.deploy();
    serves(server, version, SECOND);
    at_rest(server);
    assert_eq!(status(world)["unfinished"], serde_json::Value::Null);
}
