//! `shipit init`: what it finds, what it leaves alone, and that what it writes is what a deploy takes.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::seed;
use crate::support::watched::serves;
use crate::support::world::{SHIPIT, World};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The value of a key, where it comes from, and whether it is a guess.
fn value(answer: &Value, key: &str) -> Option<(Value, String, bool)> {
    let values = answer["values"].as_array().expect("values");
    let value = values.iter().find(|value| value["key"] == key)?;
    let from = value["from"].as_str().expect("from").to_owned();
    Some((value["value"].clone(), from, value["guess"].as_bool().expect("guess")))
}

fn text(answer: &Value, key: &str) -> String {
    value(answer, key).and_then(|(value, ..)| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The post's folder and its server: nothing but the host has to be said, and the next command deploys.
#[test]
fn the_post_s_folder_is_ready_for_a_deploy() {
    let (server, world, _) = seed::seed(&["1"]);
    fs::remove_file(world.app().join("shipit.toml")).unwrap();
    world.write("ops/server.service", seed::UNIT);
    let second = world.commit("2", "ok");
    let host = format!("deploy@{}", server.address);
    let ran = world.shipit(&["init", "--host", &host]).expect(0);
    let file = world.app().join("shipit.toml");
    let written = fs::read_to_string(&file).unwrap();
    for line in [
        r#"app     = "server""#,
        &format!("host    = \"{host}\""),
        r#"package = "default""#,
        r#"root    = "/var/www/server""#,
        r#"unit    = "server.service""#,
        r#"assets  = ["views"]"#,
        r#"http = "http://127.0.0.1:3001/""#,
        "SERVER_PORT in ops/server.service",
        "deploy.sh copies it",
    ] {
        assert!(written.contains(line), "no {line} in\n{written}");
    }
    let wrote: Vec<&str> =
        ran.stdout.lines().filter_map(|line| line.strip_prefix("wrote:")).map(str::trim).collect();
    assert!(wrote[0] == "shipit.toml" && wrote[1].ends_with("/.config/shipit/signing.key"), "{wrote:?}");
    ran.says(&["next: shipit setup --as root", "shipit doctor", "then: commit all this, and shipit deploy"]);

    // This server is reached with an ssh_config of its own; all else is as it was written.
    let ssh = "\n[ssh]\nconfig = \"../ssh_config\"\n";
    fs::write(&file, written + ssh).unwrap();
    world.shipit(&["deploy", "--dry-run"]).expect(0);
    serves(&server, "1", SECOND);
    world.deploy().says(&[&second[..7]]);
    serves(&server, "2", SECOND);
}

#[test]
fn a_host_that_is_not_known_is_asked_for_or_said() {
    let world = World::alone();
    world.commit("1", "ok");
    world
        .shipit(&["init"])
        .expect(2)
        .says(&["can't be found out", "shipit init --host deploy@server.example"]);
    let ran = world.shipit(&["init", "--json"]).expect(2);
    assert_eq!(ran.json()["outcome"], "usage");
    world.shipit(&["init", "--host", "-oProxyCommand=x"]).expect(2);
    assert!(!world.app().join("shipit.toml").exists());

    // At a terminal; what can be no host is asked for again.
    let typed = |lines: &str| {
        let mut terminal = world.command("script");
        terminal
            .args(["-qec", &format!("{SHIPIT} init"), "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = terminal.spawn().expect("script");
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = typed("a:22\ndeploy@one.example\n");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Which server") && said.contains("ssh://user@host:port"), "{said}");
    let written = fs::read_to_string(world.app().join("shipit.toml")).unwrap();
    assert!(written.contains("host    = \"deploy@one.example\""), "{written}");

    // One that a script logs in to is known.
    fs::remove_file(world.app().join("shipit.toml")).unwrap();
    world.write("deploy.sh", "ssh -p 2222 deploy@two.example sudo systemctl restart guests\n");
    let answer = world.shipit(&["init", "--json"]).expect(0).json();
    assert_eq!(text(&answer, "host"), "ssh://deploy@two.example:2222");
    assert_eq!(text(&answer, "unit"), "guests.service");
}

#[test]
fn nothing_that_is_there_is_written_over() {
    let world = World::alone();
    world.commit("1", "ok");
    world.write("shipit.toml", "mine");
    let words = ["init", "--host", "a@b"];
    world
        .shipit(&words)
        .expect(2)
        .says(&["app/shipit.toml is there already", "mv shipit.toml shipit.toml.old"]);
    assert_eq!(fs::read_to_string(world.app().join("shipit.toml")).unwrap(), "mine");
    // A word about a file that is not written is not passed over.
    world.shipit(&["init", "--unit", "--port", "1"]).expect(2).says(&["is there already"]);
    fs::remove_file(world.app().join("shipit.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", world.app().join("shipit.toml")).unwrap();
    world.shipit(&words).expect(2).says(&["is there already"]);
    fs::remove_file(world.app().join("shipit.toml")).unwrap();

    world.write("server.service", "mine");
    let refused = world.shipit(&[&words[..], &["--unit"]].concat()).expect(2);
    refused.says(&["app/server.service is there already", "mv server.service server.service.old"]);
    assert!(!world.app().join("shipit.toml").exists(), "half of it was written");
    fs::remove_file(world.app().join("server.service")).unwrap();
    world.shipit(&["-e", "staging", "init", "--host", "a@b"]).expect(2).says(&["[environments.staging]"]);
}

#[test]
fn a_unit_is_written_with_the_file_or_after_it() {
    let world = World::alone();
    world.commit("1", "ok");
    world.shipit(&["init", "--host", "a@b", "--port", "4001", "--unit"]).expect(0);
    let file = world.app().join("server.service");
    let unit = fs::read_to_string(&file).unwrap();
    for line in [
        "User=server\n",
        "ExecStart=/var/www/server/current/result/bin/server\n",
        "\nEnvironment=PORT=4001\n",
        "ProtectSystem=strict\n",
    ] {
        assert!(unit.contains(line), "{unit}");
    }
    world.shipit(&["init", "--unit"]).expect(2).says(&["not written over"]);
    fs::remove_file(&file).unwrap();
    let answer = world.shipit(&["init", "--unit", "--json"]).expect(0).json();
    assert_eq!(answer["wrote"], serde_json::json!(["server.service"]));
    assert_eq!(fs::read_to_string(&file).unwrap(), unit);
    // systemd takes it, apart from the program, which is not on this machine.
    let mut verify = world.command("systemd-analyze");
    let output = verify.args(["verify", "--man=no"]).arg(&file).output().expect("systemd-analyze");
    let said = String::from_utf8_lossy(&output.stderr);
    let odd: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("server.service") && !line.contains("not executable"))
        .collect();
    assert!(odd.is_empty(), "{said}");
}

#[test]
fn a_flake_that_nix_can_not_read_is_no_obstacle() {
    let world = World::alone();
    let init = |says: &[&str]| {
        let ran = world.shipit(&["init", "--host", "a@b", "--json"]).expect(0).says(says);
        fs::remove_file(world.app().join("shipit.toml")).unwrap();
        ran.json()
    };
    // Not tracked: Nix would not see it.
    let answer = init(&["git does not track flake.nix", "git add flake.nix"]);
    assert_eq!(answer["notes"][0]["hint"], "`git add flake.nix`");
    assert!(value(&answer, "package").unwrap().2, "a guess");
    world.commit("1", "ok");
    let (package, from, guess) = value(&init(&[]), "package").unwrap();
    assert_eq!((package.as_str(), guess), (Some("default"), false));
    assert!(from.contains("busybox, content, default, server"), "{from}");

    let good = fs::read_to_string(world.app().join("flake.nix")).unwrap();
    world.write("flake.nix", "{ outputs = _: throw \"my own words\"; }");
    let answer = init(&["my own words"]);
    assert_eq!(text(&answer, "package"), "default");
    let input = format!("inputs.x = {{ url = \"path:{}\"; flake = false; }}", world.file("home").display());
    world.write("flake.nix", &format!("{{ {input}; outputs = {{ x, ... }}: {{}}; }}"));
    init(&["nix flake lock"]);
    assert!(!world.app().join("flake.lock").exists());
    world.write("flake.nix", &good);
    // No Nix at all.
    let mut without = world.command(SHIPIT);
    let bin = world.file("bin");
    fs::create_dir(&bin).unwrap();
    let git = world.command("sh").args(["-c", "command -v git"]).output().unwrap().stdout;
    std::os::unix::fs::symlink(String::from_utf8_lossy(&git).trim(), bin.join("git")).unwrap();
    let output = without.env("PATH", &bin).args(["init", "--host", "a@b"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Nix is not installed here"));
}

#[test]
fn in_a_larger_repository_the_app_s_own_folder_counts() {
    let world = World::alone();
    for name in ["web", "api"] {
        world.git(&["init", "-q", "-b", "main"]);
        let from = crate::support::world::tests().join("tiny");
        let to = world.app().join("apps").join(name);
        fs::create_dir_all(&to).unwrap();
        crate::support::world::copy(&from, &to);
    }
    fs::remove_file(world.app().join("flake.nix")).unwrap();
    world.write("apps/api/deploy.sh", "ssh a@api.example systemctl restart api\n");
    world.write(".github/workflows/web.yml", "run: ssh a@web.example 'cd apps/web; systemctl restart web'\n");
    world.commit_all("one");
    world.shipit(&["init"]).expect(2).says(&[
        "no flake.nix",
        "shipit -C apps/api init",
        "shipit -C apps/web init",
    ]);
    world.shipit(&["-C", "apps", "init"]).expect(2).says(&["shipit -C apps/web init"]);
    for name in ["web", "api"] {
        let answer = world.shipit(&["-C", &format!("apps/{name}"), "init", "--json"]).expect(0).json();
        assert_eq!(text(&answer, "host"), format!("a@{name}.example"));
        assert_eq!(text(&answer, "app"), name);
        assert_eq!(answer["next"][2], format!("shipit -C apps/{name} deploy"));
        assert!(world.app().join(format!("apps/{name}/shipit.toml")).is_file());
    }
    world.shipit(&["init", "--package", "x"]).expect(2);
    let ran =
        world.shipit(&["-C", "apps/web", "-c", "other.toml", "init", "--host", "a@b", "--package", "sever"]);
    ran.expect(2).says(&["no package `sever`", "--package server"]);
}
