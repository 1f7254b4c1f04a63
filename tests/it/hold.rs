//! `hold`, `unhold` and `rollback --hold`: a person's "no deploys now", which outlives everything but `unhold`.

use std::time::Duration;

use serde_json::Value;

use crate::support::lab::Server;
use crate::support::site::Site;
use crate::support::watched::{Watched, connections, signal};
use crate::support::world::eventually;

const REASON: &str = "the database is being \"moved\", $(date)";
const HOLD: &str = "/var/www/server/.shipit/hold";
const CI: &[(&str, &str)] = &[
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_ACTOR", "carol"),
    ("GITHUB_SERVER_URL", "https://github.example"),
    ("GITHUB_REPOSITORY", "anna/server"),
    ("GITHUB_RUN_ID", "42"),
];

/// What `status --json` says of holds, as `who: why`.
fn held(site: &Site) -> Vec<String> {
    let status = site.world.shipit(&["status", "--json"]).expect(0).json();
    let releases = site.world.shipit(&["releases", "--json"]).expect(0).json();
    assert_eq!(status["held"], releases["held"]);
    let text = |hold: &Value| {
        let part = |name: &str| hold[name].as_str().unwrap_or("?").to_owned();
        format!("{}: {}", part("who"), part("reason"))
    };
    status["held"].as_array().expect("a list").iter().map(text).collect()
}

/// The journal's lines about holds, as `event who`.
fn journaled(site: &Site) -> Vec<String> {
    let lines = site.now().journal;
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("a line of the journal"));
    lines
        .filter(|line| line["event"].as_str().is_some_and(|event| event.ends_with("hold")))
        .map(|line| {
            assert_eq!((&line["v"], &line["deploy"]), (&1.into(), &0.into()));
            assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
            format!("{} {}", line["event"].as_str().unwrap_or("?"), line["who"].as_str().unwrap_or("?"))
        })
        .collect()
}

#[test]
fn a_hold_keeps_deploys_out_until_it_is_lifted() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    let second = site.good();
    let ran = site.world.shipit(&["hold", REASON]).expect(0).says(&["when it is over: shipit unhold"]);
    assert!(ran.stdout.starts_with("held:") && ran.stdout.contains(REASON), "{}", ran.stdout);
    assert!(ran.stdout.contains("by anna@") && ran.stdout.contains("since 20"), "{}", ran.stdout);
    assert_eq!(site.server.sh_ok(&format!("stat -c %U {HOLD}")), "deploy\n");
    assert_eq!(journaled(&site).len(), 1);

    // Nobody waits for a build, nor for the hold's end.
    site.commit("slow-build 600");
    let by = ["deploys to deploy@", "are held by anna@", REASON, "shipit unhold", "shipit rollback"];
    let failed = site.untouched(&["deploy"], 6, &by);
    assert_eq!(failed.result["outcome"], "held");
    assert_eq!(failed.result["live"], format!("{} runs as before", &second[..7]));
    site.untouched(&["deploy", "--wait", "5m"], 6, &by);
    site.world.shipit_as(CI, &["deploy"]).expect(6).says(&by);
    // Times are the reader's.
    let hour = |zone: &str| {
        let ran = site.world.shipit_as(&[("TZ", zone)], &["deploy", "-q"]).expect(6);
        let (_, rest) = ran.stderr.split_once(" since ").expect("since when");
        rest[11..13].to_owned()
    };
    assert_ne!(hour("UTC"), hour("Asia/Tokyo"));
    site.commit("ok");
    let plan = site.world.shipit(&["deploy", "--dry-run"]).expect(0);
    assert!(plan.stdout.contains("would be refused with exit code 6: deploys are held by anna@"), "{plan:?}");

    let status = site.world.shipit(&["status"]).expect(0);
    assert!(
        status.stdout.lines().any(|line| line.starts_with("held ") && line.contains(REASON)),
        "{status:?}"
    );
    site.world.shipit(&["releases"]).expect(0).says(&["held: no deploys, by anna@", REASON]);
    assert_eq!(held(&site).len(), 1);

    // The way out of an emergency is open, and the hold stays.
    let back = site.world.shipit(&["rollback"]).expect(0).says(&["held: no deploys, by anna@", REASON]);
    assert!(!back.stderr.contains("may bring"), "{}", back.stderr);
    site.is_live(&first);
    site.world.shipit(&["rollback", &second[..7]]).expect(0);
    site.is_live(&second);
    site.untouched(&["deploy"], 6, &by);

    // Setting it again without a reason changes nothing; lifting it twice is fine.
    let before = site.now();
    let ran = site.world.shipit(&["hold"]).expect(0);
    assert!(ran.stdout.contains("held already:") && ran.stdout.contains(REASON), "{}", ran.stdout);
    assert_eq!(site.now(), before);
    let ran = site.world.shipit_as(&[("USER", "bob")], &["unhold"]).expect(0);
    assert!(ran.stdout.starts_with("lifted:"), "{}", ran.stdout);
    assert!(ran.stderr.contains("they were held by anna@") && ran.stderr.contains(REASON), "{}", ran.stderr);
    let before = site.now();
    let ran = site.world.shipit(&["unhold"]).expect(0);
    assert!(ran.stdout.starts_with("not held:"), "{}", ran.stdout);
    assert_eq!(site.now(), before);
    assert_eq!(held(&site), Vec::<String>::new());
    let lines = journaled(&site);
    assert!(lines[0].starts_with("hold anna@") && lines[1].starts_with("unhold bob@"), "{lines:?}");
    site.good();
}

