//! Disks that are full before, during and after the copy.

use std::time::Duration;

use crate::support::lab::Server;
use crate::support::site::{Failed, Site};
use crate::support::world::eventually;

fn with_disk() -> Site {
    Site::on(Server::builder().disk("400M").boot())
}

#[test]
fn a_full_store_is_found_out_before_the_copy() {
    let site = with_disk();
    site.commit("heavy 30");
    site.server.fill("/nix/store", 40 << 20);
    let says =
        ["no space on deploy@", "the disk of /nix/store has", "are needed", "df -h", "nix-collect-garbage"];
    site.untouched(&["deploy"], 3, &says);
    // What fits is deployed.
    site.good();
    site.server.free();
    site.good_that("heavy 30");
}

#[test]
fn a_full_root_is_found_out_before_the_copy() {
    let site = Site::new();
    site.commit("ok");
    // The app's folder on a small disk of its own.
    site.server.sh_ok(
        "set -e
         mkdir /mnt/small && mount -t tmpfs -o size=20m,mode=755,uid=deploy,gid=deploy tmpfs /mnt/small
         cp -a /var/www/server/. /mnt/small/ && mount --bind /mnt/small /var/www/server
         head -c 12M /dev/zero >/var/www/server/data/much
         systemctl restart server",
    );
    let says = ["no space on deploy@", "the disk of /var/www/server has", "16.8 MB are needed", "df -h"];
    site.untouched(&["deploy"], 3, &says);
    site.server.sh_ok("rm /var/www/server/data/much");
    site.good();
}

#[test]
fn a_disk_that_fills_up_during_the_copy_ends_it() {
    let site = with_disk();
    let before = site.now();
    let commit = site.commit("heavy 40");
    site.server.rate("100mbit");
    let running = site.world.start(&["deploy", "--json"]);
    eventually(Duration::from_secs(20), || {
        let names = site.server.sh_ok("ls -A /nix/store");
        if names.contains("-content.lock") || names.matches("-content").count() > 1 {
            Ok(())
        } else {
            Err(names)
        }
    });
    site.server.fill("/nix/store", 0);
    let failed = Failed::of(running.wait(), 5);
    site.server.rate("off");
    let says =
        ["the copy to deploy@", "No space left on device", "make room on the server", "nix-collect-garbage"];
    let failed = failed.says(&says);
    assert!(failed.took < Duration::from_secs(25), "{:?}", failed.took);
    site.server.free();
    let after = site.now();
    assert_eq!(
        (&after.invocation, &after.page, &after.journal),
        (&before.invocation, &before.page, &before.journal)
    );
    assert_eq!((&after.state, &after.releases), (&before.state, &before.releases));
    site.world.deploy();
    site.is_live(&commit);
}

#[test]
fn a_disk_that_fills_up_just_before_the_switch_changes_nothing() {
    let site = with_disk();
    let before = site.now();
    // The copy is done when the hook runs.
    site.wait_in_hook();
    let commit = site.commit("ok");
    let running = site.world.start(&["deploy", "--json"]);
    site.is_in_hook();
    site.server.fill("/var/www/server", 0);
    site.end_hook();
    let says = ["refused the switch: can't write in /var/www/server/.shipit", "ls -la /var/www/server"];
    Failed::of(running.wait(), 3).says(&says);
    let after = site.now();
    assert_eq!(
        (&after.invocation, &after.page, &after.current),
        (&before.invocation, &before.page, &before.current)
    );
    after.has_no_leftovers();

    site.server.free();
    site.world.deploy();
    site.is_live(&commit);
}

