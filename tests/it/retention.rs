//! Which releases stay, and that those that stay can be gone back to: also after the server's garbage was collected.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::lab::{Server, Variant};
use crate::support::watched::{at_rest, serves};
use crate::support::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// The folders in `releases`.
fn there(server: &Server) -> BTreeSet<String> {
    server.sh_ok("ls -1 /var/www/server/releases").lines().map(str::to_owned).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Everything that nothing holds goes.
fn collect_garbage(server: &Server) {
    server.sh_ok("nix-collect-garbage -d >/dev/null 2>&1");
}

/// Whether the release's program is there.
fn runs(server: &Server, release: &str) -> bool {
    server.sh(&format!("test -s /var/www/server/releases/{release}/result/bin/server")).success()
}

/// Commits it so that its hash sorts before most of these.
fn commit_low(world: &World, version: &str, before: &[String]) -> String {
    loop {
        let hash = world.commit(version, "ok");
        if before.iter().filter(|other| hash < **other).count() > 4 {
            return hash;
        }
        world.git(&["reset", "-q", "--soft", "HEAD~1"]);
        std::fs::write(world.app().join("try"), format!("{hash}\n")).unwrap();
    }
}

#[test]
fn the_newest_healthy_ones_stay_whatever_their_hashes() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.edit("[health]\n", "[health]\nsettle = \"200ms\"\n");
    let behaviours = ["ok", "ok", "crash", "ok", "crash", "ok", "ok"];
    let mut hashes: Vec<String> = Vec::new();
    let mut paths = Vec::new();
    for (number, behaviour) in behaviours.iter().enumerate() {
        hashes.push(world.commit(&(number + 1).to_string(), behaviour));
        world.shipit(&["deploy"]).expect(if *behaviour == "ok" { 0 } else { 7 });
        paths.push(server.sh_ok(&format!("readlink /var/www/server/releases/{}/result", hashes[number])));
    }
    // Folders that shipit did not make: a backup, and what looks like a release.
    let foreign = "0123456789012345678901234567890123456789";
    server.sh_ok(&format!(
        "cd /var/www/server/releases && mkdir backup {foreign} && chown deploy: backup {foreign}"
    ));
    // By their names the newest would go first.
    hashes.push(commit_low(&world, "8", &hashes));
    world.deploy();
    let h = |number: usize| hashes[number - 1].as_str();
    let stay = [h(2), h(4), h(5), h(6), h(7), h(8)];
    assert_eq!(there(&server), set(&[&stay[..], &["backup", foreign]].concat()));

    collect_garbage(&server);
    for release in stay {
        assert!(runs(&server, release), "{release}");
    }
    for gone in [1, 3] {
        let path = paths[gone - 1].trim();
        assert!(!server.sh(&format!("test -e {path}")).success(), "{path} of a removed release is held");
    }
    let said = world.shipit(&["rollback", h(1)]).expect(2).stderr;
    assert!(said.contains("was removed from the server"), "{said}");
    for number in [4, 7, 6, 2] {
        world.shipit(&["rollback", h(number)]).expect(0);
        serves(&server, &number.to_string(), SECOND);
        collect_garbage(&server);
    }
    assert_eq!(there(&server), set(&[&stay[..], &["backup", foreign]].concat()));

    // What was live before stays, however old it is.
    let ninth = world.commit("9", "ok");
    world.deploy();
    collect_garbage(&server);
    assert!(runs(&server, h(2)), "the one before has gone");
    world.shipit(&["rollback", h(2)]).expect(0);
    serves(&server, "2", SECOND);
    world.shipit(&["deploy"]).expect(0);

    world.edit("assets = ", "keep = 1\nassets = ");
    let tenth = world.commit("10", "ok");
    world.deploy();
    collect_garbage(&server);
    assert_eq!(there(&server), set(&[&ninth, &tenth, h(5), "backup", foreign]));
    // A failed one takes no place, and what it left goes with the next.
    let eleventh = world.commit("11", "crash");
    world.shipit(&["deploy"]).expect(7);
    serves(&server, "10", SECOND);
    let twelfth = world.commit("12", "ok");
    world.deploy();
    collect_garbage(&server);
    assert_eq!(there(&server), set(&[&tenth, &eleventh, &twelfth, "backup", foreign]));
    world.shipit(&["rollback"]).expect(0);
    serves(&server, "10", SECOND);
    at_rest(&server);
}
