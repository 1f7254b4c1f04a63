//! A server that is ready.

use super::examined::{Examined, doctor};
use crate::support::facts::listing;
use crate::support::lab::{Server, Variant};
use crate::support::site::Site;

#[test]
fn a_ready_server_is_ready_and_nothing_is_changed() {
    let site = Site::empty(Server::boot(Variant::Debian));
    let before = listing(&site.server);
    // No commit is there yet, and so nothing to build.
    let found = doctor(&site.world, 0);
    found.are("warning", &[("laptop/flake", "nothing was committed yet")]);
    found.are("note", &[("app/type", "Type=simple")]);
    found.are("skipped", &[]);
    found.says("connection/host key", "known").says("connection/login", "deploy");
    found.says("server/nix", "2.26.3, in /usr/bin").says("server/trust", "and it was removed again");
    found.says("app/answer", "nothing is live yet");
    assert_eq!(listing(&site.server), before);

    found.mend_here("laptop/flake", &site.world).mend("app/type", &site.server);
    let people = site.world.shipit(&["doctor"]).expect(0);
    eprintln!("{}", people.stdout);
    let last = people.stdout.lines().last().expect("a last line");
    assert!(
        last.starts_with("ready: deploy@") && last.ends_with("the first deploy: shipit deploy"),
        "{last}"
    );
    assert!(!people.stdout.contains("warning") && !people.stdout.contains("note"), "{}", people.stdout);

    site.good();
    let before = listing(&site.server);
    doctor(&site.world, 0).says("app/answer", "http://127.0.0.1:3001/ gives status 200");
    assert_eq!(listing(&site.server), before);

    // What is live and does not work is something wrong.
    site.server.sh_ok("systemctl stop server.service");
    let found = doctor(&site.world, 3);
    found.are("failed", &[("app/answer", "server.service does not run (it is inactive)")]);
    assert!(found.hints("app/answer")[0].ends_with("shipit logs -n 50"));
    assert!(found.hints("app/answer")[1].ends_with("shipit restart"));
    site.world.shipit(&["restart"]).expect(0);
    eventually_ready(&site);

    // What keeps a deploy out is said, and is nothing that is broken.
    site.world.shipit(&["hold", "we are moving"]).expect(0);
    let found = doctor(&site.world, 0);
    found.are("warning", &[("server/turn", "deploys are held, ")]);
    assert!(found.hints("server/turn")[0].ends_with("shipit unhold"));
    site.world.shipit(&["unhold"]).expect(0);
    site.wait_in_hook();
    site.commit("ok");
    let running = site.world.start(&["deploy"]);
    site.is_in_hook();
    let found = Examined::of(site.world.shipit(&["doctor", "--json"]), 0);
    found.says("server/turn", "a deploy is going on: ").says("app/answer", "a deploy is going on");
    site.end_hook();
    running.wait().expect(0);
}

/// A program that was started a moment ago does not listen yet.
fn eventually_ready(site: &Site) {
    crate::support::world::eventually(std::time::Duration::from_secs(20), || {
        let ran = site.world.shipit(&["doctor", "--json"]);
        if ran.code == 0 { Ok(()) } else { Err(ran) }
    });
}

#[test]
fn servers_of_other_kinds_are_ready_too() {
    let site = Site::empty(Server::boot(Variant::Installer));
    site.commit("ok");
    let found = doctor(&site.world, 0);
    found.says("server/nix", "in /nix/var/nix/profiles/default/bin").says("server/trust", "removed again");
    // Root needs no rule, no group and no daemon.
    site.server.sh_ok(
        "install -d -m 700 /root/.ssh; cp /home/deploy/.ssh/authorized_keys /root/.ssh/; rm /etc/sudoers.d/shipit",
    );
    site.world.edit("deploy@", "root@");
    let before = listing(&site.server);
    let found = Examined::of(site.world.shipit(&["doctor", "--json"]), 0);
    found.says("server/restart", "as root").says("server/trust", "removed again");
    assert_eq!(listing(&site.server), before);
}
