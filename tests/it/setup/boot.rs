//! The power goes between the switch and the verdict, and nobody comes: the boot itself goes back.

use std::time::Duration;

use crate::support::facts::{ROOT, current, events, journal};
use crate::support::lab::Server;
use crate::support::watched::{TRANSACTION, Watched, serves};
use crate::support::world::World;

const SOON: Duration = Duration::from_secs(20);

/// A server whose deploys are settled at boot, a world, and the commit of version 1, which runs.
fn prepared(server: &Server) -> World {
    server.sh_ok("install -d -m 700 /root/.ssh; cp /home/deploy/.ssh/authorized_keys /root/.ssh/");
    let world = World::new(server);
    world.edit("within = \"10s\"", "within = \"120s\"");
    world.shipit(&["setup", "--as", "root", "--yes"]).expect(0);
    world
}

/// Deploys what never answers, until that is being checked. Then the client dies.
fn checking(world: &World) -> Watched {
    let mut deploy = Watched::start(world, &["deploy"]);
    deploy.until("started");
    deploy
}

#[test]
fn a_power_loss_in_the_check_boots_the_old_release() {
    let server = Server::builder().disk("256M").boot();
    let world = prepared(&server);
    let first = world.commit("1", "ok");
    world.deploy();
    server.sh_ok("sync -f /");
    world.commit("2", "mute");
    let deploy = checking(&world);
    deploy.signal("STOP");
    server.power_loss();
    deploy.signal("KILL");
    // Nobody has asked anything yet.
    assert_eq!(current(&server), format!("releases/{first}"));
    serves(&server, "1", SOON);
    let lines = journal(&server);
    assert_eq!(events(&lines), "started live kept started live interrupted");
    assert_eq!(lines[5]["reason"], "the server went down before it was checked");
    let mine =
        server.sh_ok(&format!("find {ROOT}/.shipit ! -user deploy; ls {ROOT}/.shipit/pending 2>&1 || :"));
    assert!(mine.contains("No such file"), "{mine}");
    let status = world.shipit(&["status", "--json"]).expect(0).json();
    assert_eq!(
        (&status["unfinished"], &status["current"]["release"]),
        (&serde_json::Value::Null, &first.into())
    );
    world.commit("3", "ok");
    world.deploy();
    serves(&server, "3", SOON);
}

#[test]
fn a_boot_settles_only_what_was_cut_off() {
    let server = Server::builder().boot();
    let world = prepared(&server);
    let first = world.commit("1", "ok");
    world.deploy();
    server.crash();
    server.boot_again();
    serves(&server, "1", SOON);
    let settler = "systemctl show -P ConditionResult -P ExecMainStartTimestamp shipit-settle-server.service";
    assert_eq!(server.sh_ok(settler).trim(), "no", "there was nothing to settle");
    // In the middle of a deploy it does nothing, whoever starts it.
    world.commit("2", "mute");
    let deploy = checking(&world);
    let second = current(&server);
    server.sh_ok("systemctl start shipit-settle-server.service");
    assert_eq!(current(&server), second);
    // Its halves die, and nobody asks. The unit runs, so this is no boot: only its restart would undo the deploy.
    deploy.signal("STOP");
    server.sh_ok(&format!("{TRANSACTION} && kill -KILL $guardian $half"));
    server.sh_ok("systemctl start shipit-settle-server.service");
    assert_eq!(current(&server), second);
    server.crash();
    deploy.signal("KILL");
    server.boot_again();
    serves(&server, "1", SOON);
    assert_eq!(current(&server), format!("releases/{first}"));
    assert_eq!(events(&journal(&server)), "started live kept started live interrupted");
}

#[test]
fn status_tells_whether_a_boot_settles() {
    let server = Server::builder().boot();
    let world = prepared(&server);
    assert_eq!(world.shipit(&["status", "--json"]).expect(0).json()["settles_at_boot"], true);
    // One for another folder is none for this one.
    world.edit("app = \"server\"", "app = \"server\"\nroot = \"/var/www/other\"");
    assert_eq!(world.shipit(&["status", "--json"]).expect(0).json()["settles_at_boot"], false);
    // Setup makes it anew.
    let told = world.shipit(&["setup", "--as", "root", "--yes"]).expect(0);
    told.says(&["let it run before server.service at boot", "make the folder /var/www/other for deploy"]);
    assert_eq!(world.shipit(&["status", "--json"]).expect(0).json()["settles_at_boot"], true);
}
