//! What shipit says to programs, and what a dry run says and leaves alone.

use serde_json::Value;

use crate::support::facts::{ROOT, current, invocation, journal, listing};
use crate::support::lab::{Server, Variant};
use crate::support::world::{Ran, World};

/// The lines of a deploy or rollback: each an object with a type, the last and only the last the result, whose exit code
/// is the process's own.
#[track_caller]
fn events(ran: &Ran) -> Vec<Value> {
    let read = |line: &str| -> Value {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}\n{}", ran.stderr))
    };
    let lines: Vec<Value> = ran.stdout.lines().map(read).collect();
    for (place, line) in lines.iter().enumerate() {
        let kind = line["type"].as_str().unwrap_or_else(|| panic!("no type in {line}"));
        assert_eq!(kind == "result", place + 1 == lines.len(), "{line} is line {place} of {}", lines.len());
    }
    let result = lines.last().unwrap_or_else(|| panic!("no line at all\n{}", ran.stderr));
    assert_eq!(result["exit"].as_i64(), Some(ran.code.into()), "{result}");
    assert_eq!(result["version"], 1);
    lines
}

/// The types in order, without those whose number depends on the machine's mood.
fn types(lines: &[Value]) -> String {
    let kinds = lines.iter().filter_map(|line| line["type"].as_str());
    let moody = [
        "building-derivation",
        "build-phase",
        "build-log",
        "derivation-ended",
        "copying-path",
        "copy-progress",
        "answered",
        "waiting",
        "fetching",
        "fetched",
    ];
    let mut kinds: Vec<&str> = kinds.filter(|kind| !moody.contains(kind)).collect();
    // Building and connecting go on side by side.
    let until = kinds.iter().position(|kind| *kind == "missing").unwrap_or(kinds.len());
    kinds[..until].sort_unstable();
    kinds.join(" ")
}

