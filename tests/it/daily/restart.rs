//! `restart`: the app is started again and checked, and nothing else changes.

use std::time::Duration;

use serde_json::Value;

use crate::support::lab::{Server, Variant};
use crate::support::site::Site;
use crate::support::watched::{Watched, at_rest};
use crate::support::world::eventually;

/// The link itself: a new one in its place would be another inode.
fn link(site: &Site) -> String {
    site.server.sh_ok("stat -c '%i %Z %N' /var/www/server/current")
}

fn last_line(site: &Site) -> Value {
    serde_json::from_str(site.now().journal.last().expect("a line")).expect("a line of the journal")
}

#[test]
fn it_is_checked_like_a_deploy_and_changes_nothing_else() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    let second = site.good();
    // No deploy: a hook does not run, and a hold does not stop it.
    site.world.edit("\n[health]", "\n[hooks]\nbefore_switch = [\"false\"]\n\n[health]");
    site.world.shipit(&["hold"]).expect(0);
    let (before, link_before) = (site.now(), link(&site));

    let ran = site.world.shipit(&["restart"]).expect(0).says(&["restart", "healthy"]);
    assert!(ran.stdout.starts_with(&format!("restarted: {}", &second[..7])), "{}", ran.stdout);
    assert!(ran.stdout.contains("answers with status 200"), "{}", ran.stdout);
    let after = site.now();
    assert_ne!(after.invocation, before.invocation);
    assert_eq!(
        (&after.current, &after.releases, link(&site)),
        (&before.current, &before.releases, link_before)
    );
    after.has_no_leftovers();
    let last = site.agrees(&after);
    assert_eq!(
        (&last["command"], &last["status"], &last["deploy"]),
        (&"restart".into(), &"kept".into(), &3.into())
    );
    let events: Vec<Value> = after.journal[before.journal.len()..]
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        events.iter().map(|line| line["event"].as_str().unwrap()).collect::<Vec<_>>(),
        ["started", "live", "kept"]
    );
    assert!(events.iter().all(|line| line["command"] == "restart"), "{events:#?}");

    // What is told of it: the deploy is what is live, and this start of it was checked.
    let status = site.world.shipit(&["status", "--json"]).expect(0).json();
    assert_eq!((&status["current"]["deploy"], &status["unit"]["runs"]), (&2.into(), &"checked".into()));
    let table = site.world.shipit(&["releases"]).expect(0).stdout;
    let rows: Vec<&str> = table.lines().collect();
    assert!(
        rows[1].starts_with("v3") && rows[1].contains(" healthy ") && rows[1].contains("  restart of: "),
        "{table}"
    );
    assert!(rows[2].starts_with("v2") && rows[2].contains(" live "), "{table}");

    // For programs.
    let result = site.world.shipit(&["restart", "--json"]).expect(0).json();
    assert_eq!((&result["outcome"], &result["exit"]), (&"restarted".into(), &0.into()));
    assert_eq!((&result["release"], &result["previous"]), (&second.as_str().into(), &second.as_str().into()));

    // A rollback's choice is what it was.
    site.world.shipit(&["rollback"]).expect(0);
    site.is_live(&first);
}

