//! This machine: what it lacks is said whatever the server is like, and the other way round.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::examined::{Examined, doctor};
use crate::support::lab::{Server, Variant};
use crate::support::site::Site;
use crate::support::world::World;

/// A folder of all programs but these, to be the PATH.
fn programs_without(world: &World, name: &str, missing: &[&str]) -> PathBuf {
    let folder = world.file(name);
    fs::create_dir(&folder).unwrap();
    let path = std::env::var("PATH").unwrap();
    for place in path.split(':').map(Path::new).filter(|place| place.is_dir()) {
        for program in fs::read_dir(place).unwrap().flatten() {
            let is = |name: &&&str| program.file_name().to_str() == Some(**name);
            if missing.iter().any(|name| is(&name)) {
                continue;
            }
            // The first of a name counts.
            let _ = symlink(program.path(), folder.join(program.file_name()));
        }
    }
    folder
}

fn examined(world: &World, environment: &[(&str, &str)], code: i32) -> Examined {
    Examined::of(world.shipit_as(environment, &["doctor", "--json"]), code)
}

#[test]
fn what_this_machine_lacks_is_said() {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.commit("ok");
    let world = &site.world;
    let bare = programs_without(world, "bare", &["nix", "nix-store", "git", "ssh"]);
    let found = examined(world, &[("PATH", bare.to_str().unwrap())], 3);
    found.are(
        "failed",
        &[
            ("laptop/nix", "Nix is not installed here"),
            ("laptop/git", "git is not installed here"),
            ("laptop/ssh", "`ssh` is not installed here"),
        ],
    );
    found.says("laptop/store", "`laptop/nix` failed").says("laptop/flake", "`laptop/git` failed");
    found.says("connection/login", "`laptop/ssh` failed").says("server/nix", "`laptop/ssh` failed");
    for name in found.with("failed") {
        assert!(found.hints(&name)[0].starts_with("install "), "{}", found.text);
    }
    // Without Nix here nothing can be sent, and all else of the server is looked at.
    let bare = programs_without(world, "nixless", &["nix"]);
    fs::write(bare.join("nix"), "#!/bin/sh\necho 'nix (Nix) 2.3.16'\n").unwrap();
    fs::set_permissions(bare.join("nix"), fs::Permissions::from_mode(0o755)).unwrap();
    let found = examined(world, &[("PATH", bare.to_str().unwrap())], 3);
    found.are("failed", &[("laptop/nix", "Nix 2.3.16 knows no flakes")]);
    assert_eq!(found.with("skipped"), ["laptop/flakes", "laptop/store", "server/trust"]);

    // A store behind a daemon that does not run.
    let found = examined(world, &[("NIX_REMOTE", "unix:///nowhere/socket")], 3);
    found.are("failed", &[("laptop/store", "takes no path")]);
    assert!(found.hints("laptop/store")[0].contains("nix-daemon"), "{}", found.text);

    // A user whose own commands have no flakes.
    let conf = world.file("conf");
    fs::create_dir(&conf).unwrap();
    fs::write(conf.join("nix.conf"), "substituters =\n").unwrap();
    let plain = [("NIX_CONF_DIR", conf.to_str().unwrap())];
    let found = examined(world, &plain, 0);
    found.are("note", &[("laptop/flakes", "not enabled"), ("app/type", "")]);
    found.mend_here("laptop/flakes", world);
    examined(world, &plain, 0).says("laptop/flakes", "enabled").are("note", &[("app/type", "")]);
}

#[test]
fn the_flake_and_the_key_are_looked_at() {
    let site = Site::empty(Server::boot(Variant::Debian));
    let world = &site.world;
    fs::remove_dir_all(world.app().join(".git")).unwrap();
    let found = doctor(world, 0);
    found.are("warning", &[("laptop/flake", "is in no git repository")]);
    found.mend_here("laptop/flake", world);
    doctor(world, 0).are("warning", &[]);
    world.git(&["rm", "-q", "--cached", "flake.nix"]);
    world.git(&["commit", "-q", "-m", "without the flake"]);
    let found = doctor(world, 0);
    found.are("warning", &[("laptop/flake", "has no flake.nix")]);
    found.mend_here("laptop/flake", world);
    doctor(world, 0).are("warning", &[]);
    let flake = fs::read(world.app().join("flake.nix")).unwrap();
    fs::remove_file(world.app().join("flake.nix")).unwrap();
    doctor(world, 0).are("warning", &[("laptop/flake", "there is no flake.nix in")]);
    fs::write(world.app().join("flake.nix"), flake).unwrap();

    world.edit("[ssh]\n", "[sign]\nkey_file = \"../keys/key\"\n\n[ssh]\n");
    let found = doctor(world, 3);
    found.are("failed", &[("laptop/signing key", "can't read the signing key")]);
    found.are("skipped", &[("server/trust", "`laptop/signing key` failed")]);
    let make = found.hints("laptop/signing key")[1].replace("make one: ", "");
    let made = world.command("sh").args(["-c", make.trim_matches('`')]).status().unwrap();
    assert!(made.success(), "{make}");
    doctor(world, 0).are("warning", &[]);
    fs::set_permissions(world.file("keys/key"), fs::Permissions::from_mode(0o644)).unwrap();
    let found = doctor(world, 0);
    found.are("warning", &[("laptop/signing key", "every user of this machine can read")]);
    found.mend_here("laptop/signing key", world);
    doctor(world, 0).are("warning", &[]);

    // Without shipit.toml there is nothing to look at.
    fs::rename(world.app().join("shipit.toml"), world.file("away")).unwrap();
    world.shipit(&["doctor"]).expect(2).says(&["there is no shipit.toml", "shipit init"]);
}
