//! What a deploy brings in place of what is live: told by a dry run beforehand, and by a deploy afterwards.

use serde_json::Value;

use crate::support::facts::{current, listing};
use crate::support::lab::{Server, Variant};
use crate::support::site::Site;
use crate::support::world::{Ran, World};

/// The events of this type.
fn told(ran: &Ran, kind: &str) -> Vec<Value> {
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines.filter(|line| line["type"] == kind).collect()
}

/// What the server says that the live closure weighs.
fn weight(server: &Server) -> u64 {
    let sizes = server.sh_ok("nix-store -q --size $(nix-store -qR /var/www/server/current/result)");
    sizes.lines().map(|size| size.parse::<u64>().expect("a size")).sum()
}

fn subjects(side: &Value) -> Vec<&str> {
    side["newest"].as_array().expect("commits").iter().filter_map(|named| named["subject"].as_str()).collect()
}

#[test]
fn a_plan_says_what_comes_and_what_goes() {
    let site = Site::empty(Server::boot(Variant::Debian));
    let (world, server) = (&site.world, &site.server);
    site.commit("ok");
    let first = world.shipit(&["deploy", "--dry-run", "--json"]).expect(0);
    assert!(told(&first, "commits").is_empty() && told(&first, "closure").is_empty(), "{}", first.stdout);
    let first = site.world.git(&["rev-parse", "HEAD"]);
    let deployed = world.shipit(&["deploy"]).expect(0);
    assert!(!deployed.stderr.contains("closure "), "of a first deploy: {}", deployed.stderr);

    site.commit("ok");
    world.commit_all("The \u{1b}[2Jnewest");
    let before = listing(server);
    let plan = world.shipit(&["deploy", "--dry-run"]).expect(0);
    for text in [
        ", from \"1\" to \"The newest\"",
        "\n  2 commits come:\n",
        " The newest\n",
        " 2\n",
        "\n  the closure: ",
        "\n    ~ server built anew ",
        "\n    ~ content built anew ",
        "\nwould send 3 of 4 paths, ",
        " unpacked: ",
        "\nwould restart server.service\n",
    ] {
        assert!(plan.stdout.contains(text), "no {text:?} in\n{}", plan.stdout);
    }
    assert!(!plan.stdout.contains("busybox"), "it stays: {}", plan.stdout);
    let plan = world.shipit(&["deploy", "--dry-run", "--json"]).expect(0);
    let [commits] = &told(&plan, "commits")[..] else { panic!("{}", plan.stdout) };
    assert_eq!((&commits["planned"], &commits["relation"]), (&true.into(), &"ahead".into()));
    assert_eq!((&commits["from"], commits["coming"]["count"].as_u64()), (&first.as_str().into(), Some(2)));
    assert_eq!(subjects(&commits["coming"]), ["The \u{1b}[2Jnewest", "2"]);
    let [closure] = &told(&plan, "closure")[..] else { panic!("{}", plan.stdout) };
    assert_eq!(closure["before"].as_u64(), Some(weight(server)));
    let names: Vec<&str> =
        closure["changes"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names.len() == 2 && names.contains(&"server") && names.contains(&"content"), "{closure}");
    assert_eq!(listing(server), before);

    // After a deploy the same in a line each, and in JSON.
    let ran = world.deploy();
    for text in ["\n  commits  2 new: The newest; 2\n", "\n  closure  "] {
        assert!(ran.stderr.contains(text), "no {text:?} in\n{}", ran.stderr);
    }
    let last = world.git(&["rev-parse", "HEAD"]);

    // Back, aside, and to what was never here.
    let relation = |world: &World, words: &[&str]| {
        let ran = world.shipit(&[&["deploy", "--dry-run", "--json"], words].concat()).expect(0);
        let commits = told(&ran, "commits").pop().expect("commits");
        let counts =
            (commits["coming"]["count"].as_u64().unwrap(), commits["leaving"]["count"].as_u64().unwrap());
        (commits["relation"].as_str().unwrap().to_owned(), counts)
    };
    assert_eq!(relation(world, &[&first]), ("behind".to_owned(), (0, 2)));
    let plan = world.shipit(&["deploy", "--dry-run", &first]).expect(0);
    assert!(plan.stdout.contains("goes back in the history\n  2 commits go:\n"), "{}", plan.stdout);
    world.git(&["checkout", "-q", &first]);
    site.commit("ok");
    assert_eq!(relation(world, &[]), ("diverged".to_owned(), (1, 2)));
    let other = World::new(server);
    other.commit("other", "ok");
    assert_eq!(relation(&other, &[]), ("unknown".to_owned(), (0, 0)));
    let plan = other.shipit(&["deploy", "--dry-run"]).expect(0);
    assert!(plan.stdout.contains(&format!("{} is not in this repository", &last[..7])), "{}", plan.stdout);
    assert_eq!(current(server), format!("releases/{last}"));
}

#[test]
fn a_machine_that_has_not_what_is_live_asks_the_server() {
    let site = Site::new();
    let (world, server) = (&site.world, &site.server);
    let live = server.sh_ok("readlink /var/www/server/current/result").trim().to_owned();
    let weight = weight(server);
    // As in CI: another machine built it.
    let deleted = world.command("nix-store").args(["--delete", &live]).output().expect("nix-store");
    assert!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));
    site.commit("ok");
    let plan = world.shipit(&["deploy", "--dry-run", "--json"]).expect(0);
    assert_eq!(told(&plan, "closure")[0]["before"].as_u64(), Some(weight));
    let ran = world.shipit(&["deploy", "--json"]).expect(0);
    let [closure] = &told(&ran, "closure")[..] else { panic!("{}", ran.stdout) };
    assert_eq!((closure["before"].as_u64(), &closure["planned"]), (Some(weight), &false.into()));
    // What is told of the end stands between the verdict and the result.
    let kinds: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone()).collect();
    let place = |kind: &str| kinds.iter().position(|it| it == kind);
    assert!(place("kept") < place("closure") && place("closure") < place("result"), "{kinds:?}");
}
