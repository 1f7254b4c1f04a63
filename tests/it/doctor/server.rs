//! The server: its programs, its Nix, systemd, disks, memory and clock.

use super::examined::doctor;
use crate::support::lab::{Server, Variant};
use crate::support::site::Site;

/// No registry is reached from the lab: packages that are installed become a registry of the server's own.
fn own_registry(server: &Server, packages: &[&str]) {
    server.sh_ok(&format!(
        "mkdir -p /srv/registry && cd /srv/registry
         for name in {}; do
           mkdir -p tree/$name/DEBIAN
           dpkg-query -s $name | sed '/^Status:/d; /^Conffiles:/,/^[^ ]/{{/^Conffiles:/d; /^ /d}}' >tree/$name/DEBIAN/control
           dpkg-query -L $name | while read -r file; do
             if [ -f $file ] || [ -L $file ]; then echo $file; fi
           done | tar -cf - -T - 2>/dev/null | tar -xf - -C tree/$name
           dpkg-deb -Znone --build tree/$name . >/dev/null
         done
         for file in *.deb; do
           dpkg-deb -f $file
           echo \"Filename: ./$file\"; echo \"Size: $(stat -c %s $file)\"; echo \"SHA256: $(sha256sum $file | cut -d' ' -f1)\"; echo
         done >Packages
         rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
         echo 'deb [trusted=yes] file:/srv/registry ./' >/etc/apt/sources.list
         apt-get update -qq",
        packages.join(" ")
    ));
}

#[test]
fn programs_that_are_missing_are_installed_by_the_line() {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.commit("ok");
    let (world, server) = (&site.world, &site.server);
    own_registry(server, &["curl", "util-linux", "nix-bin", "nix-setup-systemd"]);
    world.edit("http://127.0.0.1:3001/", "https://127.0.0.1:3001/");
    server.sh_ok("apt-get remove -y -qq curl nix-bin nix-setup-systemd; rm /usr/bin/flock");
    let found = doctor(world, 3);
    found.are(
        "failed",
        &[
            ("server/programs", "lacks `flock`"),
            ("server/nix", "Nix was not found on deploy@"),
            ("app/check", "https needs curl there"),
        ],
    );
    found.are(
        "skipped",
        &[("server/daemon", "server/nix"), ("server/trust", "server/nix"), ("app/answer", "app/check")],
    );
    for name in found.with("failed") {
        found.mend(&name, server);
    }
    // A real package starts its daemon; these have no scripts.
    doctor(world, 3).mend("server/daemon", server);
    doctor(world, 0);
}

#[test]
fn doors_that_are_closed_are_opened_by_the_line() {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.commit("ok");
    let (world, server) = (&site.world, &site.server);
    world.edit("app = ", "system = \"aarch64-linux\"\napp = ");
    server.sh_ok("systemctl stop nix-daemon.socket nix-daemon.service dbus.socket dbus.service");
    let found = doctor(world, 3);
    found.are(
        "failed",
        &[
            ("server/system", "is x86_64-linux, and shipit.toml says system = \"aarch64-linux\""),
            ("server/daemon", "does not answer"),
            ("server/systemd", "does not answer"),
        ],
    );
    assert_eq!(found.command("server/system"), "system = \"x86_64-linux\"");
    world.edit("system = \"aarch64-linux\"", &found.command("server/system"));
    found.says("app/unit", "`server/systemd` failed").says("server/restart", "`server/systemd` failed");
    found.mend("server/daemon", server).mend("server/systemd", server);
    doctor(world, 0);
}

#[test]
fn what_is_scarce_is_said() {
    let site = Site::empty(Server::builder().disk("2G").nix_disk("600M").boot());
    site.commit("ok");
    let (world, server) = (&site.world, &site.server);
    // What nothing uses, until nothing is left.
    server.sh_ok(
        "set -e; cd /root; free() { df -Pk /nix | tail -n 1 | awk '{print $4}'; }
         head -c \"$(( ($(free) - 10000) / 2 ))K\" /dev/urandom >waste; nix-store --add waste >/dev/null
         echo >>waste; nix-store --add waste >/dev/null; rm waste; free",
    );
    let found = doctor(world, 3);
    found.are("failed", &[("server/disk", "no space on deploy@")]);
    let collect = found.hints("server/disk")[1].split_once("nothing uses: ").expect("a command").1.to_owned();
    let ran = world.command("sh").args(["-c", &collect]).output().expect("sh");
    assert!(ran.status.success(), "{collect}: {ran:?}");
    doctor(world, 0);

    // The machine's memory and clock are the lab's own, so what tells of them is changed.
    server.sh_ok(
        "printf 'MemTotal: 500000 kB\\nMemAvailable: 20000 kB\\nSwapFree: 1000 kB\\n' >/srv/meminfo; mount --bind /srv/meminfo /proc/meminfo
         printf '#!/bin/sh\\nif [ \"$*\" = +%%s ]; then echo $(($(/usr/bin/date +%%s) - 7200)); else exec /usr/bin/date \"$@\"; fi\\n' >/usr/local/bin/date
         chmod 755 /usr/local/bin/date",
    );
    let found = doctor(world, 0);
    found
        .says("server/memory", "only 20.5 MB of 512 MB can be used")
        .says("server/clock", "s behind this machine's");
    let warned = found.with("warning");
    assert!(
        ["server/memory", "server/clock"].iter().all(|name| warned.contains(&(*name).to_owned())),
        "{warned:?}"
    );
    let look = found.command("server/memory");
    let look = look.split_once("most of it: ").map_or(look.as_str(), |(_, look)| look);
    let ran = world.command("sh").args(["-c", look]).output().expect("sh");
    assert!(String::from_utf8_lossy(&ran.stdout).contains("RSS"), "{look}: {ran:?}");
    assert_eq!(found.command("server/clock"), "timedatectl set-ntp true");
}
