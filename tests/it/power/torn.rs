//! Store paths that a power loss tears: nothing of `nix copy` is synced by itself, so Nix calls them valid and they are
//! empty. They are found, removed and sent again, and a release never stands on one.

use std::path::Path;
use std::time::Duration;

use super::{all_torn, runs_one_of, site};
use crate::support::lab::Server;
use crate::support::site::Site;
use crate::support::watched::Watched;
use crate::support::world::eventually;

const MINUTE: Duration = Duration::from_secs(60);

/// Begins a deploy that comes as far as its copy and not to its place: somebody else holds the lock.
fn only_copies(site: &Site) -> Watched {
    let held = "mkdir -p -m 700 /var/www/server/.shipit
                setsid -f flock /var/www/server/.shipit/lock sleep 300 </dev/null >/dev/null 2>&1";
    assert!(site.server.sh_as("deploy", held).success());
    Watched::start(&site.world, &["deploy", "--wait", "5m"])
}

/// Nobody is left of it, nor of the one that held the lock.
fn gone(site: &Site, running: Watched) {
    running.signal("KILL");
    running.wait(MINUTE).expect(137);
    site.server.sh_ok("pkill -KILL -u deploy");
}

/// The names of those paths.
fn names(paths: &str) -> Vec<&str> {
    paths.lines().filter_map(|path| path.split_once('-').map(|(_, name)| name)).collect()
}

/// Boots this disk, looks, and deploys what was under way: it must be sent again as far as it is torn.
fn survives(site: &Site, image: &Path, old: Option<&str>, commit: &str) -> Vec<String> {
    site.server.crash();
    site.server.boot_image(image);
    if let Some(old) = old {
        runs_one_of(site, &[old]);
    }
    let torn = all_torn(site);
    let ran = site.world.deploy();
    assert_eq!(
        ran.stderr.contains("as a power loss leaves them"),
        !torn.is_empty(),
        "{torn}\n{}",
        ran.stderr
    );
    site.is_live(commit);
    assert_eq!(all_torn(site), "");
    names(&torn).into_iter().map(str::to_owned).collect()
}

#[test]
fn in_the_first_copy_and_after_it() {
    let site = site();
    let commit = site.commit("heavy 6");
    let image = |name: &str| site.world.file(name);
    site.server.rate("20mbit");
    let mut running = only_copies(&site);
    // The first path is there, the big one is coming in.
    eventually(MINUTE, || match site.server.sh_ok("ls -A /nix/store 2>/dev/null || true") {
        names if names.contains("-content") => Ok(()),
        names => Err(names),
    });
    site.server.snapshot(&image("copying"));
    site.server.rate("off");
    running.until("copied");
    site.server.snapshot(&image("copied"));
    // ext4 commits every 5 s, which writes names and no contents.
    std::thread::sleep(Duration::from_secs(8));
    site.server.snapshot(&image("later"));
    gone(&site, running);

    let torn: Vec<_> = ["copying", "copied", "later"]
        .map(|name| survives(&site, &image(name), None, &commit))
        .into_iter()
        .inspect(|torn| eprintln!("torn: {torn:?}"))
        .collect();
    // Else this test would show nothing.
    assert!(torn[1].len() + torn[2].len() > 0, "{torn:?}");
}

/// A server that does not trust its login, with a deploy that was copied and not placed, and with one file of it empty.
fn torn_by_hand() -> (Site, String, String) {
    let site = Site::empty(Server::builder().untrusted().boot());
    sign(&site);
    site.good();
    let commit = site.commit("ok");
    let mut running = only_copies(&site);
    running.until("copied");
    gone(&site, running);
    let torn = site.server.sh_ok(
        "for path in /nix/store/*-content; do
           if grep -qx 2 $path/version; then chmod u+w $path/version && : >$path/version && echo $path; fi
         done",
    );
    assert_eq!(names(&all_torn(&site)), ["content"]);
    (site, commit, torn.trim().to_owned())
}

/// What is sent is signed from now on, and the server trusts the key.
fn sign(site: &Site) {
    let (secret, public) = (site.world.file("key"), site.world.file("key.pub"));
    let made = site
        .world
        .command("nix-store")
        .args(["--generate-binary-cache-key", "lab-1"])
        .args([&secret, &public])
        .status();
    assert!(made.expect("nix-store").success());
    site.world.edit("\n[health]", &format!("\n[sign]\nkey_file = \"{}\"\n\n[health]", secret.display()));
    let public = std::fs::read_to_string(public).expect("a key");
    site.server.sh_ok(&format!(
        "echo 'extra-trusted-public-keys = {public}' >>/etc/nix/nix.conf; systemctl restart nix-daemon"
    ));
}

#[test]
fn what_was_not_placed_is_compared_and_sent_again() {
    let (site, commit, torn) = torn_by_hand();
    // Two paths refer to the torn one or were there with it; a look changes nothing.
    let looked = site.world.shipit(&["deploy", "--dry-run"]).expect(0);
    let looked = looked
        .says(&["1 path in the server's store is not what Nix wrote down", "a deploy sends them again"]);
    assert!(looked.stderr.contains("missing  1 of"), "{}", looked.stderr);
    assert_eq!(all_torn(&site), format!("{torn}\n"));
    let ran = site.world.deploy().says(&[
        "checking 3 paths not from a deploy: a power loss may have torn them",
        "they are sent again",
    ]);
    // With the one that refers to it.
    assert!(ran.stderr.contains("missing  2 of"), "{}", ran.stderr);
    site.is_live(&commit);
    assert_eq!(all_torn(&site), "");
    // What a release of shipit's holds is on the disk: nobody reads it again.
    let next = site.commit("ok");
    let ran = site.world.deploy();
    assert!(!ran.stderr.contains("checking"), "{}", ran.stderr);
    site.is_live(&next);
}

#[test]
fn what_something_else_holds_is_named_with_what_mends_it() {
    let (site, commit, torn) = torn_by_hand();
    site.server.sh_ok(&format!("ln -s {torn} /nix/var/nix/gcroots/another-app"));
    let says = [
        "1 path in the server's store is not what Nix wrote down, as a power loss leaves them",
        "still uses them",
        "still alive",
        &torn,
        "--repair-path",
    ];
    let before = site.now();
    let failed = site.fails(&["deploy"], 3, &says);
    let after = site.now();
    assert_eq!(
        (after.invocation, after.state, after.releases),
        (before.invocation, before.state, before.releases)
    );
    let mend = failed.hinted("whatever that was: ", "\u{0}");
    assert!(mend.starts_with("/usr/bin/nix-store --delete --ignore-liveness"), "{mend}");
    site.server.sh_ok(&mend);
    site.world.deploy();
    site.is_live(&commit);
    assert_eq!(all_torn(&site), "");
}
