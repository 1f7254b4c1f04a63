//! `prune`: what goes, what stays, and what is freed.

use std::time::Duration;

use crate::support::lab::{Server, Variant};
use crate::support::site::Site;
use crate::support::watched::Watched;

fn releases(value: &serde_json::Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect()
}

#[test]
fn it_removes_what_the_rule_says_and_frees_it() {
    let site = Site::empty(Server::boot(Variant::Debian));
    let nothing = site.world.shipit(&["prune", "--json"]).expect(0).json();
    assert_eq!((&nothing["removed"], &nothing["stay"]), (&serde_json::json!([]), &serde_json::json!([])));
    let [first, second, third, fourth] = [(); 4].map(|()| site.good());
    // Within `keep` nothing goes.
    let ran = site.world.shipit(&["prune"]).expect(0);
    assert!(ran.stdout.contains("removed  nothing") && ran.stdout.contains("4 releases"), "{}", ran.stdout);

    let before = site.now();
    let ran = site.world.shipit(&["prune", "--keep", "1", "--dry-run"]).expect(0);
    assert!(ran.stdout.starts_with("would remove  2 releases"), "{}", ran.stdout);
    for hash in [&first, &second] {
        assert!(ran.stdout.lines().next().unwrap().contains(&hash[..7]), "{}", ran.stdout);
    }
    for (hash, why) in [(&third, "the one before"), (&fourth, "live")] {
        assert!(ran.stdout.contains(&format!("{} ({why})", &hash[..7])), "{}", ran.stdout);
    }
    assert_eq!(site.now(), before, "a dry run changes nothing");

    // Never what is live, nor the one before it.
    let ran = site.world.shipit(&["prune", "--keep", "1"]).expect(0).says(&["removed", "shipit prune --gc"]);
    assert!(ran.stdout.starts_with("removed  2 releases"), "{}", ran.stdout);
    let after = site.now();
    let mut left = vec![third.clone(), fourth.clone()];
    left.sort_unstable();
    assert_eq!(after.releases, left);
    assert_eq!((after.store.len(), &after.invocation), (before.store.len(), &before.invocation));
    after.has_no_leftovers();
    site.agrees(&after);
    site.world.shipit(&["rollback", &first[..7]]).expect(2).says(&["was removed from the server"]);

    // What the store kept of them goes with --gc, and only that.
    let said = site.world.shipit(&["prune", "--gc", "--json"]).expect(0);
    assert_eq!(said.stdout.lines().count(), 1, "{}", said.stdout);
    let said = said.json();
    let (paths, bytes) =
        (said["collected"]["paths"].as_u64().unwrap(), said["collected"]["bytes"].as_u64().unwrap());
    assert!(paths >= 2 && bytes > 0, "{said:#}");
    assert_eq!(releases(&said["stay"]).len(), 2);
    let collected = site.now();
    assert!(collected.store.len() < after.store.len());
    assert_eq!((&collected.page, &collected.invocation), (&after.page, &after.invocation));
    let ran = site.world.shipit(&["prune", "--gc"]).expect(0).says(&["collect"]);
    assert!(ran.stdout.contains("freed") && ran.stdout.contains("in the store (0 paths)"), "{}", ran.stdout);
    site.world.shipit(&["rollback"]).expect(0);
    site.is_live(&third);

    // What a rollback left goes, and not what the next one would go to: here what was live before,
    site.good();
    site.world.shipit(&["prune", "--keep", "1"]).expect(0);
    let now = site.now();
    assert!(now.releases.contains(&third) && now.releases.len() == 2, "{now:#?}");
    // … and right after a rollback another one.
    site.good();
    site.world.shipit(&["rollback"]).expect(0);
    site.world.shipit(&["prune", "--keep", "1"]).expect(0);
    let now = site.now();
    assert!(now.releases.contains(&third) && now.releases.len() == 3, "{now:#?}");
}

#[test]
fn what_stands_in_its_way_is_said() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    for _ in 0..3 {
        site.good();
    }
    let prune = ["prune", "--keep", "1"];
    // The words of its failures are those of an object.
    let fails = |words: &[&str], code: i32, says: &[&str]| {
        let ran = site.world.shipit(&[words, &["--json"]].concat()).expect(code).says(says);
        assert_eq!(ran.json()["exit"], code, "{}", ran.stdout);
    };
    site.world.shipit(&["prune", "--keep", "0"]).expect(2);
    // Somebody else's turn.
    site.server.sh_ok("setsid runuser -u deploy -- flock /var/www/server/.shipit/lock sh -c 'touch /tmp/locked; while [ -e /tmp/locked ]; do sleep 0.1; done' >/dev/null 2>&1 </dev/null & while [ ! -e /tmp/locked ]; do sleep 0.1; done");
    let before = site.now();
    fails(&prune, 6, &["is busy", "--wait 5m"]);
    assert_eq!(site.now(), before);
    let waits = Watched::start(&site.world, &["prune", "--keep", "2", "--dry-run", "--wait", "1m"]);
    waits.wait(Duration::from_secs(30)).expect(0);
    site.server.sh_ok("rm /tmp/locked");
    // A file of somebody else's in a release.
    site.server.sh_ok(&format!("install -d -m 755 /var/www/server/releases/{first}/views/cache; touch /var/www/server/releases/{first}/views/cache/x"));
    fails(&prune, 3, &["could not be removed", &first[..7], "find /var/www/server/.shipit/incoming/gone-"]);
    site.server.sh_ok("rm -rf /var/www/server/.shipit/incoming");
    // Nix does not do it.
    site.server.sh_ok("mkdir -p /opt/real && ln -sf \"$(readlink -f /usr/bin/nix-store)\" /opt/real/nix-store && mv /usr/bin/nix-store /usr/bin/nix-store.moved
        printf '#!/bin/sh\\ncase $1 in --gc) echo \"error: the lock is broken\" >&2; exit 1 ;; esac\\nexec /opt/real/nix-store \"$@\"\\n' >/usr/bin/nix-store; chmod 755 /usr/bin/nix-store");
    fails(&["prune", "--gc"], 3, &["the garbage collection", "the lock is broken", "nix-store --gc"]);
    site.server.sh_ok("mv /usr/bin/nix-store.moved /usr/bin/nix-store");
    // It can't be asked at all.
    site.server.sh_ok("gpasswd -d deploy nix-users >/dev/null");
    fails(&["prune", "--gc"], 3, &["may not use the Nix daemon", "usermod -aG nix-users deploy"]);
    site.server.sh_ok("usermod -aG nix-users deploy");
    site.good();
    site.server.cut();
    fails(&prune, 3, &["can't be reached"]);
    site.server.mend();
}
