//! What a deploy leaves on the server, what it leaves alone, and how often it logs in.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::support::facts::{ROOT, current, events, invocation, journal, listing, page};
use crate::support::lab::{Server, Variant};
use crate::support::site::Site;
use crate::support::world::{SHIPIT, World, run};

#[test]
fn a_deploy_leaves_releases_roots_and_a_journal() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.write("views/deep/ü file.txt", "two words\n");
    world.write("views/run.sh", "#!/bin/sh\n");
    world.git(&["add", "-A"]);
    world.git(&["update-index", "--chmod=+x", "views/run.sh"]);
    world.git(&["commit", "-q", "-m", "one"]);
    world.git(&["reset", "-q", "--hard"]);
    let first = world.commit("1", "ok");
    world.write("views/untracked.html", "not committed");
    world.deploy().says(&["views/untracked.html"]);

    // The links, as text: relative, by the whole hash, into the store.
    assert_eq!(current(&server), format!("releases/{first}"));
    let release = format!("{ROOT}/releases/{first}");
    let path = server.sh_ok(&format!("readlink {release}/result")).trim().to_owned();
    assert!(path.starts_with("/nix/store/") && path.ends_with("-server"), "{path}");
    let roots = server.sh_ok("nix-store --gc --print-roots");
    assert!(roots.contains(&format!("{release}/result -> {path}")), "{roots}");
    server.sh_ok("nix-store --gc --quiet 2>/dev/null");
    assert!(page(&server).contains("version: 1"), "a collection took what is live");

    // The assets are the commit's, and the app can read them.
    let here = world.git(&["-c", "core.quotePath=off", "ls-tree", "-r", "--name-only", "HEAD", "views"]);
    let there = server.sh_as("app", &format!("cd {release} && find views -type f | LC_ALL=C sort"));
    assert_eq!(lines(&there.stdout), lines(&here));
    let read = server.sh_as("app", &format!("cd {release}/views && cat index.html 'deep/ü file.txt'"));
    assert_eq!(read.stdout, "<h1>1</h1>\ntwo words\n", "{read}");
    server.sh_ok(&format!("test -x {release}/views/run.sh && test ! -x {release}/views/index.html"));
    assert!(page(&server).contains("view: <h1>1</h1>"));

    // shipit's own folder is the deploy user's alone, and nothing half-done is left in it.
    assert_eq!(server.sh_ok(&format!("stat -c '%a %U' {ROOT}/.shipit")), "700 deploy\n");
    let left = server.sh_ok(&format!("ls -A {ROOT}/.shipit"));
    let known = ["back", "holder", "hook.code", "hook.log", "journal.jsonl", "lock", "next"];
    assert!(left.lines().all(|name| known.contains(&name)), "{left}");
    assert_eq!(server.sh_ok(&format!("ls -A {ROOT}")), ".shipit\ncurrent\ndata\nreleases\n");

    let lines_of_first = journal(&server);
    assert_eq!(events(&lines_of_first), "started live kept");
    one_deploy(&lines_of_first, 1, &first, "1", &path);
    assert_eq!(lines_of_first[0]["previous"], "");
    assert_eq!(lines_of_first[2]["invocation"], invocation(&server, "server.service").as_str());

    // The second goes the same way, out of a CI run this time.
    world.git(&["clean", "-fdq", "views"]);
    let second = world.commit("2 \"quoted\" \\ ü } \u{202e}$(touch x)", "ok");
    let mut in_ci = world.command(SHIPIT);
    in_ci.envs([
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "bob"),
        ("GITHUB_SERVER_URL", "https://git.example"),
        ("GITHUB_REPOSITORY", "anna/server"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_TOKEN", "a-secret-of-the-run"),
    ]);
    run(in_ci, &["deploy"]).wait().expect(0);
    let all = journal(&server);
    let path = server.sh_ok(&format!("readlink {ROOT}/current/result")).trim().to_owned();
    one_deploy(&all[3..], 2, &second, &world.git(&["log", "-1", "--format=%s"]), &path);
    assert_eq!(all[3]["previous"], first.as_str());
    assert_ne!(all[3]["token"], all[0]["token"]);
    assert_eq!(all[5]["who"], "bob");
    assert_eq!(all[5]["from"], "https://git.example/anna/server/actions/runs/42");

    // What the journal has no business to know.
    let text = server.sh_ok(&format!("cat {ROOT}/.shipit/journal.jsonl {ROOT}/.shipit/holder"));
    let key = server.key.display().to_string();
    for private in [world.file("").to_str().unwrap(), &key, "a-secret-of-the-run", "anna@example.org"] {
        assert!(!text.contains(private), "{private} is in the journal:\n{text}");
    }
}

