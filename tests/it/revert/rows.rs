//! Cases that once failed, each with its surroundings.

use std::time::Duration;

use serde_json::Value;

use crate::support::facts::{events, journal_at, page};
use crate::support::lab::{Server, Variant};
use crate::support::site::Site;
use crate::support::watched::{Watched, at_rest, connections, last_entry, serves, signal};
use crate::support::world::World;

/// A client that is gone is noticed at once, and the old release starts in no time.
const SOON: Duration = Duration::from_secs(15);

/// The client alone: its connection, and with it the login, outlives it for half a minute.
fn client(_: &World, deploy: &Watched) -> Vec<u32> {
    vec![deploy.id()]
}

/// … and its connection: the login is over.
fn client_and_connection(world: &World, deploy: &Watched) -> Vec<u32> {
    [client(world, deploy), connections(world)].concat()
}

/// Deploys a release that never answers, kills these in the check, and waits until the old one runs again.
fn killed_in_the_check(site: &Site, old: &str, killed: fn(&World, &Watched) -> Vec<u32>) {
    site.world.edit("within = \"10s\"", "within = \"100s\"");
    let mut deploy = Watched::start(&site.world, &["deploy"]);
    deploy.until("started");
    signal("KILL", &killed(&site.world, &deploy));
    deploy.wait(SOON).expect(137);
    serves(&site.server, old, SOON);
    at_rest(&site.server);
    let last = last_entry(&site.server);
    assert_eq!(
        (&last["event"], &last["reason"]),
        (&"reverted".into(), &"contact with the client was lost".into())
    );
    site.world.edit("within = \"100s\"", "within = \"10s\"");
}

#[test]
fn a_unit_that_never_notifies_is_left_when_its_client_is_killed() {
    let site = Site::new();
    site.drop_in(
        "[Service]\nType=notify\nNotifyAccess=all\nTimeoutStartSec=100\nExecStart=\n\
         ExecStart=/bin/sh -c '[ -e views/silent ] || systemd-notify --ready; exec /var/www/server/current/result/bin/server'",
    );
    site.good();
    site.world.write("views/silent", "");
    site.commit("ok");
    // systemctl restart would still be waiting for it.
    killed_in_the_check(&site, "2", client);
    std::fs::remove_file(site.world.app().join("views/silent")).expect("no longer silent");
    site.good();
}

#[test]
fn a_server_that_kills_what_a_login_leaves_behind() {
    let site = Site::new();
    site.server.sh_ok(
        "mkdir -p /etc/systemd/logind.conf.d && printf '[Login]\\nKillUserProcesses=yes\\n' >/etc/systemd/logind.conf.d/test.conf
         systemctl restart systemd-logind",
    );
    site.commit("mute");
    killed_in_the_check(&site, "1", client_and_connection);
    site.good();
}

#[test]
fn a_release_that_crashes_in_a_loop_is_no_hindrance_to_the_next() {
    let site = Site::new();
    site.drop_in(
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=100ms\nExecStartPre=/usr/bin/test ! -e broken",
    );
    let old = site.good();
    // systemd's timer has all the time to start the new release by itself, before the restart that is ours: that is no
    // crash of the new one.
    site.server.sh_ok(&format!(
        "mv /usr/bin/systemctl /usr/bin/systemctl.real
         printf '#!/bin/sh\\n[ \"$1\" != restart ] || sleep 2\\nexec systemctl.real \"$@\"\\n' >/usr/bin/systemctl
         chmod 755 /usr/bin/systemctl
         touch /var/www/server/releases/{old}/broken; systemctl.real restart server.service; true"
    ));
    let good = site.good();
    // A bad one then goes back to what crashed, and says so.
    site.server.sh_ok(&format!(
        "touch /var/www/server/releases/{good}/broken; systemctl.real restart server.service; true"
    ));
    site.commit("error");
    site.world.edit("within = \"10s\"", "within = \"2s\"");
    let failed = site.fails(&["deploy"], 7, &["status 500"]);
    assert!(
        failed.result["live"]
            .as_str()
            .is_some_and(|live| live.ends_with("does not come up with it now, as before this deploy")),
        "{failed:#?}"
    );
    site.world.edit("within = \"2s\"", "within = \"10s\"");
    site.good();
}