#[test]
fn programs_get_an_object_a_line_and_the_result_last() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    let json = |words: &[&str], code: i32| {
        let ran = world.shipit(&[words, &["--json"]].concat()).expect(code);
        (events(&ran), ran)
    };
    let first = world.commit("1", "ok");
    let (lines, _) = json(&["deploy"], 0);
    assert_eq!(
        types(&lines),
        "building built connected connecting source missing copied placed switched started kept result"
    );
    let result = lines.last().unwrap();
    assert_eq!(result["outcome"], "live");
    assert_eq!((&result["release"], &result["deploy"]), (&first.as_str().into(), &1.into()));
    assert_eq!(result["previous"], Value::Null);
    assert_eq!(result["host"], format!("deploy@{}", server.address));
    let path = server.sh_ok(&format!("readlink {ROOT}/current/result"));
    assert_eq!(result["store_path"], path.trim());
    assert!(result["checked"].as_str().is_some_and(|text| text.contains("200")), "{result}");
    let start = invocation(&server, "server.service");
    let started = lines.iter().find(|line| line["type"] == "started").unwrap();
    assert_eq!(started["invocation"], start.as_str());

    let (lines, _) = json(&["deploy"], 0);
    assert_eq!(types(&lines[lines.len() - 2..]), "already-live result");
    assert_eq!(
        (&lines.last().unwrap()["outcome"], invocation(&server, "server.service")),
        (&"already-live".into(), start)
    );

    let bad = world.commit("2", "crash");
    let (lines, ran) = json(&["deploy"], 7);
    assert!(types(&lines).ends_with("switched started going-back result"), "{}", types(&lines));
    let result = lines.last().unwrap();
    assert_eq!(result["outcome"], "not-live");
    let log = result["detail"]["lines"].to_string();
    assert!(log.contains("boom: refused to start"), "{result}");
    assert!(result["live"].as_str().is_some_and(|live| live.contains(&first[..7])), "{result}");
    assert!(result["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "{result}");
    // The words are on stderr as well.
    ran.says(&["did not go live"]);

    let third = world.commit("3", "ok");
    json(&["deploy"], 0);
    let (lines, _) = json(&["rollback"], 0);
    let result = lines.last().unwrap();
    assert_eq!((&result["release"], &result["previous"]), (&first.as_str().into(), &third.as_str().into()));
    assert_eq!(result["deploy"], 4);

    // Failures of each kind that needs no server to misbehave.
    let (lines, _) = json(&["deploy", "nope"], 2);
    assert_eq!(lines.last().unwrap()["outcome"], "usage");
    let (lines, _) = json(&["rollback", "v99"], 2);
    assert!(lines.last().unwrap()["error"].as_str().is_some_and(|error| error.contains("v99")));
    world.commit("4", "fail-build");
    let (lines, _) = json(&["deploy"], 4);
    assert!(lines.last().unwrap()["detail"]["lines"].to_string().contains("boom: part 30"));

    agree(
        &server,
        &world,
        &[(4, &first, "live"), (3, &third, "kept"), (2, &bad, "reverted"), (1, &first, "kept")],
    );

    world.edit(&server.address, "192.0.2.1");
    world.ssh_config("Host *\n  ConnectTimeout 1\n");
    let (lines, _) = json(&["rollback"], 3);
    assert_eq!(lines.last().unwrap()["outcome"], "not-ready");
    for command in ["releases", "status"] {
        let ran = world.shipit(&[command, "--json"]).expect(3);
        let object: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((&object["exit"], &object["version"]), (&3.into(), &1.into()), "{object}");
    }
}

/// `releases` and `status` say the same as the server's files and systemd, in JSON and in words.
fn agree(server: &Server, world: &World, deploys: &[(u64, &str, &str)]) {
    let ask = |command: &str| -> Value {
        let ran = world.shipit(&[command, "--json"]).expect(0);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
    };
    let live = deploys.iter().find(|(_, _, status)| *status == "live").unwrap();
    assert_eq!(current(server), format!("releases/{}", live.1));
    let path = server.sh_ok(&format!("readlink {ROOT}/current/result"));

    let releases = ask("releases");
    assert_eq!((&releases["version"], &releases["environment"]), (&1.into(), &"production".into()));
    assert_eq!(releases["current"], live.1);
    let told: Vec<(u64, &str, &str)> = releases["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or("?");
            (line["deploy"].as_u64().unwrap_or(0), text("release"), text("status"))
        })
        .collect();
    assert_eq!(told, deploys);
    for line in releases["releases"].as_array().unwrap() {
        let there =
            server.sh(&format!("test -d {ROOT}/releases/{}", line["release"].as_str().unwrap())).success();
        assert_eq!(line["there"], there, "{line}");
        let number = &line["deploy"];
        let end = journal(server).into_iter().rfind(|entry| entry["deploy"] == *number).unwrap();
        for key in ["time", "who", "subject", "store_path", "reason"] {
            assert_eq!(line[key], end[key], "{key} of {number}");
        }
    }

    let status = ask("status");
    assert_eq!(status["current"]["state"], "release");
    assert_eq!(
        (&status["current"]["release"], &status["current"]["deploy"]),
        (&live.1.into(), &live.0.into())
    );
    assert_eq!(status["current"]["store_path"], path.trim());
    let unit = &status["unit"];
    assert_eq!(
        (&unit["active"], &unit["sub"], &unit["runs"]),
        (&"active".into(), &"running".into(), &"checked".into())
    );
    assert_eq!(unit["invocation"], invocation(server, "server.service").as_str());
    assert_eq!((&status["running"], &status["unfinished"]), (&Value::Null, &Value::Null));
    assert_eq!(status["last"]["deploy"], deploys[0].0);
    server.sh_ok("systemctl restart server.service");
    assert_eq!(ask("status")["unit"]["runs"], "restarted");
    server.sh_ok("systemctl stop server.service");
    let stopped = ask("status");
    assert_eq!(
        (&stopped["unit"]["runs"], &stopped["unit"]["active"]),
        (&"stopped".into(), &"inactive".into())
    );
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    let first = world.commit("1", "ok");
    // With nothing to run it is started over and over.
    server.sh_ok("systemctl stop server.service");
    let before = listing(&server);
    let ran = world.shipit(&["deploy", "--dry-run"]).expect(0);
    for step in
        ["nothing →", &first[..7], "put views beside result", "restart server.service", "127.0.0.1:3001"]
    {
        assert!(ran.stdout.contains(step), "no {step:?} in\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("hook"), "{}", ran.stdout);
    assert_eq!(listing(&server), before);

    world.deploy();
    world.edit("[health]", "[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\n\n[health]");
    world.edit("app = ", "keep = 1\napp = ");
    let second = world.commit("2", "ok");
    world.deploy();
    let third = world.commit("3", "ok");
    let before = listing(&server);
    let ran = world.shipit(&["deploy", "--dry-run"]).expect(0);
    let steps = [
        &format!("{} → {}", &second[..7], &third[..7]),
        "migrate",
        "as app",
        &format!("remove {}", &first[..7]),
    ];
    for step in steps {
        assert!(ran.stdout.contains(step), "no {step:?} in\n{}", ran.stdout);
    }
    let ran = world.shipit(&["deploy", "--dry-run", "--json"]).expect(0);
    let lines = events(&ran);
    assert_eq!(lines.last().unwrap()["outcome"], "planned");
    assert!(lines.iter().filter(|line| line["type"] == "plan").count() >= 4, "{}", ran.stdout);
    assert!(
        lines.iter().any(|line| line["type"] == "missing" && line["paths"].as_u64() > Some(0)),
        "{}",
        ran.stdout
    );
    assert!(!lines.iter().any(|line| line["type"] == "copied"), "{}", ran.stdout);
    assert_eq!(listing(&server), before);

    // What a deploy would refuse, a dry run refuses too.
    server.sh_ok("sed -i '/(app)/d' /etc/sudoers.d/shipit");
    world.shipit(&["deploy", "--dry-run"]).expect(3).says(&["may not run the hook as app"]);
    assert_eq!(listing(&server), before);
}
