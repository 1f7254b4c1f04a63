//! The action's scripts as they can be run anywhere, without a server. In shipit's place is a program that tells how it
//! was started.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::CommandFactory as _;
use shipit::cli::Cli;

use crate::support::site::between;
use crate::support::world::{Ran, run};

/// Tells its process, its words, whether it can see the key, and what the agent holds.
const TELLS: &str = r#"#!/bin/sh
if [ "$*" = --version ]; then echo 'shipit 1.2.3'; exit; fi
echo "process $$"
for word; do echo "word $word"; done
env | grep -c PRIVATE | sed 's/^/keys in the environment: /'
ssh-add -l 2>&1
"#;

/// A folder as `get` leaves it, and keys.
struct Step {
    temp: tempfile::TempDir,
}

impl Step {
    fn new() -> Self {
        let step = Step { temp: tempfile::tempdir().expect("a folder") };
        fs::create_dir(step.folder()).expect("a folder");
        program(&step.folder().join("shipit"));
        step
    }

    fn folder(&self) -> PathBuf {
        self.temp.path().join("shipit.abcdef")
    }

    /// A private key, as it is in its file.
    fn key(&self, words: &[&str]) -> String {
        let file = self.temp.path().join("key");
        let _ = fs::remove_file(&file);
        let made =
            Command::new("ssh-keygen").args(["-q", "-C", "test", "-f"]).arg(&file).args(words).status();
        assert!(made.expect("ssh-keygen").success());
        fs::read_to_string(file).expect("the key")
    }

    /// Runs one of the scripts with these inputs.
    fn runs(&self, script: &str, inputs: &[(&str, &str)]) -> Ran {
        run(self.command(script, inputs), &[]).wait()
    }

    fn command(&self, script: &str, inputs: &[(&str, &str)]) -> Command {
        let mut command = Command::new(scripts().join(script));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("PATH"))
            .env("HOME", self.temp.path())
            .env("RUNNER_TEMP", self.temp.path())
            .env("GITHUB_OUTPUT", self.temp.path().join("output"))
            .env("INPUT_FOLDER", self.folder())
            .envs(inputs.iter().copied())
            .current_dir(self.temp.path())
            .stdin(Stdio::null());
        command
    }

    /// A run that has to be refused, in these words.
    #[track_caller]
    fn refuses(&self, inputs: &[(&str, &str)], why: &str) {
        let ran = self.runs("run", inputs).expect(2).says(&[why]);
        assert_eq!(ran.stdout, "", "shipit was started");
    }

    /// The step's outputs.
    fn outputs(&self) -> String {
        fs::read_to_string(self.temp.path().join("output")).unwrap_or_default()
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/action")
}