#[test]
fn one_that_is_not_healthy_stays_and_the_rollback_is_named() {
    let site = Site::new();
    site.good();
    let before = site.now();
    // Started once, it stays ended: whoever starts it again can be counted.
    site.drop_in("[Service]\nRestart=no\nExecStartPre=/bin/sh -c 'echo no luck today; exit 3'");
    let failed = site.fails(
        &["restart"],
        7,
        &["was restarted, and is not healthy", "no luck today", "`current` is", "shipit rollback"],
    );
    assert!(failed.took < Duration::from_secs(20), "{:?}", failed.took);
    let after = site.now();
    assert_eq!((&after.current, after.active.as_str()), (&before.current, "failed"));
    after.has_no_leftovers();
    let last = site.agrees(&after);
    assert_eq!((&last["command"], &last["status"]), (&"restart".into(), &"failed".into()));
    assert_eq!(last_line(&site)["outcome"], "failed");
    assert_eq!(site.server.sh_ok("journalctl -q -o cat -u server.service | grep -c '^no luck'").trim(), "1");
    // It starts what does not run, and says so.
    site.server.sh_ok("rm /etc/systemd/system/server.service.d/test.conf; systemctl daemon-reload");
    site.world.shipit(&["restart"]).expect(0).says(&["does not run now", "this starts it"]);
    // One that may not restart is told before anything is touched.
    site.server.sh_ok(
        "mv /etc/sudoers.d/shipit /root/rules; grep -v restart /root/rules >/etc/sudoers.d/shipit; true",
    );
    site.untouched(&["restart"], 3, &["may not restart server.service"]);
}

#[test]
fn without_a_release_or_a_turn_nothing_is_restarted() {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.untouched(&["restart"], 3, &["nothing is live", "shipit deploy"]);
    site.good();
    // Somebody else's turn.
    site.wait_in_hook();
    site.commit("ok");
    let deploy = Watched::start(&site.world, &["deploy"]);
    site.is_in_hook();
    site.fails(&["restart"], 6, &["is busy", "deploy"]);
    let waits = Watched::start(&site.world, &["restart", "--wait", "2m"]);
    eventually(Duration::from_secs(30), || {
        if waits.said().contains("waiting up to") { Ok(()) } else { Err(waits.said()) }
    });
    site.end_hook();
    let deployed = deploy.wait(Duration::from_secs(60)).expect(0).json();
    let restarted = waits.wait(Duration::from_secs(60)).expect(0).json();
    assert_eq!(restarted["release"], deployed["release"], "what is live by then is restarted");
}

#[test]
fn whatever_dies_in_the_middle_the_app_is_started_once() {
    let site = Site::new();
    let commit = site.good_that("slow-start 3");
    for signal in ["KILL", "INT"] {
        let before = site.now();
        let mut restart = Watched::start(&site.world, &["restart"]);
        restart.until("started");
        let started = site.now().invocation;
        assert_ne!(started, before.invocation);
        restart.signal(signal);
        let ran = restart.wait(Duration::from_secs(30));
        if signal == "INT" {
            let ran = ran.expect(130).says(&["was being restarted", "`current` is", "shipit status"]);
            assert_eq!(ran.json()["outcome"], "interrupted");
        }
        at_rest(&site.server);
        let last = last_line(&site);
        assert_eq!((&last["event"], &last["command"]), (&"failed".into(), &"restart".into()), "{last:#}");
        // It came up by itself, and nobody started it again.
        eventually(Duration::from_secs(20), || match site.now().page {
            Some(page) if page.contains(&commit) => Ok(()),
            other => Err(other),
        });
        let after = site.now();
        assert_eq!((&after.invocation, &after.current), (&started, &before.current));
        after.has_no_leftovers();
        site.agrees(&after);
    }
    // Both halves on the server die, too: the next command writes it down, and restarts nothing on the way.
    let mut restart = Watched::start(&site.world, &["restart"]);
    restart.until("started");
    let started = site.now().invocation;
    restart.signal("KILL");
    site.server.sh("pkill -KILL -u deploy -f shipit");
    restart.wait(Duration::from_secs(30));
    let status = site.world.shipit(&["status"]).expect(0).stdout;
    if site.now().state.iter().any(|name| name == "pending") {
        assert!(status.contains("was restarted and never checked to its end"), "{status}");
        site.fails(&["rollback", "v99"], 2, &[]);
        assert_eq!(site.now().invocation, started);
        site.world.shipit(&["restart"]).expect(0).says(&["was restarted and never checked to its end"]);
        assert!(site.now().journal.iter().any(|line| line.contains("\"interrupted\"")));
    }
    site.good();
}