/// The three lines of a deploy that was kept: the same story in each of them, and nothing beside it.
#[track_caller]
fn one_deploy(lines: &[Value], number: u64, release: &str, subject: &str, path: &str) {
    assert_eq!(events(lines), "started live kept");
    let same = "v deploy token command release store_path who subject tool";
    let own: BTreeSet<&str> =
        "time event from previous invocation outcome assets".split(' ').chain(same.split(' ')).collect();
    for line in lines {
        let object = line.as_object().expect("an object");
        let odd: Vec<&String> = object.keys().filter(|key| !own.contains(key.as_str())).collect();
        assert!(odd.is_empty(), "{odd:?} in {line}");
        for key in same.split(' ') {
            assert_eq!(line[key], lines[0][key], "{key}");
        }
        let time = line["time"].as_str().unwrap_or_default();
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    }
    let line = &lines[0];
    assert_eq!((line["v"].as_u64(), line["deploy"].as_u64()), (Some(1), Some(number)));
    assert_eq!((line["release"].as_str(), line["subject"].as_str()), (Some(release), Some(subject)));
    assert_eq!((line["command"].as_str(), line["store_path"].as_str()), (Some("deploy"), Some(path)));
    assert!(line["tool"].as_str().is_some_and(|tool| tool.starts_with("shipit ")), "{line}");
    assert!(line["token"].as_str().is_some_and(|token| token.len() >= 16), "{line}");
}

fn lines(text: &str) -> BTreeSet<&str> {
    text.lines().collect()
}

#[test]
fn what_is_live_already_is_left_alone_until_it_stops() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    let id = world.commit("1", "ok");
    world.deploy();
    let before = listing(&server);
    let again = world.deploy();
    assert!(again.stdout.contains(&id[..7]) && again.stdout.contains("already"), "{}", again.stdout);
    assert_eq!(listing(&server), before);
    let back = world.shipit(&["rollback", &id[..7]]).expect(0);
    assert!(back.stdout.contains(&id[..7]) && back.stdout.contains("already"), "{}", back.stdout);
    assert_eq!(listing(&server), before);

    // A unit that somebody stopped is another matter.
    server.sh_ok("systemctl stop server.service");
    world.deploy();
    assert!(page(&server).contains("version: 1"));
    let lines = journal(&server);
    assert_eq!(events(&lines), "started live kept started live kept");
    assert_eq!((lines[5]["deploy"].as_u64(), &lines[5]["release"]), (Some(2), &lines[2]["release"]));
    assert_eq!(current(&server), format!("releases/{id}"));

    // So is one whose closure is not there any more.
    let path = server.sh_ok(&format!("readlink {ROOT}/current/result")).trim().to_owned();
    server.sh_ok(&format!(
        "systemctl stop server.service; rm {ROOT}/current/result && nix-store --delete {path}"
    ));
    world.deploy();
    assert!(page(&server).contains("version: 1"));
}

/// The connection is made while the build goes on, and an ssh master that nobody uses ends itself.
#[test]
fn a_build_may_last_longer_than_an_idle_connection() {
    let site = Site::empty(Server::boot(Variant::Debian));
    let commit = site.commit("slow-build 40");
    let ran = site.world.deploy();
    assert!(ran.took > Duration::from_secs(40), "{:?}", ran.took);
    site.is_live(&commit);
}

#[test]
fn one_deploy_is_one_login() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.edit("[health]", "[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\n\n[health]");
    let logins = || -> usize {
        let count = "journalctl --sync; journalctl -q -o cat --no-pager -g 'Accepted publickey' | wc -l";
        server.sh_ok(count).trim().parse().unwrap()
    };
    let mut before = logins();
    let mut one_login = |what: &str| {
        let now = logins();
        assert_eq!(now - before, 1, "{what} logged in {} times", now - before);
        before = now;
    };
    let first = world.commit("1", "ok");
    let ran = world.shipit(&["deploy", "--json"]).expect(0);
    assert!(ran.stdout.contains(r#"{"type":"copied","paths":"#), "it copied:\n{}", ran.stdout);
    assert_eq!(server.sh_ok(&format!("wc -l <{ROOT}/data/migrated")), "1\n");
    one_login("a deploy");
    world.commit("2", "crash");
    world.shipit(&["deploy"]).expect(7).says(&["boom: refused to start"]);
    one_login("a deploy that fails");
    world.commit("3", "ok");
    world.deploy();
    one_login("the next deploy");
    world.shipit(&["rollback", &first]).expect(0);
    one_login("a rollback");
    world.shipit(&["status"]).expect(0);
    one_login("status");
}
