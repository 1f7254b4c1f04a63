//! Many at once: each has its turn or says who was quicker, and the journal tells one story.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::lab::Server;
use crate::support::site::Site;
use crate::support::watched::{Watched, at_rest, journal};
use crate::support::world::{World, eventually};

/// Ten, each with its own builds, on a machine with other work: long enough, and no measure.
const END: Duration = Duration::from_secs(400);

/// A server with two releases, and other people's machines, each with a commit of its own.
fn crowd(people: usize) -> (Site, Vec<String>, Vec<(World, String)>) {
    let site = Site::new();
    site.world.edit("assets = ", "keep = 40\nassets = ");
    let first = site.now().current[9..].to_owned();
    let there = vec![first, site.good()];
    let others = (0..people).map(|number| another(&site.server, &format!("p{number}"))).collect();
    (site, there, others)
}

/// Another developer's machine, with a commit of its own.
fn another(server: &Server, version: &str) -> (World, String) {
    let world = World::new(server);
    world.edit("within = \"10s\"", "within = \"60s\"\nsettle = \"300ms\"");
    world.edit("assets = ", "keep = 40\nassets = ");
    let commit = world.commit(version, "ok");
    (world, commit)
}

/// Those who wait go live, one after the other.
#[track_caller]
fn all_had_their_turn(site: &Site, waiting: Vec<Watched>) -> BTreeMap<u64, Told> {
    for run in waiting {
        run.wait(END).expect(0);
    }
    at_rest(&site.server);
    one_story(site)
}

/// What one try of the journal's went through.
#[derive(Debug, Default)]
struct Told {
    words: Vec<String>,
    release: String,
    previous: String,
}

/// The journal's deploys by number, which must tell one story: no two at once, each number once, each after the one before
/// it and from what that one left.
#[track_caller]
fn one_story(site: &Site) -> BTreeMap<u64, Told> {
    let lines = journal(&site.server);
    let mut deploys: BTreeMap<u64, Told> = BTreeMap::new();
    let (mut open, mut newest, mut live) = (None, 0, String::new());
    for line in &lines {
        let (number, event) = (line["deploy"].as_u64().unwrap(), line["event"].as_str().unwrap());
        if number == 0 {
            continue;
        }
        let release = line["release"].as_str().unwrap().to_owned();
        let told = deploys.entry(number).or_default();
        told.words.push(event.to_owned());
        match event {
            "started" => {
                assert_eq!(open, None, "two at once: {lines:#?}");
                assert!(number > newest, "{number} after {newest}: {lines:#?}");
                (open, newest) = (Some(number), number);
                told.release = release;
                told.previous = line["previous"].as_str().unwrap().to_owned();
                assert_eq!(told.previous, live, "{line:#}");
            }
            "live" => assert_eq!(open, Some(number)),
            // Its hook did not let it begin.
            "failed" if told.words.len() == 1 => {
                assert!(open.is_none() && number > newest, "{lines:#?}");
                newest = number;
            }
            _ => {
                assert_eq!(open.take(), Some(number), "{line:#}");
                if event == "kept" {
                    live = release;
                }
            }
        }
    }
    assert_eq!(open, None);
    assert_eq!(site.now().current, format!("releases/{live}"));
    deploys
}

/// Starts ten at once: seven deploys of commits of their own and three rollbacks to releases that are there.
fn ten(there: &[String], others: &[(World, String)], wait: &[&str]) -> Vec<(Watched, String)> {
    let rollbacks = [0, 1, 0].map(|which| (vec!["rollback", &there[which]], there[which].clone()));
    let deploys = others[..7].iter().map(|(_, commit)| (vec!["deploy"], commit.clone()));
    let all = deploys.chain(rollbacks).zip(others);
    all.map(|((words, release), (world, _))| (Watched::start(world, &[&words, wait].concat()), release))
        .collect()
}

