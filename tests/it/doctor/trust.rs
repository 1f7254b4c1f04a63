//! Trust is what the server does, not what its nix.conf says.

use super::examined::doctor;
use crate::support::facts::listing;
use crate::support::lab::Server;
use crate::support::site::Site;
use crate::support::world::public_half;

#[test]
fn trust_is_proven_by_an_import() {
    let site = Site::empty(Server::builder().untrusted().boot());
    site.commit("ok");
    let (world, server) = (&site.world, &site.server);
    let before = listing(server);
    let found = doctor(world, 3);
    found.are("failed", &[("server/trust", "lacks a signature by a trusted key")]);
    // The way that is recommended, step by step.
    found.mend_here("server/trust", world);
    assert!(found.hints("server/trust")[1].contains("key_file = \"~/.config/shipit/signing.key\""));
    world.edit("[ssh]\n", "[sign]\nkey_file = \"~/.config/shipit/signing.key\"\n\n[ssh]\n");
    let found = doctor(world, 3);
    found.are("failed", &[("server/trust", "lacks a signature by a trusted key")]);
    let public = public_half(world);
    found.says("laptop/signing key", public.split_once(':').expect("name:key").0);
    let command = found.command("server/trust");
    assert!(command.starts_with(&format!("echo 'extra-trusted-public-keys = {public}'")), "{command}");
    // Half of it: nix.conf says so, and the daemon that runs has not read it.
    server.sh_ok(command.split_once(" && ").expect("two commands").0);
    let found = doctor(world, 3);
    found.are("failed", &[("server/trust", "lacks a signature")]);
    assert_eq!(found.command("server/trust"), "systemctl restart nix-daemon");
    found.mend("server/trust", server);
    doctor(world, 0)
        .says("server/trust", "it took a path that is signed with this key, and it was removed again");
    assert_eq!(listing(server), before, "nothing stays, whether it was taken or not");
    // Whoever is not trusted may be kept out altogether.
    server.sh_ok("echo 'allowed-users = root' >>/etc/nix/nix.conf; systemctl restart nix-daemon");
    let found = doctor(world, 3);
    found.are("failed", &[("server/daemon", "deploy may not use the Nix daemon")]);
    found.mend("server/daemon", server);
    site.good();
    doctor(world, 0);
}
