//! `logs`: the app's lines, the last ones or as they come, harmless on a screen and whole for programs.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::site::Site;
use crate::support::watched::{Watched, connections, signal};
use crate::support::world::{Ran, SHIPIT, eventually};

/// The app says this, as it would by itself.
fn says(site: &Site, text: &str) {
    site.drop_in("");
    site.server.sh_with_input("root", "cat >/srv/say", text.as_bytes());
    site.server.sh_ok("systemctl restart server.service; journalctl --sync");
}

/// What it begins with at each start is read from a file.
fn talks(site: &Site) {
    // One start at a time: which release a quick second one was of is not told by times.
    site.drop_in("[Service]\nRestartSec=20\nExecStartPre=/bin/sh -c 'cat /srv/say 2>/dev/null; :'");
}

/// `message` of each line of `--json`.
fn messages(ran: &Ran) -> Vec<String> {
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines
        .map(|line| {
            assert_eq!(line["version"], 1);
            assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
            line["message"].as_str().expect("a message").to_owned()
        })
        .collect()
}

/// Follows the log, and has its last line.
fn follows(site: &Site) -> Watched {
    let follow = Watched::start(&site.world, &["logs", "-f", "-n", "1"]);
    eventually(
        Duration::from_secs(30),
        || if follow.events().len() == 1 { Ok(()) } else { Err(follow.said()) },
    );
    follow
}

/// Whether a journalctl still runs there for the login.
fn reads(site: &Site) -> bool {
    site.server.sh("pgrep -u deploy journalctl").success()
}

#[test]
fn the_lines_are_shown_and_harm_no_screen() {
    let site = Site::new();
    talks(&site);
    says(&site, "one\n\u{1b}[31mred\u{1b}[2J\u{1b}]0;title\u{7} \u{8}\u{9b}x\n");
    site.server.sh_ok(
        "head -c 9000 /dev/zero | tr '\\0' y >/srv/say; systemctl restart server.service; journalctl --sync",
    );
    let ran = site.world.shipit(&["logs"]).expect(0);
    for text in ["one\n", "red", "Started server.service", "listens on 3001", "yyyyy"] {
        assert!(ran.stdout.contains(text), "no {text:?} in {}", ran.stdout);
    }
    let odd: Vec<char> = ran.stdout.chars().filter(|c| c.is_control() && *c != '\n').collect();
    assert!(odd.is_empty(), "{odd:?} in {:?}", ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.starts_with("20") && line.contains("]: ")), "{}", ran.stdout);
    // All of a long line, and for programs all of an odd one.
    let ran = site.world.shipit(&["logs", "--json"]).expect(0);
    let all = messages(&ran);
    assert!(all.iter().any(|message| message.len() == 9000), "{all:?}");
    assert!(all.iter().any(|message| message.contains("\u{1b}[31mred")), "{all:?}");
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains('\u{9b}'));

    // So many, and since then.
    assert_eq!(messages(&site.world.shipit(&["logs", "-n", "2", "--json"]).expect(0)), all[all.len() - 2..]);
    assert_eq!(
        messages(&site.world.shipit(&["logs", "--since", "1h", "--json"]).expect(0)).last(),
        all.last()
    );
    let before = "2001-01-01 10:00";
    assert!(
        messages(&site.world.shipit(&["logs", "--since", before, "-n", "1", "--json"]).expect(0)).len() == 1
    );
    site.server.sh_ok("sleep 1.1");
    let ran = site.world.shipit(&["logs", "--since", "1s"]).expect(0).says(&["has no lines since then"]);
    assert_eq!(ran.stdout, "");
    site.world.shipit(&["logs", "--since", "soon"]).expect(2).says(&["is no time such as 10m"]);
    site.world.shipit(&["logs", "--since", "2999-01-01"]).expect(2).says(&["has not come yet"]);

    // Where it does not go to the journal.
    site.drop_in("[Service]\nStandardOutput=append:/var/log/app.log");
    site.world.shipit(&["logs", "-n", "1"]).expect(0).says(&["StandardOutput=append"]);
    // A reader that goes away is no trouble.
    let mut command = site.world.command("sh");
    let line = format!("'{SHIPIT}' logs | head -n 1; '{SHIPIT}' logs >/dev/full; echo $?");
    let output = command.args(["-c", &line]).stderr(Stdio::piped()).output().expect("sh");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.lines().count() == 2 && out.ends_with("\n2\n"), "{out}{err}");
    assert!(err.contains("could not be written to stdout"), "{err}");
    // Nobody else may read it.
    site.server.sh_ok("gpasswd -d deploy systemd-journal >/dev/null");
    let ran = site.world.shipit(&["logs", "--json"]).expect(3);
    let ran = ran.says(&["may not read the log of server.service", "usermod -aG systemd-journal deploy"]);
    assert_eq!(ran.json()["outcome"], "not-ready");
}

