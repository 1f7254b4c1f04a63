//! Two at once: the second one says who is at it, or waits.

use std::time::Duration;

use crate::support::site::Site;
use crate::support::world::{Running, eventually};

/// A deploy that has switched, and waits a while for its release to answer.
fn under_way(site: &Site) -> (Running, String) {
    let commit = site.commit("slow-start 6");
    let running = site.world.start(&["deploy", "--json"]);
    eventually(Duration::from_secs(20), || match site.now() {
        now if now.current.ends_with(&commit) => Ok(()),
        now => Err(now),
    });
    (running, commit)
}

#[test]
fn the_second_one_says_who_is_at_it() {
    let site = Site::new();
    let before = site.now();
    let (first, slow) = under_way(&site);
    let next = site.commit("ok");
    for words in [["deploy"], ["rollback"]] {
        let failed = site.fails(&words, 6, &["is busy: anna@", "has been running `deploy` of", &slow[..7], "since 20"]);
        assert!(failed.hints().iter().any(|hint| hint.contains("--wait 5m")), "{failed:#?}");
        assert_eq!(failed.result["live"], "what runs was not touched");
        assert!(failed.took < Duration::from_secs(6), "{:?}", failed.took);
    }
    let ran = first.wait().expect(0);
    assert_eq!(ran.json()["release"], slow);
    site.is_live(&slow);
    assert!(!site.now().releases.contains(&next));
    assert_eq!(site.now().journal.len(), before.journal.len() + 3);
    site.good();
}

#[test]
fn the_second_one_waits_and_is_live_at_last() {
    let site = Site::new();
    let (first, slow) = under_way(&site);
    let next = site.commit("ok");
    let second = site.world.shipit(&["deploy", "--wait", "60s"]).expect(0);
    let second = second.says(&["has been running `deploy` of", "waiting up to 60 s for it"]);
    assert!(second.took > Duration::from_secs(2), "{:?}", second.took);
    first.wait().expect(0);
    site.is_live(&next);
    // The first one was live in between.
    let kept: Vec<String> = site.now().journal.into_iter().filter(|line| line.contains("\"kept\"")).collect();
    assert!(kept.len() == 3 && kept[1].contains(&slow) && kept[2].contains(&next), "{kept:#?}");
    site.good();
}