#[test]
fn ten_at_once_win_in_turn_or_say_who_is_at_it() {
    let (site, there, others) = crowd(10);
    let runs = ten(&there, &others, &[]);
    let mut won = Vec::new();
    for (run, release) in runs {
        let ran = run.wait(END);
        let result = ran.json();
        match ran.code {
            0 if result["outcome"] == "live" => won.push((result["deploy"].as_u64().unwrap(), release)),
            0 => assert_eq!(result["outcome"], "already-live", "{result:#}"),
            6 => {
                assert_eq!(result["outcome"], "busy", "{result:#}");
                let error = result["error"].as_str().unwrap();
                // Who, what, and since when.
                assert!(error.contains(" is busy: ") && error.contains("anna@"), "{error}");
                assert!(error.contains("`deploy` of ") || error.contains("`rollback` of "), "{error}");
                assert!(error.contains(" since 20") || error.contains(" at 20"), "{error}");
            }
            _ => panic!("{ran:?}"),
        }
    }
    assert!(!won.is_empty());
    at_rest(&site.server);
    site.now().has_no_leftovers();
    let deploys = one_story(&site);
    assert_eq!(deploys.len(), 2 + won.len(), "{deploys:#?}");
    for (number, release) in &won {
        assert_eq!((&deploys[number].release, deploys[number].words.len()), (release, 3), "{deploys:#?}");
    }
    // Who lost left nothing there.
    let releases = site.now().releases;
    for (_, commit) in &others {
        assert_eq!(
            releases.contains(commit),
            won.iter().any(|(_, release)| release == commit),
            "{releases:?}"
        );
    }
    eprintln!("{} of 10 went live", won.len());
    site.good();
}

#[test]
fn ten_that_wait_all_have_their_turn() {
    let (site, there, others) = crowd(10);
    let began = std::time::Instant::now();
    let runs = ten(&there, &others, &["--wait", "10m"]);
    let mut numbers = Vec::new();
    for (run, release) in runs {
        let ran = run.wait(END).expect(0);
        let result = ran.json();
        if result["outcome"] == "live" {
            numbers.push(result["deploy"].as_u64().unwrap());
        } else {
            // A rollback to what the one before it had just gone back to.
            assert_eq!((result["outcome"].as_str(), there.contains(&release)), (Some("already-live"), true));
        }
    }
    eprintln!("ten turns took {:?}", began.elapsed());
    at_rest(&site.server);
    let deploys = one_story(&site);
    assert_eq!(deploys.len(), 2 + numbers.len());
    assert!(deploys.values().all(|told| told.words == ["started", "live", "kept"]), "{deploys:#?}");
    numbers.sort_unstable();
    assert_eq!(numbers, (3..3 + numbers.len() as u64).collect::<Vec<_>>());
    for (_, commit) in &others[..7] {
        assert!(deploys.values().any(|told| told.release == *commit), "{commit}: {deploys:#?}");
    }
    site.now().has_no_leftovers();
    site.good();
}

#[test]
fn who_waits_is_let_go_by_an_interrupt_and_by_the_end_of_the_one_before() {
    let (site, _, others) = crowd(4);
    site.wait_in_hook();
    site.commit("ok");
    let holder = Watched::start(&site.world, &["deploy"]);
    site.is_in_hook();
    let mut waiting: Vec<Watched> =
        others.iter().map(|(world, _)| Watched::start(world, &["deploy", "--wait", "10m"])).collect();
    for run in &mut waiting {
        let waiting = run.until("waiting-for-lock");
        assert_eq!(waiting["within_s"], 600, "{waiting}");
    }
    let before = site.now();
    // An interrupt ends the waiting at once: neither the client nor its half on the server takes its turn later.
    let (killed, interrupted) = (waiting.remove(0), waiting.remove(0));
    interrupted.signal("INT");
    let began = std::time::Instant::now();
    let ran = interrupted.wait(Duration::from_secs(20)).expect(130);
    assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
    eprintln!("an interrupt ends the waiting after {:?}", began.elapsed());
    killed.signal("KILL");
    killed.wait(Duration::from_secs(20)).expect(137);
    let waiters =
        || site.server.sh_ok("pgrep -u deploy -fc '^flock -w 1' || true").trim().parse::<u32>().unwrap();
    eventually(Duration::from_secs(60), || if waiters() <= 2 { Ok(()) } else { Err(waiters()) });
    assert_eq!(site.now(), before);

    // The one who has the lock dies; its hook goes with it.
    holder.signal("KILL");
    holder.wait(Duration::from_secs(20)).expect(137);
    let deploys = all_had_their_turn(&site, waiting);
    let ends: Vec<&str> = deploys.values().filter_map(|told| told.words.last()).map(String::as_str).collect();
    assert_eq!(ends.iter().filter(|end| **end == "kept").count(), 4, "{deploys:#?}");
    let releases = site.now().releases;
    for (_, commit) in &others[..2] {
        assert!(!releases.contains(commit), "{releases:?}");
    }
    site.end_hook();
    site.good();
}