#[test]
fn each_release_has_its_own_lines() {
    let site = Site::new();
    talks(&site);
    let first = site.now().current[9..].to_owned();
    says(&site, "said by the first\n");
    site.server.sh_ok("echo said by the second >/srv/say");
    let second = site.good();
    site.server.sh_ok("echo said by the third >/srv/say");
    let third = site.commit("crash");
    site.goes_back(&["deploy"], &["said by the third", "boom: refused to start"]);
    site.server.sh_ok("echo said again; journalctl --sync");
    let of = |words: &[&str]| messages(&site.world.shipit(&[words, &["--json"]].concat()).expect(0));
    let lines = |release: &str| of(&["logs", "--release", release]);
    let has = |lines: &[String], text: &str| lines.iter().any(|line| line.contains(text));

    let all = lines(&first[..7]);
    assert!(has(&all, "said by the first") && !has(&all, "second") && !has(&all, "third"), "{all:#?}");
    let all = lines(&second);
    assert!(has(&all, "said by the second") && !has(&all, "by the first") && !has(&all, "boom"), "{all:#?}");
    // The one that never lived, by the number of its deploy.
    let all = lines("v3");
    assert!(has(&all, "boom: refused to start") && !has(&all, "listens on 3001"), "{all:#?}");
    assert_eq!(of(&["logs", "--release", &third[..7], "-n", "2"]), all[all.len() - 2..]);

    site.world
        .shipit(&["logs", "--release", "zzzz"])
        .expect(2)
        .says(&["no release on the server is called zzzz"]);
    site.world.shipit(&["logs", "--release", "v1", "-f"]).expect(2).says(&["cannot be used with"]);
    // Its lines outlive it, and not for ever.
    site.server
        .sh_ok("journalctl --rotate --vacuum-time=1s -q; sleep 1.1; journalctl --rotate --vacuum-time=1s -q");
    site.world.shipit(&["logs", "--release", "v1"]).expect(0).says(&["has no start of server.service"]);
}

#[test]
fn what_comes_is_shown_as_it_comes_until_its_reader_goes() {
    let site = Site::new();
    talks(&site);
    for stop in ["INT", "KILL"] {
        let follow = follows(&site);
        says(&site, &format!("this is new: {stop}\n"));
        eventually(Duration::from_secs(30), || {
            let new = |line: &Value| {
                line["message"].as_str().is_some_and(|text| text.ends_with(&format!("new: {stop}")))
            };
            if follow.events().iter().any(new) { Ok(()) } else { Err(follow.said()) }
        });
        assert!(reads(&site));
        follow.signal(stop);
        let ran = follow.wait(Duration::from_secs(20));
        if stop == "INT" {
            let ran = ran.expect(130);
            assert_eq!(ran.stderr, "", "the usual end of it is no error");
        }
        eventually(Duration::from_secs(20), || if reads(&site) { Err("it still reads") } else { Ok(()) });
    }

    // A reader that goes away ends it with the next line.
    let mut command = site.world.command(SHIPIT);
    command.args(["logs", "-f", "-n", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut follow = command.spawn().expect("shipit");
    let mut first = String::new();
    BufReader::new(follow.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    assert!(first.starts_with("20"), "{first}");
    says(&site, "nobody reads this\n");
    let mut ended = None;
    eventually(Duration::from_secs(30), || {
        ended = follow.try_wait().expect("its state");
        ended.map(|_| ()).ok_or("it goes on")
    });
    assert!(ended.expect("an end").success());

    // A lost connection is an error that says so, and how to go on.
    let follow = follows(&site);
    signal("KILL", &connections(&site.world));
    let ran = follow.wait(Duration::from_secs(30)).expect(9);
    let ran = ran.says(&["was lost", "shipit logs -f --since '20"]);
    assert_eq!(ran.json()["outcome"], "contact-lost");
    eventually(Duration::from_secs(60), || if reads(&site) { Err("it still reads") } else { Ok(()) });

    // So is a journalctl that ends by itself.
    let follow = follows(&site);
    site.server.sh_ok("pkill -KILL -u deploy journalctl");
    follow.wait(Duration::from_secs(30)).expect(3).says(&["journalctl on", "ended with code 137"]);
}

#[test]
fn a_reader_behind_a_cut_cable_is_given_up_on_both_sides() {
    let site = Site::new();
    let follow = follows(&site);
    assert!(reads(&site));
    // Nobody is told.
    site.server.cut();
    eventually(Duration::from_secs(90), || if reads(&site) { Err("it still reads") } else { Ok(()) });
    follow.wait(Duration::from_secs(90)).expect(9).says(&["was lost"]);
    site.server.mend();
}
