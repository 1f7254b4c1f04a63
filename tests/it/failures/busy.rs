//! Two at once: the second one says who is at it, or waits.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use crate::support::site::Site;
use crate::support::world::Running;

/// A deploy that holds the lock, and waits to be let go on.
fn under_way(site: &Site) -> (Running, String) {
    site.wait_in_hook();
    let commit = site.commit("ok");
    let running = site.world.start(&["deploy", "--json"]);
    site.is_in_hook();
    (running, commit)
}

#[test]
fn the_second_one_says_who_is_at_it() {
    let site = Site::new();
    let before = site.now();
    let (first, slow) = under_way(&site);
    let next = site.commit("ok");
    for words in [&["deploy"][..], &["rollback", &before.current[9..]], &["deploy", "--wait", "1s"]] {
        // What is live already is nothing to wait for.
        let code = if words[0] == "rollback" { 0 } else { 6 };
        if code == 0 {
            site.world.shipit(words).expect(0);
            continue;
        }
        let says = ["is busy: anna@", "has been running `deploy` of", &slow[..7], "since 20"];
        let failed = site.fails(words, code, &says);
        assert!(failed.hints().iter().any(|hint| hint.contains("--wait 5m")), "{failed:#?}");
        assert!(failed.hints().iter().any(|hint| hint.contains("shipit status")), "{failed:#?}");
        assert_eq!(failed.result["live"], "what runs was not touched");
        assert!(failed.took < Duration::from_secs(20), "{:?}", failed.took);
    }
    // A build and a copy are not the price of knowing that.
    site.commit("ok");
    let ran = site.world.shipit(&["deploy", "--json"]).expect(6).stdout;
    let line = |words: &[&str]| {
        let has = |line: &str| words.iter().all(|word| line.contains(word));
        ran.lines().position(has).unwrap_or_else(|| panic!("no {words:?} in {ran}"))
    };
    let told = line(&["\"warning\"", "has been running `deploy` of", &slow[..7], "exit code 6"]);
    assert!(told < line(&["\"type\":\"copied\""]), "{ran}");
    let status = site.world.shipit(&["status", "--json"]).expect(0).json();
    assert_eq!(
        (&status["running"]["release"], &status["running"]["command"]),
        (&slow.clone().into(), &"deploy".into())
    );
    let now = site.now();
    assert_eq!(
        (&now.invocation, &now.page, &now.journal),
        (&before.invocation, &before.page, &before.journal)
    );
    site.end_hook();
    assert_eq!(first.wait().expect(0).json()["release"], slow);
    site.is_live(&slow);
    assert!(!site.now().releases.contains(&next));
    site.good();
}

#[test]
fn a_rollback_does_not_push_in() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    site.good();
    let (running, third) = under_way(&site);
    for words in [&["rollback"][..], &["rollback", &first[..7]]] {
        let failed = site.fails(words, 6, &["is busy: anna@", "has been running `deploy` of", &third[..7]]);
        assert!(failed.took < Duration::from_secs(20), "{:?}", failed.took);
    }
    site.end_hook();
    running.wait().expect(0);
    site.is_live(&third);
    site.good();
}

#[test]
fn the_second_one_waits_and_is_live_at_last() {
    let site = Site::new();
    let (first, slow) = under_way(&site);
    let next = site.commit("ok");
    let mut second = site.world.start(&["deploy", "--wait", "60s"]);
    // It says for whom it waits, at once.
    let mut lines = BufReader::new(second.child.stderr.take().expect("stderr")).lines();
    let waiting =
        lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("waiting up to 1 min for it")));
    let waiting = waiting.expect("it waits").expect("a line");
    assert!(waiting.contains(&format!("has been running `deploy` of {}", &slow[..7])), "{waiting}");
    let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    site.end_hook();
    second.wait().expect(0);
    first.wait().expect(0);
    site.is_live(&next);
    assert!(rest.join().expect("its lines").iter().any(|line| line.contains(&next[..7])));
    // The first one was live in between.
    let kept: Vec<String> = site.now().journal.into_iter().filter(|line| line.contains("\"kept\"")).collect();
    assert!(kept.len() == 3 && kept[1].contains(&slow) && kept[2].contains(&next), "{kept:#?}");
    site.good();
}