fn program(file: &Path) {
    fs::write(file, TELLS).expect("a program");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// Whether this process is an agent that lives. Its number may be another's by now.
fn is_agent(process: &str) -> bool {
    let said =
        Command::new("ps").args(["-o", "stat=", "-o", "comm=", "-p", process.trim()]).output().expect("ps");
    let said = String::from_utf8_lossy(&said.stdout);
    said.trim().ends_with("ssh-agent") && !said.starts_with('Z')
}

#[test]
fn inputs_become_words_and_nothing_in_them_is_obeyed() {
    let step = Step::new();
    let ran = step.runs(
        "run",
        &[
            ("INPUT_COMMAND", "rollback"),
            ("INPUT_ENVIRONMENT", "-x $(id)"),
            ("INPUT_HOST_KEY", "ssh-ed25519 AAAA\r\n"),
            ("INPUT_WORKING_DIRECTORY", "apps/my app"),
            ("INPUT_ARGS", "--wait '2 m'  \"$HOME\"\n`id` * a\\ b ''"),
            ("INPUT_REVISION", "--hold"),
        ],
    );
    let words: Vec<&str> = ran.stdout.lines().filter_map(|line| line.strip_prefix("word ")).collect();
    let args = ["--wait", "2 m", "$HOME", "`id`", "*", "a b", ""];
    let before = ["-C", "apps/my app", "--environment=-x $(id)", "--host-key=ssh-ed25519 AAAA", "rollback"];
    assert_eq!(words, [&before[..], &args, &["--", "--hold"]].concat());
    let least = step.runs("run", &[("INPUT_ARGS", " \n")]);
    let words: Vec<&str> = least.stdout.lines().filter_map(|line| line.strip_prefix("word ")).collect();
    assert_eq!(words, ["deploy"]);

    step.refuses(&[("INPUT_COMMAND", "--help")], "command is not one word of shipit's");
    step.refuses(&[("INPUT_ARGS", "--wait '2m")], "args has a quote that is not closed");
}

#[test]
fn the_key_is_in_an_agent_and_nowhere_else() {
    let step = Step::new();
    let key = step.key(&["-t", "ed25519", "-N", ""]);
    let pasted = key.trim_end().replace('\n', "\r\n");
    for key in [&key, &pasted] {
        let ran = step.runs("run", &[("INPUT_SSH_PRIVATE_KEY", key)]).expect(0);
        assert!(ran.stdout.contains("(ED25519)") && ran.stdout.contains(" test "), "{}", ran.stdout);
        assert!(ran.stdout.contains("keys in the environment: 0"), "{}", ran.stdout);
        // It may live still: it looks only now and then whether it is needed.
        let agent = fs::read_to_string(step.folder().join("agent.pid")).expect("the agent");
        assert!(agent.trim().parse::<u32>().is_ok(), "{agent}");
        assert_eq!(step.runs("clean", &[]).expect(0).stdout, "");
        assert!(!is_agent(&agent) && !step.folder().exists());
        // Nothing to do is fine, too.
        step.runs("clean", &[]).expect(0);
        fs::create_dir(step.folder()).expect("a folder");
        program(&step.folder().join("shipit"));
    }
    let other = step.temp.path().to_str().expect("a path");
    step.runs("clean", &[("INPUT_FOLDER", other)]).expect(2).says(&["is not a folder of the step `get`"]);
    assert!(step.folder().exists());
}

#[test]
fn a_key_that_can_not_be_used_is_refused_at_once() {
    let step = Step::new();
    let with_key = |key: &str, why: &str| {
        step.refuses(&[("INPUT_SSH_PRIVATE_KEY", key)], why);
        if let Ok(agent) = fs::read_to_string(step.folder().join("agent.pid")) {
            step.runs("clean", &[]).expect(0);
            assert!(!is_agent(&agent));
            fs::create_dir(step.folder()).expect("a folder");
            program(&step.folder().join("shipit"));
        }
    };
    let key = step.key(&["-t", "ed25519", "-N", ""]);
    let public = fs::read_to_string(step.temp.path().join("key.pub")).expect("the public half");
    with_key(&public, "ssh-private-key is a public key");
    with_key("hunter2", "ssh-private-key is not a private key");
    with_key(&key[..key.len() / 2], "ssh-private-key can't be read");
    with_key(&key.replace('\n', " "), "ssh-private-key can't be read");
    with_key(&step.key(&["-t", "ed25519", "-N", "secret"]), "ssh-private-key has a passphrase");
    with_key(&step.key(&["-t", "ecdsa", "-m", "PEM", "-N", "secret"]), "ssh-private-key has a passphrase");
}

#[test]
fn outside_github_the_outputs_are_said() {
    let step = Step::new();
    let said = step.temp.path().join("said");
    let mut get = step.command("get", &[("GITHUB_OUTPUT", "")]);
    let status = get.stdout(fs::File::create(&said).expect("a file")).status().expect("get");
    assert!(status.success());
    // A file that is opened anew for each output would have only the last one.
    let said = fs::read_to_string(said).expect("what was said");
    let folder = between(&said, "folder=", "\n");
    let why = "it is not known whose action this is: shipit is built with Nix";
    assert_eq!(said, format!("folder={folder}\n{why}\nway=build\n"));
    assert!(Path::new(&folder).is_dir() && step.outputs().is_empty());
}

#[test]
fn an_empty_secret_is_wondered_at() {
    let step = Step::new();
    let warns = |inputs: &[(&str, &str)]| {
        let ran = step.runs("run", inputs);
        let told =
            ran.stdout.starts_with("::warning title=shipit::ssh-private-key is empty: is the secret set");
        assert_eq!(told, ran.stdout.contains("ssh-private-key"), "{}", ran.stdout);
        assert!(ran.stdout.contains("\nprocess ") || ran.stdout.starts_with("process "), "{}", ran.stdout);
        told
    };
    let github = ("GITHUB_ACTIONS", "true");
    assert!(warns(&[github]));
    assert!(warns(&[github, ("INPUT_SSH_PRIVATE_KEY", "")]));
    // Where no key is needed, where another agent may have one, and where somebody tries it by hand.
    assert!(!warns(&[github, ("INPUT_COMMAND", "build")]));
    assert!(!warns(&[github, ("SSH_AUTH_SOCK", "/nowhere")]));
    assert!(!warns(&[]));
}

#[test]
fn only_what_the_release_says_is_fetched() {
    let step = Step::new();
    // The action's own release, of a GitHub that is a folder.
    let version = format!("github/OWNER/shipit/releases/download/v{}", env!("CARGO_PKG_VERSION"));
    let release = step.temp.path().join(version);
    fs::create_dir_all(&release).expect("a folder");
    let name = format!("shipit-{}-linux", std::env::consts::ARCH);
    let base = format!("file://{}", release.display());
    let github = format!("file://{}", step.temp.path().join("github").display());
    let get = |base: &str, repository: &str| {
        let _ = fs::remove_file(step.temp.path().join("output"));
        let inputs =
            [("INPUT_BASE_URL", base), ("INPUT_REPOSITORY", repository), ("GITHUB_SERVER_URL", &github)];
        let ran = step.runs("get", &inputs);
        let folder = PathBuf::from(between(&step.outputs(), "folder=", "\n"));
        let got = folder.join("shipit").exists();
        step.runs("clean", &[("INPUT_FOLDER", folder.to_str().expect("a path"))]).expect(0);
        (ran, got, step.outputs())
    };
    let is_built = |repository: &str, why: &str| {
        let (ran, got, outputs) = get("", repository);
        assert!(ran.code == 0 && !got && outputs.ends_with("way=build\n"), "{ran:#?}");
        assert!(ran.stdout.contains(why), "{ran:#?}");
    };
    let is_refused = |base: &str, why: &[&str]| {
        let (ran, got, outputs) = get(base, "OWNER/shipit");
        ran.expect(2).says(why);
        assert!(!got && !outputs.contains("way="), "{outputs}");
    };
    // What the action's own release lacks is built; what somebody said would be there is not.
    let lacks = |why: &str| {
        is_built("OWNER/shipit", &format!("{why}: shipit is built with Nix"));
        is_refused(&base, &[why, "base-url must name a folder with SHA256SUMS"]);
    };
    let sums = |lines: &str| fs::write(release.join("SHA256SUMS"), lines).expect("the sums");

    is_built("", "it is not known whose action this is");
    lacks(&format!("there is no release at {base}"));
    sums(&format!("{}  shipit-riscv64-linux\n", "0".repeat(64)));
    lacks(&format!("the release at {base} has no {name}"));
    sums(&format!("{}  {name}\n", "0".repeat(64)));
    lacks(&format!("the release at {base} lacks its {name}"));
    program(&release.join(&name));
    for base in ["", &base] {
        is_refused(base, &["is not what its release says", "It is not used"]);
    }
    sums(&format!("404  {name}\n"));
    for base in ["", &base] {
        is_refused(base, &["/SHA256SUMS has no SHA-256 for shipit-", "but: 404"]);
    }

    let said = Command::new("sha256sum").arg(&name).current_dir(&release).output().expect("sha256sum");
    sums(&String::from_utf8_lossy(&said.stdout));
    for base_url in ["", &format!("{base}/")] {
        let (ran, got, outputs) = get(base_url, "OWNER/shipit");
        assert_eq!(ran.expect(0).stdout, format!("shipit 1.2.3, {name} of {base}\n"));
        assert!(got && outputs.ends_with("way=release\n"), "{outputs}");
    }
    // Nothing comes in the open.
    for base in ["http://127.0.0.1:9/", "/srv/release"] {
        is_refused(base, &["base-url must begin with https:// or file://", base]);
    }
}

#[test]
fn words_that_shipit_does_not_know_are_refused_before_anything_is_fetched() {
    let step = Step::new();
    for (command, revision, why) in [
        ("depoly", "", "shipit has no command depoly. It has: init, setup, "),
        ("deploy --dry-run", "", "command is not one word of shipit's"),
        ("status", "v1", "revision is for build, deploy and rollback"),
    ] {
        let inputs = [("INPUT_COMMAND", command), ("INPUT_REVISION", revision)];
        step.runs("get", &inputs).expect(2).says(&[why]);
        assert_eq!(step.outputs(), "", "something was made");
        step.refuses(&inputs, why);
    }
    // The list is the program's own.
    let common = fs::read_to_string(scripts().join("common.sh")).expect("the script");
    let commands = between(&common, "\ncommands='", "'");
    let mut known: Vec<&str> = commands.split(' ').collect();
    let whole = Cli::command();
    let mut has: Vec<&str> = whole.get_subcommands().map(clap::Command::get_name).collect();
    known.sort_unstable();
    has.sort_unstable();
    assert_eq!(known, has);
}