#[test]
fn halves_of_the_one_before_are_killed_while_others_wait() {
    let (site, _, others) = crowd(3);
    // It never answers, so that its check lasts.
    site.world.edit("within = \"10s\"", "within = \"120s\"");
    site.commit("mute");
    let mut holder = Watched::start(&site.world, &["deploy"]);
    holder.until("started");
    // Those that have the lock open, as long as nobody else waits for it.
    let open = "for pid in $(pgrep -u deploy -f shipit); do ls -l /proc/$pid/fd/9 2>/dev/null | grep -q /lock && echo $pid; done; true";
    let halves = site.server.sh_ok(open).replace('\n', " ");
    assert!(halves.split_whitespace().count() >= 2, "{halves}");
    let mut waiting: Vec<Watched> =
        others.iter().map(|(world, _)| Watched::start(world, &["deploy", "--wait", "10m"])).collect();
    for run in &mut waiting {
        run.until("waiting-for-lock");
    }
    // All of it at once, the client first: nobody is left to go back but those who wait.
    holder.signal("STOP");
    site.server.sh_ok(&format!("kill -KILL {halves}"));
    holder.signal("KILL");
    holder.wait(Duration::from_secs(20)).expect(137);
    let deploys = all_had_their_turn(&site, waiting);
    assert_eq!(deploys[&3].words, ["started", "live", "interrupted"], "{deploys:#?}");
    assert_eq!(deploys.values().filter(|told| told.words.last().unwrap() == "kept").count(), 5);
    site.world.edit("within = \"120s\"", "within = \"60s\"");
    site.good();
}

#[test]
fn the_end_of_a_prune_is_waited_for_and_the_look_before_it_is_not_believed() {
    let (site, there, others) = crowd(1);
    let (other, commit) = &others[0];
    // Removing an old release takes until it is let go on.
    site.server.sh_ok(
        "printf '#!/bin/sh\\ncase $* in *gone-*) until [ -e /srv/go ]; do sleep 0.1; done ;; esac\\nexec /usr/bin/rm \"$@\"\\n' >/usr/local/bin/rm
         chmod 755 /usr/local/bin/rm",
    );
    site.world.edit("keep = 40", "keep = 1");
    let third = site.commit("ok");
    let mut pruning = Watched::start(&site.world, &["deploy"]);
    pruning.until("kept");
    let removed = || site.server.sh("test -e /var/www/server/.shipit/incoming/gone-*");
    eventually(Duration::from_secs(20), || if removed().success() { Ok(()) } else { Err(removed()) });
    // Too long for who does not wait: it says who it is.
    let ran = other.shipit(&["deploy"]).expect(6);
    ran.says(&["has been running `deploy` of", &third[..7], "since 20"]);
    // What is being removed can't be gone back to.
    let mut back = Watched::start(other, &["rollback", &there[1], "--wait", "5m"]);
    back.until("waiting-for-lock");
    let mut next = Watched::start(other, &["deploy", "--wait", "5m"]);
    next.until("waiting-for-lock");
    site.server.sh_ok("touch /srv/go");
    pruning.wait(END).expect(0);
    back.wait(END).expect(0);
    next.wait(END).expect(0);
    at_rest(&site.server);
    let deploys = one_story(&site);
    assert!(deploys.values().all(|told| told.words.last().unwrap() == "kept"), "{deploys:#?}");
    let releases = site.now().releases;
    assert!(!releases.contains(&there[0]) && releases.contains(commit), "{releases:?}");
    site.good();
}

#[test]
fn a_rollback_without_a_name_goes_on_only_where_it_still_means_the_same() {
    let (site, there, others) = crowd(1);
    let (other, commit) = &others[0];
    for (behaviour, code) in [("ok", 0), ("crash", 7)] {
        site.wait_in_hook();
        site.commit(behaviour);
        let deploy = Watched::start(&site.world, &["deploy"]);
        site.is_in_hook();
        let mut back = Watched::start(other, &["rollback", "--wait", "5m"]);
        back.until("waiting-for-lock");
        site.end_hook();
        site.world.edit(
            "\n[hooks]\nbefore_switch = [\"sh\", \"-c\", \"while [ -e /srv/wait ]; do sleep 0.1; done\"]\n",
            "",
        );
        deploy.wait(END).expect(code);
        let ran = back.wait(END);
        if code == 0 {
            // Another release is live than the one that was to be left.
            let result = ran.expect(6).json();
            let error = result["error"].as_str().unwrap();
            assert!(error.contains("others were quicker") && error.contains("(v3)"), "{error}");
        } else {
            // It came to nothing, so nothing has changed for the rollback.
            ran.expect(0);
            assert_eq!(site.now().current, format!("releases/{}", there[1]));
        }
    }
    other.deploy();
    site.is_live(commit);
}