#[test]
fn a_disk_that_fills_up_after_the_switch_stops_neither_way() {
    let site = with_disk();
    // The way forward: the release is kept, its line in the journal comes with the next command that writes.
    let slow = site.commit("slow-start 4");
    let running = site.world.start(&["deploy", "--json"]);
    switched(&site, &slow);
    site.server.fill("/var/www/server", 0);
    running.wait().expect(0);
    assert_eq!(site.now().current, format!("releases/{slow}"));
    site.server.free();

    // The way back.
    let failing = site.commit("slow-start 4\nerror");
    site.world.edit("within = \"10s\"", "within = \"6s\"");
    let running = site.world.start(&["deploy", "--json"]);
    switched(&site, &failing);
    site.server.fill("/var/www/server", 0);
    let failed = Failed::of(running.wait(), 7).says(&["status 500"]);
    assert_eq!(failed.result["live"], format!("{} runs again", &slow[..7]));
    let now = site.now();
    assert_eq!((now.current, now.active.as_str()), (format!("releases/{slow}"), "active"));
    site.server.free();

    // Now the journal has both ends.
    site.world.edit("within = \"6s\"", "within = \"10s\"");
    site.good();
    let journal = site.now().journal;
    let ends = |event: &str, commit: &str| {
        let line = |line: &&String| line.contains(&format!("\"event\":\"{event}\"")) && line.contains(commit);
        journal.iter().filter(line).count()
    };
    assert_eq!((ends("kept", &slow), ends("reverted", &failing)), (1, 1), "{journal:#?}");
}

#[test]
fn a_disk_without_inodes_stops_neither_way() {
    let site = with_disk();
    // Just before the switch, when the hook runs: nothing is changed.
    site.wait_in_hook();
    let before = site.now();
    let commit = site.commit("ok");
    let running = site.world.start(&["deploy", "--json"]);
    site.is_in_hook();
    no_inodes(&site);
    site.end_hook();
    Failed::of(running.wait(), 3).says(&["can't write in /var/www/server/.shipit", "its inodes 100%"]);
    let after = site.now();
    assert_eq!((&after.invocation, &after.current), (&before.invocation, &before.current));
    inodes(&site);
    site.world.deploy();
    site.is_live(&commit);

    // After the switch, both ways.
    let slow = site.commit("slow-start 4");
    let running = site.world.start(&["deploy", "--json"]);
    switched(&site, &slow);
    no_inodes(&site);
    running.wait().expect(0);
    inodes(&site);
    site.is_live(&slow);
    let failing = site.commit("slow-start 4\nerror");
    site.world.edit("within = \"10s\"", "within = \"6s\"");
    let running = site.world.start(&["deploy", "--json"]);
    switched(&site, &failing);
    no_inodes(&site);
    let failed = Failed::of(running.wait(), 7).says(&["status 500"]);
    assert_eq!(failed.result["live"], format!("{} runs again", &slow[..7]));
    // It starts slowly.
    eventually(Duration::from_secs(20), || match site.now() {
        now if now.page.as_ref().is_some_and(|page| page.contains(&slow)) => Ok(()),
        now => Err(now),
    });
    assert_eq!(site.now().current, format!("releases/{slow}"));
    inodes(&site);
    site.world.edit("within = \"6s\"", "within = \"10s\"");
    site.good();
}

/// From now on the disk has no room for the name of another file: what something else gives up is taken at once.
fn no_inodes(site: &Site) {
    let fill = r#"
        for (my $i = 0; ; $i++) {
            my $folder = "d" . int($i / 1000);
            mkdir $folder;
            next if open(my $file, ">", "$folder/$i");
            open(my $full, ">", "/run/full");
            select(undef, undef, undef, 0.002);
            redo;
        }"#;
    site.server.sh_with_input("root", "cat >/run/fill.pl", fill.as_bytes());
    site.server.sh_ok(
        "rm -f /run/full && mkdir /var/www/server/many
         systemd-run -q --unit many --working-directory /var/www/server/many perl /run/fill.pl",
    );
    eventually(Duration::from_secs(60), || match site.server.sh("test -e /run/full") {
        ran if ran.success() => Ok(()),
        ran => Err(ran),
    });
}

fn inodes(site: &Site) {
    site.server.sh_ok("systemctl stop many && rm -rf /var/www/server/many");
}

fn switched(site: &Site, commit: &str) {
    eventually(Duration::from_secs(20), || match site.now() {
        now if now.current.ends_with(commit) && now.active == "active" => Ok(()),
        now => Err(now),
    });
}
