//! `shipit init --github`: where the workflow lies, what it knows of the app, and that what it tells one to type is right.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::lab::{Server, Variant};
use crate::support::world::{SHIPIT, World};

const ACTION: &str = "anna/shipit@0123456789abcdef0123456789abcdef01234567";
const INIT: [&str; 5] = ["init", "--github", "--action", ACTION, "--json"];

fn read(world: &World, file: &str) -> String {
    fs::read_to_string(world.app().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The commands of an answer that begin so.
fn next(answer: &Value, start: &str) -> Vec<String> {
    let next = answer["next"].as_array().expect("next").iter().filter_map(Value::as_str);
    next.filter(|command| command.starts_with(start)).map(str::to_owned).collect()
}

#[test]
fn a_workflow_is_written_with_the_file_or_after_it() {
    let world = World::alone();
    world.commit("1", "ok");
    let first = world.shipit(&[&INIT[..], &["--host", "a@b", "--no-sign"]].concat()).expect(0).json();
    let answer = &first;
    assert_eq!(answer["wrote"], json!(["shipit.toml", ".github/workflows/deploy.yml"]));
    let text = read(&world, ".github/workflows/deploy.yml");
    for line in
        [&format!("uses: {ACTION}\n"), "branches: [main]\n", "host-key: ${{ vars.SHIPIT_HOST_KEY }}\n"]
    {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("SIGNING"), "{text}");
    assert_eq!(next(answer, "gh secret set SHIPIT_SIGNING_KEY"), [""; 0]);
    assert_eq!(next(answer, "gh variable set SHIPIT_HOST_KEY").len(), 1);

    // With a key that signs, one job builds and another one deploys; shipit.toml tells the second whom to believe.
    fs::rename(world.app().join(".github"), world.file("github")).unwrap();
    fs::rename(world.app().join("shipit.toml"), world.file("shipit.toml")).unwrap();
    let answer = world.shipit(&[&INIT[..], &["--host", "a@b"]].concat()).expect(0).json();
    let public = fs::read_to_string(world.file("home/.config/shipit/signing.pub")).unwrap();
    assert!(read(&world, "shipit.toml").contains(&format!("public_key = \"{}\"", public.trim())), "{answer}");
    assert!(read(&world, ".github/workflows/deploy.yml").contains("    needs: build\n"));
    let from = format!(" < {}", world.file("home/.config/shipit/signing.key").display());
    assert!(next(&answer, "gh secret set SHIPIT_SIGNING_KEY --env production-signing")[0].ends_with(&from));
    assert!(!answer["notes"].to_string().contains("public_key"), "{answer}");
    fs::remove_dir_all(world.app().join(".github")).unwrap();
    fs::rename(world.file("github"), world.app().join(".github")).unwrap();
    fs::rename(world.file("shipit.toml"), world.app().join("shipit.toml")).unwrap();

    // What is there stays. Where it is what would be written, what GitHub needs is said once more.
    let again = world.shipit(&INIT).expect(0).json();
    assert_eq!(
        (&again["wrote"], &again["unchanged"], &again["next"]),
        (&json!([]), &json!([".github/workflows/deploy.yml"]), &first["next"])
    );
    let ran = world.shipit(&INIT[..4]).expect(0).says(&["gh secret set SHIPIT_SSH_KEY"]);
    assert!(ran.stdout.contains("unchanged:  .github/workflows/deploy.yml"), "{}", ran.stdout);

    // Whoever filled in another shipit by hand is told the same without naming it; who names one, what to edit.
    let filled = text.replace(ACTION, "me/shipit@v1 # mine");
    world.write(".github/workflows/deploy.yml", &filled);
    let again = world.shipit(&["init", "--github", "--json"]).expect(0).json();
    assert_eq!((&again["wrote"], &again["next"]), (&json!([]), &first["next"]));
    assert!(!again["notes"].to_string().contains("can't run yet"), "{again}");
    world.shipit(&INIT[..4]).expect(2).says(&[
        "nothing but which shipit it names differs: uses: me/shipit@v1 # mine",
        &format!("make it `uses: {ACTION}`"),
        "rm .github/workflows/deploy.yml",
        "gh secret set SHIPIT_SSH_KEY",
    ]);
    assert_eq!(read(&world, ".github/workflows/deploy.yml"), filled);
    let mine = format!("{text}# mine\n");
    world.write(".github/workflows/deploy.yml", &mine);
    let says = ["deploy.yml is there already, and is not written over", "gh secret set SHIPIT_SSH_KEY"];
    world.shipit(&INIT).expect(2).says(&[&says[..], &["- # mine"]].concat());
    // Nothing else is written either, and no key is made.
    fs::rename(world.app().join("shipit.toml"), world.file("shipit.toml")).unwrap();
    fs::remove_dir_all(world.file("home/.config/shipit")).unwrap();
    world.shipit(&[&INIT[..], &["--host", "a@b"]].concat()).expect(2).says(&says);
    assert!(!world.app().join("shipit.toml").exists(), "half of it was written");
    assert!(!world.file("home/.config/shipit").exists(), "a key was made for nothing");
    assert_eq!(read(&world, ".github/workflows/deploy.yml"), mine);
    fs::rename(world.file("shipit.toml"), world.app().join("shipit.toml")).unwrap();

    fs::remove_dir_all(world.app().join(".github")).unwrap();
    let answer = world.shipit(&[&INIT[..], &["--unit"]].concat()).expect(0).json();
    assert_eq!(answer["wrote"], json!(["server.service", ".github/workflows/deploy.yml"]));
    assert_eq!(read(&world, ".github/workflows/deploy.yml"), text);
}

/// The second app of a repository, in an environment of its own, with a key that it signs with.
#[test]
fn each_app_and_environment_has_a_workflow_of_its_own() {
    let world = World::alone();
    world.write("apps/web/flake.nix", "{}");
    let key = "[sign]\nkey_file = \"~/keys/for web\"\n[ssh]\nhost_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2dW0rSzjv3hvzJ7Tj2CQ4iMaoYtFMUIk7j4sVOnPl1\"\n";
    world.write("apps/web/web.service", "[Service]\nExecStart=/var/www/web/current/result/bin/web\n");
    let url = "url = \"https://web.example\"\n";
    let file = format!("app = \"web\"\nhost = \"a@b\"\n{url}{key}[environments.staging]\nhost = \"a@c\"\n");
    world.write("apps/web/shipit.toml", &file);
    world.commit_all("one");
    world.git(&["remote", "add", "origin", "https://git.example/anna/apps"]);
    world.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    let words = [&["-C", "apps/web", "-e", "staging"], &INIT[..]].concat();
    let answer = world
        .shipit(&words)
        .expect(0)
        .says(&[
            "whose signature to believe",
            "public_key = ",
            "no remote of this repository is on GitHub (git.example/anna/apps)",
            "export GH_REPO=OWNER/REPO",
        ])
        .json();
    let file = ".github/workflows/deploy-web-staging.yml";
    assert!(answer["wrote"][0].as_str().is_some_and(|name| name.ends_with(file)), "{answer}");
    let text = read(&world, file);
    for line in [
        "branches: [trunk]\n",
        "environment: staging\n",
        "working-directory: apps/web\n",
        "name: web-staging\n",
        "group: deploy-web-staging\n",
    ] {
        assert!(text.contains(line), "no {line}in\n{text}");
    }
    assert!(!text.contains("host-key:"), "{text}");
    // There is no key yet: what makes one is said, and afterwards what hands it on.
    assert_eq!(next(&answer, "gh secret set SHIPIT_SIGNING_KEY"), [""; 0]);
    let notes = answer["notes"].to_string();
    let make = notes.split('`').find(|text| text.starts_with("mkdir")).expect(&notes);
    assert!(world.command("sh").args(["-c", make]).status().unwrap().success(), "{make}");
    let home = world.file("home");
    let from = format!("'{}/keys/for web'", home.display());
    let set = format!("gh secret set SHIPIT_SIGNING_KEY --env web-staging-signing < {from}");
    world.git(&["remote", "set-url", "origin", "git@github.com:anna/apps.git"]);
    let answer = world.shipit(&words).expect(0).json();
    assert_eq!(next(&answer, "gh secret set SHIPIT_SIGNING_KEY"), [set]);
    let public = fs::read_to_string(home.join("keys/for web.pub")).unwrap();
    assert_eq!(answer["notes"].as_array().map(Vec::len), Some(1), "{answer}");
    assert!(answer["notes"][0]["hint"].as_str().is_some_and(|hint| hint.contains(public.trim())), "{answer}");
    assert_eq!(next(&answer, "gh variable"), [""; 0]);
    let let_in = "shipit -C apps/web -e staging setup --as root --key ~/.ssh/web-staging-github.pub";
    assert_eq!(next(&answer, "shipit -C apps/web -e staging setup").last().map(String::as_str), Some(let_in));

    // The same pushes go to production as well, and that is said.
    world
        .shipit(&[&["-C", "apps/web"], &INIT[..]].concat())
        .expect(0)
        .says(&["a push to trunk deploys by deploy-web-staging.yml, too", "a required reviewer"]);

    // The step that puts the key there, run as a runner would: the key has the place where shipit looks for it.
    let script: String = text
        .lines()
        .skip_while(|line| line.trim() != "run: |")
        .skip(1)
        .take_while(|line| line.starts_with("          "))
        .map(|line| format!("{}\n", line.trim()))
        .collect();
    let mut step = world.command("bash");
    step.args(["-e", "-c", &script]).env("SIGNING_KEY", "a:secret $(touch pwned)");
    assert!(step.status().unwrap().success(), "{script}");
    let key = home.join("keys/for web");
    assert_eq!(fs::read_to_string(&key).unwrap(), "a:secret $(touch pwned)\n");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    world
        .shipit(&["-C", "apps/web", "-e", "staging", "deploy"])
        .expect(2)
        .says(&["the signing key", "for web"]);
}

#[test]
fn what_a_workflow_can_not_know_is_said() {
    let world = World::alone();
    world.write("shipit.toml", "app = \"server\"\nhost = \"a@b\"\n[sign]\nkey_file = \"/etc/keys/secret\"\n");
    world.git(&["checkout", "-q", "-b", "an-idea"]);
    let ran = world.shipit(&["init", "--github"]).expect(0).says(&[
        "uses: OWNER/shipit@v",
        "replace OWNER",
        "--action OWNER/shipit@COMMIT",
        "pushes to an-idea will deploy",
        "no signing key in /etc/keys/secret",
        "a push to an-idea deploys",
        "shipit.toml has no url",
        "and --unit, if the server has none: shipit init --unit",
    ]);
    assert!(ran.stdout.contains("wrote:  .github/workflows/deploy.yml"), "{}", ran.stdout);

    // A tag can be moved, and a name with a line break could be anything.
    for wrong in [
        "anna/shipit@v1",
        "anna/shipit",
        "shipit@0123456789abcdef0123456789abcdef01234567",
        &format!("{ACTION}\n"),
    ] {
        world.shipit(&["init", "--github", "--action", wrong]).expect(2).says(&["--action"]);
    }
    world.shipit(&["init", "--action", ACTION]).expect(2).says(&["--github"]);
    fs::rename(world.app().join("shipit.toml"), world.app().join("other.toml")).unwrap();
    world.shipit(&[&["-c", "other.toml"], &INIT[..]].concat()).expect(2).says(&["other.toml", "-e NAME"]);

    fs::rename(world.app().join("other.toml"), world.app().join("shipit.toml")).unwrap();
    fs::rename(world.app().join(".git"), world.file("git")).unwrap();
    world.shipit(&INIT).expect(2).says(&["a workflow lies in a git repository", "git init"]);
}

/// The command that tells the host key gives what shipit.toml takes, and the server is reached with that alone. The one that
/// lets a key in takes nobody's away, also where the last line of those has no end.
#[test]
fn what_is_to_be_pasted_lets_a_key_in_and_tells_the_host_key() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    let answer = world.shipit(&INIT).expect(0).json();
    let sh = |line: &str| {
        let output = world.command("sh").args(["-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    };
    server.sh_ok("install -d -m 700 /root/.ssh; cp /home/deploy/.ssh/authorized_keys /root/.ssh/");
    server.sh_ok("printf %s \"$(cat ~deploy/.ssh/authorized_keys)\" >/tmp/keys; cat /tmp/keys >~deploy/.ssh/authorized_keys");
    sh("mkdir -p ~/.ssh");
    sh(&next(&answer, "ssh-keygen")[0]);
    // Nobody is there to say yes.
    let let_in = next(&answer, "shipit setup").pop().expect("two of them");
    assert!(let_in.ends_with(" --key ~/.ssh/server-github.pub"), "{let_in}");
    sh(&format!("{} --yes", let_in.replacen("shipit", SHIPIT, 1)));
    world.shipit(&["status"]).expect(0);
    let options = format!(
        "-F none -i ~/.ssh/server-github -o IdentitiesOnly=yes -o IdentityAgent=none -o UserKnownHostsFile={}",
        server.known_hosts.display()
    );
    sh(&format!("ssh {options} deploy@{} true", server.address));
    let command = next(&answer, "gh variable set SHIPIT_HOST_KEY").remove(0);
    let (_, key) = command.split_once(" --body ").expect("--body");
    let output = world.command("sh").args(["-c", &format!("printf %s {key}")]).output().unwrap();
    let key = String::from_utf8(output.stdout).unwrap();
    assert!(key.starts_with("ssh-ed25519 AAAA"), "{key}: {}", String::from_utf8_lossy(&output.stderr));

    let config = fs::read_to_string(world.file("ssh_config")).unwrap();
    let lines = config.lines().filter(|line| !line.contains("UserKnownHostsFile"));
    world.ssh_config(&lines.map(|line| format!("{line}\n")).collect::<String>());
    world.shipit(&["status"]).expect(3);
    world.edit("[ssh]\n", &format!("[ssh]\nhost_key = \"{key}\"\n"));
    world.shipit(&["status"]).expect(0);
}