#[test]
fn holds_of_several_people_stand_side_by_side() {
    let site = Site::new();
    let bob = [("USER", "bob")];
    site.world.shipit(&["hold", "one", "reason"]).expect(0);
    let ran = site.world.shipit_as(&bob, &["hold", "two"]).expect(0);
    ran.says(&["held as well by anna@", "one reason"]);
    // One's own is replaced, and told.
    site.world.shipit(&["hold", "three"]).expect(0).says(&["in place of the hold by anna@", "one reason"]);
    site.world.shipit_as(CI, &["hold", "-q"]).expect(0);
    let all = held(&site);
    assert!(all.len() == 2 && all[0].ends_with(": two") && all[1].ends_with(": three"), "{all:?}");
    site.commit("ok");
    site.untouched(&["deploy"], 6, &["are held by anna@", "three", "by bob@", "two"]);
    let answer = site.world.shipit_as(CI, &["hold", "four", "--json"]).expect(0);
    assert_eq!(answer.stdout.lines().count(), 1, "{}", answer.stdout);
    let answer = answer.json();
    assert_eq!((&answer["version"], &answer["changed"]), (&1.into(), &true.into()));
    assert_eq!((answer["before"].as_array().map(Vec::len), answer["running"].is_null()), (Some(2), true));
    let newest = &answer["held"][2];
    assert_eq!((&newest["who"], &newest["reason"]), (&"carol".into(), &"four".into()));
    assert_eq!(newest["from"], "https://github.example/anna/server/actions/runs/42");
    let answer = site.world.shipit(&["unhold", "--json"]).expect(0).json();
    assert_eq!((&answer["changed"], &answer["held"]), (&true.into(), &serde_json::json!([])));
    assert_eq!(answer["before"].as_array().map(Vec::len), Some(3));
    site.world.shipit(&["unhold"]).expect(0);
    assert_eq!(journaled(&site).len(), 5);
    // At the same moment: none is lost.
    let names: Vec<String> = (0..6).map(|number| format!("p{number}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| site.world.shipit_as(&[("USER", name)], &["hold", "all"]).expect(0));
        }
    });
    assert_eq!(held(&site).len(), 6);
    site.world.shipit(&["unhold"]).expect(0);
    site.good();
}

#[test]
fn whatever_lies_there_holds() {
    let site = Site::new();
    site.commit("ok");
    for (make, says) in [
        (format!(": >{HOLD}"), "can't be read"),
        (
            format!("printf '{{\"v\":1,\"since\":\"2026-1' >{HOLD}"),
            "can't be read: {\"v\":1,\"since\":\"2026-1",
        ),
        (format!("head -c 3000 /dev/urandom >{HOLD}"), "can't be read"),
        (format!("ln -s nowhere {HOLD}"), "can't be read"),
        (format!("mkdir {HOLD}; touch {HOLD}/x; chown deploy {HOLD}"), "can't be read"),
        (format!("mkfifo {HOLD}"), "can't be read"),
        (format!("echo moving the database >{HOLD}"), "can't be read: moving the database"),
        (format!("echo mine >{HOLD}; chown root {HOLD}; chmod 600 {HOLD}"), "can't be read"),
    ] {
        site.server.sh_ok(&format!("cd /; {make}; chown -h deploy /var/www/server/.shipit"));
        let failed = site.untouched(&["deploy"], 6, &[says]);
        assert_eq!(failed.result["outcome"], "held", "{make}");
        site.world.shipit(&["status"]).expect(0);
        assert!(!held(&site).is_empty(), "{make}");
        site.world.shipit(&["unhold"]).expect(0);
        assert!(held(&site).is_empty(), "{make}");
    }
    // A torn line stays beside a new one.
    site.server.sh_ok(&format!("printf '{{\"v\":1' >{HOLD}; chown deploy {HOLD}"));
    site.world.shipit(&["hold", "mine"]).expect(0).says(&["held as well by somebody"]);
    assert_eq!(held(&site).len(), 2);
    site.world.shipit(&["unhold"]).expect(0);
    site.good();
}

