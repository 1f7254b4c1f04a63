//! The power goes at a step of a switch.

use super::record::{Moment, record};
use super::{all_torn, journal, long_ago, runs_one_of, site, status_says_unchecked};
use crate::support::site::Site;

/// Boots the disk of each moment that is among these, by how its step begins. The unit must run one of these commits,
/// and which is told; then the next one is deployed.
#[track_caller]
fn survives(site: &Site, moments: &[Moment], steps: &[&str], commits: &[&str], next: &str) -> Vec<String> {
    let mut ran = Vec::new();
    for Moment { before, image, .. } in chosen(moments, steps) {
        site.server.crash();
        site.server.boot_image(image);
        let runs = if commits.len() > 1 || !site.now().current.is_empty() {
            runs_one_of(site, commits)
        } else {
            "nothing".to_owned()
        };
        eprintln!("the power goes before: {before}\n  then it runs {runs}");
        journal(site);
        if site.server.sh("cd /var/www/server && grep -qx new=$(readlink current) .shipit/pending").success()
        {
            status_says_unchecked(site);
        }
        let again = site.world.shipit(&["deploy", "--json"]).expect(0).json();
        if again["outcome"] == "already-live" {
            // It was decided before the power went, so nothing was left to do: what its pruning had moved aside goes with
            // the next one's.
            site.world.shipit(&["prune"]).expect(0);
        }
        site.is_live(next);
        assert_eq!(all_torn(site), "");
        assert!(
            !site.now().releases.iter().any(|name| name.ends_with(".found")),
            "{:?}",
            site.now().releases
        );
        ran.push(runs);
    }
    ran
}

/// Those moments; `SHIPIT_TEST_POWER=every` takes all, which is some minutes' work.
fn chosen<'a>(moments: &'a [Moment], steps: &[&str]) -> Vec<&'a Moment> {
    if std::env::var("SHIPIT_TEST_POWER").is_ok_and(|value| value == "every") {
        return moments.iter().collect();
    }
    let at = |step: &&str| {
        let found = moments.iter().find(|moment| moment.steps.iter().any(|it| it.starts_with(step)));
        found.unwrap_or_else(|| panic!("no step {step:?}"))
    };
    let mut chosen: Vec<&Moment> = steps.iter().map(at).collect();
    chosen.dedup_by_key(|moment| &moment.image);
    chosen
}

#[test]
fn in_a_deploy() {
    let site = site();
    site.world.edit("assets = ", "keep = 1\nassets = ");
    site.world.edit("\n[health]", "\n[hooks]\nbefore_switch = [\"true\"]\n\n[health]");
    site.good();
    let old = site.good();
    long_ago(&site);
    let new = site.commit("ok");
    let moments = record(&site, &["deploy"]);
    let steps = [
        "sync -f /nix/store",              // copied
        "mv -fT .shipit/incoming/code",    // in the hook
        "mv -fT .shipit/pending.tmp",      // the journal says that it started
        "mv -fT .shipit/next current",     // about to relink
        "sync .shipit/journal.jsonl live", // relinked, restarted
        "mv -fT .shipit/pending .shipit/", // checked
        "sync .shipit/journal.jsonl kept", // decided
        "rm -rf .shipit/incoming/gone",    // pruning
    ];
    let ran = survives(&site, &moments, &steps, &[&old, &new], &new);
    assert!(ran.contains(&old) && ran.contains(&new), "{ran:?}");
}

#[test]
fn in_a_rollback() {
    let site = site();
    let wanted = site.good();
    let left = site.good();
    long_ago(&site);
    let moments = record(&site, &["rollback"]);
    let steps =
        ["mv -fT .shipit/next current", "sync .shipit/journal.jsonl live", "sync .shipit/journal.jsonl kept"];
    let next = site.commit("ok");
    let ran = survives(&site, &moments, &steps, &[&wanted, &left], &next);
    assert!(ran.contains(&wanted) && ran.contains(&left), "{ran:?}");
}

#[test]
fn in_the_first_deploy() {
    let site = site();
    long_ago(&site);
    let commit = site.commit("ok");
    let moments = record(&site, &["deploy"]);
    let steps = ["sync -f releases", "sync .shipit/journal.jsonl live", "sync .shipit/journal.jsonl kept"];
    let ran = survives(&site, &moments, &steps, &[&commit], &commit);
    assert!(ran.contains(&"nothing".to_owned()) && ran.contains(&commit), "{ran:?}");
}

/// A server whose `current` is a folder, as one has it that was deployed to by hand.
fn by_hand() -> (Site, String) {
    let site = site();
    let old = site.good();
    site.server.sh_ok(
        "cd /var/www/server && release=$(readlink current) && rm current && cp -a $release current
         rm -rf releases .shipit && systemctl restart server",
    );
    (site, old)
}

#[test]
fn in_the_take_over_of_a_folder() {
    let (site, _) = by_hand();
    long_ago(&site);
    let new = site.commit("ok");
    let moments = record(&site, &["deploy"]);
    let steps = ["mv --exchange", "sync -f /nix/store", "sync .shipit/journal.jsonl kept"];
    for Moment { image, before, .. } in chosen(&moments, &steps) {
        site.server.crash();
        site.server.boot_image(image);
        // Either still the folder, or the release that it became, or the new one: each is whole.
        let page = super::page(&site);
        eprintln!("the power goes before: {before}\n  then {}", page.lines().next().unwrap_or_default());
        let torn = super::torn_paths(
            &site,
            "$(nix-store --query --requisites $(readlink /var/www/server/current/result))",
        );
        assert_eq!(torn, "");
        journal(&site);
        site.world.deploy();
        site.is_live(&new);
        // What was there can be gone back to.
        site.world.shipit(&["rollback"]).expect(0);
        assert!(super::page(&site).starts_with("200\nversion: 1\n"), "{}", super::page(&site));
        assert_eq!(all_torn(&site), "");
    }
}

#[test]
fn a_journal_that_ends_in_zeros() {
    // What a power loss leaves of a line that was appended and not yet synced, now and then: its length.
    let site = Site::new();
    site.server.sh_ok("head -c 300 /dev/zero >>/var/www/server/.shipit/journal.jsonl");
    let commit = site.good();
    let lines = site.now().journal;
    let unreadable =
        lines.iter().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_err()).count();
    assert_eq!((lines.len(), unreadable), (7, 1), "{lines:#?}");
    site.is_live(&commit);
}
