//! The way to the server: what lies behind the first thing that does not work is not looked at, and that is said.

use std::fs;

use super::examined::{Examined, doctor};
use crate::support::lab::{Server, Variant};
use crate::support::site::{Site, between};

/// The one thing that failed; all behind it was not looked at because of it.
#[track_caller]
fn stops_at<'a>(found: &'a Examined, name: &str, says: &str) -> &'a Examined {
    found.are("failed", &[(name, says)]);
    let skipped = found.with("skipped");
    assert!(skipped.iter().any(|skipped| skipped == "app/answer"), "{}", found.text);
    for other in &skipped {
        found.says(other, &format!("`{name}` failed"));
    }
    found
}

#[test]
fn each_step_of_the_way_is_named_when_it_is_the_one() {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.commit("ok");
    let (world, server) = (&site.world, &site.server);
    let toml = || fs::read_to_string(world.app().join("shipit.toml")).unwrap();
    let (good, ssh_config) = (toml(), fs::read_to_string(world.file("ssh_config")).unwrap());

    // Nobody listens.
    world.edit(&format!("deploy@{}", server.address), &format!("ssh://deploy@{}:1", server.address));
    let found = doctor(world, 3);
    stops_at(&found, "connection/reachable", "Connection refused");
    assert!(found.hints("connection/reachable")[0].contains("`ssh -F "), "{}", found.text);
    world.write("shipit.toml", &good);

    // Not known yet.
    fs::write(world.file("nobody"), "").unwrap();
    let config =
        ssh_config.replace(server.known_hosts.to_str().unwrap(), world.file("nobody").to_str().unwrap());
    world.ssh_config(&config);
    let found = doctor(world, 3);
    stops_at(&found, "connection/host key", "is not known: it is ");
    let pin = between(&found.hints("connection/host key").join("\n"), "in shipit.toml: ", "\n");
    world.edit("[ssh]\n", &format!("[ssh]\n{pin}\n"));
    doctor(world, 0).says("connection/host key", "pinned in shipit.toml");

    // Another one than the pinned.
    let other =
        "host_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"";
    world.edit(&pin, other);
    let found = doctor(world, 3);
    stops_at(&found, "connection/host key", "shows another host key");
    let print = between(&found.hints("connection/host key").join("\n"), "prints it: ", "\n");
    world.edit(other, &format!("host_key = {:?}", server.sh_ok(&print).trim()));
    doctor(world, 0);

    // No key of ours is known there.
    server.sh_ok("mv /home/deploy/.ssh/authorized_keys /root/");
    let found = doctor(world, 3);
    stops_at(&found, "connection/login", "does not let us in");
    assert!(
        found.hints("connection/login").iter().any(|hint| hint.contains("ssh-copy-id")),
        "{}",
        found.text
    );
    server.sh_ok("mv /root/authorized_keys /home/deploy/.ssh/");

    // A login without a shell.
    server.sh_ok("usermod --shell /usr/sbin/nologin deploy");
    stops_at(&doctor(world, 3), "connection/shell", "did not run what it was given");
    server.sh_ok("usermod --shell /bin/bash deploy");
    // A shell that reads what is not its own, and one that talks into Nix's protocol.
    for harm in ["read -r line", "echo Good morning"] {
        server.sh_ok(&format!("sed -i '1i {harm}' /home/deploy/.bashrc"));
        let found = doctor(world, 3);
        let hint = if harm.starts_with("read") {
            found.are("failed", &[("connection/shell", "reads what is sent to its commands")]);
            between(&found.hints("connection/shell")[1], "for people only: ", "\n")
        } else {
            found.are("failed", &[("server/trust", "Good morning")]);
            between(&found.hints("server/trust")[0], "for people only: ", "\n")
        };
        server.sh_ok(&format!("sed -i '1i {hint}' /home/deploy/.bashrc"));
        doctor(world, 0);
        server.sh_ok("sed -i 1,2d /home/deploy/.bashrc");
    }
}