#[test]
fn a_server_that_nothing_was_deployed_to_can_be_held() {
    let site = Site::empty(Server::boot(crate::support::lab::Variant::Debian));
    site.server.sh_ok("cd /; rm -r /var/www/server; chown root /var/www");
    // Nothing is made for what there is not.
    site.world.shipit(&["unhold"]).expect(0);
    let says = ["/var/www/server does not exist on deploy@", "deploy can't make it"];
    let failed = site.world.shipit(&["hold", "--json"]).expect(3).says(&says);
    assert_eq!(failed.json()["live"], "deploys are not held");
    site.server.sh_ok("chown deploy /var/www");
    site.world.shipit(&["hold"]).expect(0);
    site.commit("ok");
    let failed = site.fails(&["deploy"], 6, &["are held by anna@"]);
    assert_eq!(failed.result["outcome"], "held");
    assert_eq!(site.now().state, ["hold", "journal.jsonl"]);
    site.world.shipit(&["unhold"]).expect(0);
    site.server.sh_ok("install -d -o app /var/www/server/data");
    site.good();
}

#[test]
fn a_hold_does_not_wait_for_a_deploy_and_stops_it_before_its_switch() {
    let site = Site::new();
    let before = site.now();
    site.wait_in_hook();
    let slow = site.commit("ok");
    let running = site.world.start(&["deploy", "--json"]);
    site.is_in_hook();
    let mut waiting = Watched::start(&site.world, &["deploy", "--wait", "2m"]);
    waiting.until("waiting-for-lock");
    let ran = site.world.shipit_as(&[("USER", "bob")], &["hold", "stop"]).expect(0);
    ran.says(&["has been running `deploy` of", &slow[..7], "it is refused before it switches"]);
    site.end_hook();
    let ends = [
        (running.wait(), "runs as before; the hook had run"),
        (waiting.wait(Duration::from_secs(60)), "runs as before"),
    ];
    for (ran, live) in ends {
        let result = ran.expect(6).json();
        assert_eq!(result["outcome"], "held", "{result:#}");
        assert!(result["error"].as_str().is_some_and(|error| error.contains("by bob@")), "{result:#}");
        assert!(result["live"].as_str().is_some_and(|told| told.ends_with(live)), "{result:#}");
    }
    let now = site.now();
    assert_eq!((&now.current, &now.invocation), (&before.current, &before.invocation));
    let told: Vec<Value> = now.journal[3..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!((&told[0]["event"], &told[1]["event"]), (&"hold".into(), &"failed".into()));
    assert!(told[1]["reason"].as_str().is_some_and(|reason| reason.contains("held while the hook ran")));
    now.has_no_leftovers();
    site.world.shipit(&["unhold"]).expect(0);
    // The same commit again, into the place that it has already.
    site.world.deploy();
    site.is_live(&slow);
    assert_eq!(site.now().releases.len(), 2, "{:?}", site.now().releases);
}

#[test]
fn a_deploy_that_has_switched_goes_on_and_says_at_its_end_that_the_next_is_held() {
    let site = Site::new();
    site.world.edit("settle = \"300ms\"", "settle = \"6s\"");
    let next = site.commit("ok");
    let mut deploy = Watched::start(&site.world, &["deploy"]);
    deploy.until("switched");
    site.world
        .shipit(&["hold", REASON])
        .expect(0)
        .says(&["it has switched already, so it goes on to its end"]);
    let ran = deploy.wait(Duration::from_secs(60)).expect(0);
    assert_eq!(ran.json()["held"][0]["reason"], REASON);
    site.is_live(&next);
    site.world.shipit(&["unhold"]).expect(0);
    site.good();
}

#[test]
fn a_deploy_that_waited_finds_the_hold_and_leaves_nothing() {
    let site = Site::new();
    // Somebody else's lock, so that the hold comes between the look and the switch.
    site.server.sh_ok(
        "cd /var/www/server; setsid runuser -u deploy -- flock .shipit/lock sh -c 'until [ -e /srv/free ]; do sleep 0.1; done' >/dev/null 2>&1 </dev/null &",
    );
    let next = site.commit("ok");
    let mut deploy = Watched::start(&site.world, &["deploy", "--wait", "2m"]);
    deploy.until("waiting-for-lock");
    site.server.sh_ok(&format!("runuser -u deploy -- touch {HOLD}; touch /srv/free"));
    let ran = deploy.wait(Duration::from_secs(60)).expect(6);
    assert_eq!(ran.json()["outcome"], "held");
    let now = site.now();
    assert!(!now.releases.contains(&next), "{now:#?}");
    assert_eq!(now.journal.len(), 3);
    now.has_no_leftovers();
    site.world.shipit(&["unhold"]).expect(0);
    site.good();
}

#[test]
fn a_rollback_brings_its_hold() {
    let site = Site::new();
    let second = site.good();
    // Without it, what may happen next is said.
    let ran = site.world.shipit(&["rollback"]).expect(0);
    ran.says(&[&format!("may bring {} back", &second[..7]), "shipit hold"]);
    let ran =
        site.world.shipit(&["rollback", &second[..7], "--hold=the login is broken", "--json"]).expect(0);
    let hold = &ran.json()["held"][0];
    assert_eq!((&hold["reason"], hold["since"].is_string()), (&"the login is broken".into(), true));
    assert!(ran.stdout.contains(r#"{"type":"held","reason":"the login is broken"}"#), "{}", ran.stdout);
    site.is_live(&second);
    let all = held(&site);
    assert!(all.len() == 1 && all[0].ends_with(": the login is broken"), "{all:?}");
    site.world.shipit(&["unhold"]).expect(0);

    // Live already: the hold is set all the same. Nobody said why: it says what happened.
    let ran = site.world.shipit(&["rollback", &second[..7], "--hold=again"]).expect(0);
    ran.says(&["held: no deploys, by anna@", ": again"]);
    site.world.shipit(&["unhold"]).expect(0);
    let second = site.good();
    let ran = site.world.shipit(&["rollback", "--hold"]).expect(0);
    ran.says(&["held: no deploys, by anna@"]);
    let why = format!("rolled back from {} to {}", &second[..7], &site.now().current[9..16]);
    assert!(held(&site)[0].ends_with(&why), "{:?}", held(&site));
    site.commit("ok");
    site.untouched(&["deploy"], 6, &[&why]);
    site.world.shipit(&["unhold"]).expect(0);

    // Who holds deploys already keeps the reason, unless there is a new one.
    let second = site.good();
    site.world.shipit(&["hold", "my own reason"]).expect(0);
    site.world
        .shipit(&["rollback", "--hold"])
        .expect(0)
        .says(&["held: no deploys, by anna@", ": my own reason"]);
    let ran = site.world.shipit(&["rollback", &second[..7], "--hold=another"]).expect(0);
    ran.says(&["this takes the place of the hold by anna@", ": my own reason", ": another"]);
    assert_eq!(held(&site).len(), 1);
    site.world.shipit(&["rollback"]).expect(0);
    site.world.shipit(&["unhold"]).expect(0);

    // One that fails before the switch sets none, and says so.
    let says = ["deploys are not held by this", "shipit hold 'it is slow'"];
    let failed = site.untouched(&["rollback", "v99", "--hold=it is slow"], 2, &says);
    assert!(failed.hints().iter().any(|hint| hint.contains("shipit hold")), "{failed:#?}");
    // One that fails after it leaves it, and says so.
    site.server.sh_ok(&format!("chmod 700 /var/www/server/releases/{second}"));
    let before = site.now();
    let failed = site.fails(
        &["rollback", &second[..7], "--hold"],
        7,
        &["deploys are held all the same", "shipit unhold"],
    );
    assert_eq!(failed.result["live"], format!("{} runs again", &before.current[9..16]));
    assert_eq!(site.now().current, before.current);
    assert_eq!(held(&site).len(), 1);
    site.world.shipit(&["unhold"]).expect(0);
    site.good();
}

#[test]
fn a_hold_that_can_not_be_written_is_no_hold_and_says_so() {
    let site = Site::on(Server::builder().disk("400M").boot());
    let first = site.now().current[9..].to_owned();
    site.good();
    site.server.fill("/var/www", 0);
    let failed =
        site.world.shipit(&["hold", "--json"]).expect(3).says(&["can't write", "/.shipit/hold"]).json();
    assert_eq!(failed["live"], "deploys are not held");
    assert!(held(&site).is_empty());
    // A rollback that could not bring its hold changes nothing.
    let before = site.now();
    site.fails(&["rollback", "--hold"], 3, &["deploys are not held by this"]);
    let now = site.now();
    assert_eq!((&now.invocation, &now.current), (&before.invocation, &before.current));
    site.server.free();
    site.server.sh_ok(&format!("runuser -u deploy -- mkdir {HOLD}"));
    site.untouched(&["rollback", "--hold"], 3, &["can't write in /var/www/server/.shipit/hold"]);
    site.world.shipit(&["hold", "why"]).expect(3).says(&["is a folder", "deploys are held as before"]);
    site.world.shipit(&["unhold"]).expect(0);
    site.world.shipit(&["rollback", "--hold"]).expect(0);
    site.is_live(&first);

    // The power goes right after the answer.
    site.server.power_loss();
    assert_eq!(held(&site).len(), 1);
    site.world.shipit(&["unhold"]).expect(0);
    site.world.shipit(&["hold", "safe"]).expect(0);
    site.server.power_loss();
    let all = held(&site);
    assert!(all.len() == 1 && all[0].ends_with(": safe"), "{all:?}");
    site.world.shipit(&["unhold"]).expect(0);
    site.server.power_loss();
    assert!(held(&site).is_empty());
    site.good();
}

#[test]
fn an_interrupted_hold_says_whether_it_was_set() {
    let site = Site::new();
    // The disk is slow: the file lies beside its place for a while.
    let slow = || {
        site.server.sh_ok("printf '#!/bin/sh\\nuntil [ -e /srv/go ]; do sleep 0.1; done\\nexec /usr/bin/sync \"$@\"\\n' >/usr/local/bin/sync; chmod 755 /usr/local/bin/sync; rm -f /srv/go")
    };
    let begun = || {
        eventually(Duration::from_secs(30), || match site.server.sh(&format!("test -e {HOLD}.new")) {
            ran if ran.success() => Ok(()),
            ran => Err(ran),
        })
    };
    slow();
    let hold = Watched::start(&site.world, &["hold", "one"]);
    begun();
    assert!(held(&site).is_empty());
    hold.signal("INT");
    site.server.sh_ok("touch /srv/go");
    let answer = hold.wait(Duration::from_secs(30)).expect(0).json();
    assert_eq!((&answer["changed"], held(&site).len()), (&true.into(), 1));
    site.world.shipit(&["unhold"]).expect(0);

    // Twice: it does not wait.
    slow();
    let hold = Watched::start(&site.world, &["hold", "two"]);
    begun();
    hold.signal("INT");
    std::thread::sleep(Duration::from_millis(300));
    hold.signal("INT");
    let ran = hold.wait(Duration::from_secs(30)).expect(130).says(&["is not known", "shipit status"]);
    assert_eq!(ran.json()["outcome"], "interrupted");
    // The server half does what it began.
    site.server.sh_ok("touch /srv/go");
    eventually(Duration::from_secs(20), || if held(&site).len() == 1 { Ok(()) } else { Err(()) });
    site.world.shipit(&["unhold"]).expect(0);

    // The connection breaks.
    slow();
    let hold = Watched::start(&site.world, &["hold", "three"]);
    begun();
    signal("KILL", &connections(&site.world));
    let ran =
        hold.wait(Duration::from_secs(30)).expect(9).says(&["is not known", "shipit hold", "shipit status"]);
    assert_eq!(ran.json()["outcome"], "contact-lost");
    site.server.sh_ok("touch /srv/go");
    eventually(Duration::from_secs(20), || if held(&site).len() == 1 { Ok(()) } else { Err(()) });

    // Before it began, nothing is changed.
    site.world.shipit(&["unhold"]).expect(0);
    site.server.cut();
    let hold = Watched::start(&site.world, &["hold", "four"]);
    eventually(
        Duration::from_secs(20),
        || if connections(&site.world).is_empty() { Err(()) } else { Ok(()) },
    );
    hold.signal("TERM");
    hold.wait(Duration::from_secs(30)).expect(143).says(&["nothing was changed"]);
    site.server.mend();
    assert!(held(&site).is_empty());
    site.good();
}