#[test]
fn a_unit_of_the_login_s_own_systemd_goes_back_too() {
    let server = Server::boot(Variant::Debian);
    server.sh_ok(
        "systemctl disable --now server.service; rm /etc/sudoers.d/shipit
         systemd-run --quiet --wait loginctl enable-linger deploy
         mkdir -p /etc/systemd/logind.conf.d && printf '[Login]\\nKillUserProcesses=yes\\n' >/etc/systemd/logind.conf.d/test.conf
         systemctl restart systemd-logind",
    );
    let root = "/home/deploy/web";
    let unit = "[Service]\nWorkingDirectory=%h/web/current\nExecStart=%h/web/current/result/bin/server\nRestart=always\nRestartSec=0\n";
    let put = "mkdir -p ~/.config/systemd/user && cat >~/.config/systemd/user/web.service";
    assert!(server.sh_with_input("deploy", &format!("HOME=/home/deploy; {put}"), unit.as_bytes()).success());
    let world = World::new(&server);
    world.edit("app = \"server\"", &format!("app = \"web\"\nroot = \"{root}\""));
    world.edit("within = \"10s\"", "within = \"100s\"");
    world.commit("1", "ok");
    world.deploy();
    // Its status, although systemd is quicker with the next start than anybody looks; and its log.
    world.commit("2", "crash");
    let says = ["did not go live: it ended with status 1", "boom: refused to start", "runs again"];
    world.shipit(&["deploy"]).expect(7).says(&says).says(&["shipit logs --release"]);
    assert!(page(&server).contains("version: 1"));
    // A client that is killed, on a server that kills what the login leaves behind.
    world.commit("3", "mute");
    let mut deploy = Watched::start(&world, &["deploy"]);
    deploy.until("started");
    signal("KILL", &client_and_connection(&world, &deploy));
    deploy.wait(SOON).expect(137);
    serves(&server, "1", SOON);
    let ends = "started live kept started live reverted started live reverted";
    crate::support::world::eventually(SOON, || match events(&journal_at(&server, root)) {
        now if now == ends => Ok(()),
        now => Err(now),
    });
    world.commit("4", "ok");
    world.deploy();
    assert!(page(&server).contains("version: 4"));
    // What is typed every day reaches it as well.
    let log = world.shipit(&["logs", "-n", "30"]).expect(0).stdout;
    assert!(log.contains("version 4 listens"), "{log}");
    let log = world.shipit(&["logs", "--release", "v2"]).expect(0).stdout;
    assert!(log.contains("status=1/FAILURE") && !log.contains("version 4"), "{log}");
    assert_eq!(world.shipit(&["exec", "--", "id", "-un"]).expect(0).stdout, "deploy\n");
    world.shipit(&["restart"]).expect(0);
    assert!(page(&server).contains("version: 4"));
}

#[test]
fn other_assets_of_the_same_commit_arrive() {
    let site = Site::new();
    site.world.write("more/page.html", "more\n");
    let commit = site.commit("ok");
    site.world.deploy();
    site.is_live(&commit);
    let start = site.now().invocation;
    site.world.edit("assets = [\"views\"]", "assets = [\"views\", \"more\"]");
    let live = site.world.shipit(&["deploy", "--json"]).expect(0).json();
    assert_eq!(live["outcome"], "live", "{live}");
    let name = live["release"].as_str().expect("a release").to_owned();
    assert!(name.starts_with(&format!("{commit}-")), "{name}");
    assert_eq!(site.server.sh_ok("cat /var/www/server/current/more/page.html"), "more\n");
    assert_ne!(site.now().invocation, start);
    // That is live now, and the other list is what it was.
    let again = |outcome: &str, release: &str| {
        let ran: Value = site.world.shipit(&["deploy", "--json"]).expect(0).json();
        assert_eq!((&ran["outcome"], &ran["release"]), (&outcome.into(), &release.into()), "{ran}");
    };
    again("already-live", &name);
    site.world.edit("assets = [\"views\", \"more\"]", "assets = [\"views\"]");
    again("live", &commit);
    assert!(!site.server.sh("test -e /var/www/server/current/more").success());
    again("already-live", &commit);
}
