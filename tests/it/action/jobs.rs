//! Jobs on a GitHub runner that is empty, against a server: all that can come of them.

use std::thread;
use std::time::Duration;

use super::runner::{ACTION, Job, ORIGIN, Runner, as_runner, prepare};
use crate::support::facts::{current, journal, page};
use crate::support::lab::{Server, Variant};
use crate::support::watched::{at_rest, serves};
use crate::support::world::{SHIPIT, World, eventually};

/// What the step is called that runs shipit.
const RUN: &str = "Run shipit";

/// What stands for our own flake, which needs the network: its package is this very shipit.
const FLAKE: &str = r#"{
  outputs = { self }: {
    packages.x86_64-linux.default = derivation {
      name = "shipit";
      system = "x86_64-linux";
      builder = "/bin/sh";
      PATH = "/usr/bin:/bin";
      args = [ "-c" "mkdir -p $out/bin && ln -s /srv/release/shipit-x86_64-linux $out/bin/shipit" ];
    };
  };
}
"#;

/// The commits that are pushed.
struct Commits {
    good: String,
    crash: String,
    better: String,
    deaf: String,
    best: String,
}

/// A machine that jobs run on, the server that they deploy to, and the inputs that each of them has.
struct Stage<'a> {
    server: &'a Server,
    machine: &'a Server,
    inputs: Vec<(&'a str, &'a str)>,
    commits: Commits,
    /// What was there before the first job.
    files: String,
}

#[test]
fn jobs_of_the_action() {
    let server = Server::boot(Variant::Debian);
    let machine = Server::laptop();
    let release = prepare(&machine, SHIPIT);
    let key = std::fs::read_to_string(&server.key).expect("the key");
    let (runner, other) = (Runner::new(&machine, "work"), Runner::new(&machine, "more"));
    let commits = commits(&machine, &server, &machine.link(&server));
    machine.sh_ok("touch /srv/began");
    let stage = Stage {
        server: &server,
        machine: &machine,
        inputs: vec![("ssh-private-key", &key), ("host-key", &server.host_key), ("base-url", &release)],
        commits,
        files: files(&machine),
    };
    stage.a_push_is_deployed(&runner);
    stage.a_release_that_does_not_work_is_red(&runner);
    stage.an_input_goes_back(&runner);
    stage.a_job_can_be_cancelled(&runner);
    stage.a_second_job_waits(&runner, &other);
    stage.another_binary_is_refused_and_a_missing_one_built(&runner);
    stage.another_host_key_is_refused(&runner);
    stage.the_key_was_on_no_disk(&key);
}

impl Stage<'_> {
    fn a_push_is_deployed(&self, runner: &Runner<'_>) {
        let good = &self.commits.good;
        self.push(good);
        let name = format!("shipit-{}-linux of file:///srv/release", std::env::consts::ARCH);
        let job = self.job(runner, &[]).green();
        let job = job.says(&[&name, "::group::", "; https://www.example.org\n"]);
        self.is_live(good, "1");
        let output = |name: &str| job.outputs[name].as_str();
        assert_eq!((output("release"), output("previous")), (good.as_str(), ""));
        assert_eq!((output("outcome"), output("url")), ("live", "https://www.example.org"));
        assert!(output("duration").parse::<f32>().is_ok_and(|seconds| seconds > 0.0), "{job:#?}");
        assert!(job.summary.contains("| url | <https://www.example.org> |"), "{}", job.summary);
        self.nothing_is_left();
    }

    fn a_release_that_does_not_work_is_red(&self, runner: &Runner<'_>) {
        self.push(&self.commits.crash);
        let job = self.job(runner, &[]).red_at(RUN, 7);
        let job = job.says(&["::error title=shipit%3A not-live::", "boom: refused to start", "runs again"]);
        self.is_live(&self.commits.good, "1");
        assert!(job.summary.contains("did not go live"), "{}", job.summary);
        assert_eq!((job.outputs["outcome"].as_str(), job.outputs["release"].as_str()), ("not-live", ""));
        self.nothing_is_left();
    }

    /// The key is as somebody pastes it on Windows.
    fn an_input_goes_back(&self, runner: &Runner<'_>) {
        let Commits { good, better, .. } = &self.commits;
        self.push(better);
        let job = self.job(runner, &[("args", "--wait '1m'")]).green();
        self.is_live(better, "3");
        assert_eq!(job.outputs["previous"], *good);
        let pasted = self.inputs[0].1.trim_end().replace('\n', "\r\n");
        let back = [("ssh-private-key", &*pasted), ("command", "rollback"), ("revision", &good[..7])];
        let job = self.job(runner, &back).green();
        assert_eq!((&job.outputs["release"], &job.outputs["previous"]), (good, better));
        // There already: nothing was made live, and nothing is said to be.
        let job = self.job(runner, &back).green();
        assert_eq!((&job.outputs["release"], &job.outputs["previous"]), (good, good));
        assert_eq!(job.outputs["outcome"], "already-live");
        self.is_live(good, "1");
    }

    fn a_job_can_be_cancelled(&self, runner: &Runner<'_>) {
        let Commits { good, deaf, .. } = &self.commits;
        let job = self.cancelled(runner, false, &["INT"]).red_at(RUN, 130);
        let job = job.says(&["::error title=shipit%3A interrupted::"]);
        assert_eq!(job.outputs["outcome"], "interrupted");
        self.is_live(good, "1");
        self.nothing_is_left();
        // One that hears nothing any more: the server goes back alone.
        self.cancelled(runner, true, &["INT", "TERM", "KILL"]).red_at(RUN, 137);
        self.nothing_is_left();
        serves(self.server, "1", Duration::from_secs(15));
        at_rest(self.server);
        self.is_live(good, "1");
        let journal = journal(self.server);
        let ends =
            journal.iter().filter(|line| line["release"] == deaf.as_str() && line["event"] == "reverted");
        assert!(ends.clone().all(|line| line["who"] == "anna"), "{journal:#?}");
        assert_eq!(ends.count(), 2, "{journal:#?}");
    }

    fn a_second_job_waits(&self, runner: &Runner<'_>, other: &Runner<'_>) {
        let Commits { better, best, .. } = &self.commits;
        self.server.sh_ok("touch /srv/wait");
        self.push(better);
        thread::scope(|scope| {
            let first = scope.spawn(|| self.job(runner, &[]));
            eventually(Duration::from_secs(60), || {
                let ran = self.server.sh("pgrep -u app -f '[w]hile .*/srv/wait'");
                if ran.success() { Ok(()) } else { Err(runner.log()) }
            });
            self.push(best);
            let second = scope.spawn(|| self.job(other, &[("args", "--wait 2m")]));
            eventually(Duration::from_secs(60), || match other.log() {
                log if log.contains("waiting up to 2 min") => Ok(()),
                log => Err(log),
            });
            self.server.sh_ok("rm /srv/wait");
            let first = first.join().expect("the first job").green();
            assert_eq!(first.outputs["release"], *better);
            let second = second.join().expect("the second job").green();
            assert_eq!(second.outputs["previous"], *better);
        });
        self.is_live(best, "5");
    }

    fn another_binary_is_refused_and_a_missing_one_built(&self, runner: &Runner<'_>) {
        self.machine.sh_ok(
            "mkdir /srv/wrong && cd /srv/wrong && ln -s ../release/shipit-* .
             sed s/^..../0000/ ../release/SHA256SUMS >SHA256SUMS",
        );
        let job = self.job(runner, &[("base-url", "file:///srv/wrong")]).red_at("Get shipit", 2);
        let job = job.says(&["::error title=shipit::", "is not what its release says"]);
        assert_eq!(job.steps.len(), 2, "{job:#?}");
        self.machine.sh_ok("rm -r /srv/wrong");

        as_runner(self.machine, &format!("cat >{ACTION}/flake.nix"), FLAKE);
        let job = self.job(runner, &[("base-url", "file:///srv/nowhere")]).red_at("Get shipit", 2);
        job.says(&["::error title=shipit::there is no release at file:///srv/nowhere: base-url must name"]);
        let job = self.job(runner, &[("base-url", ""), ("command", "status")]).green();
        let job = job.says(&[
            "there is no release at file:///srv/github/OWNER/shipit/releases/download/v",
            ", built with Nix\n",
            "https://www.example.org",
        ]);
        let output = |name: &str| job.outputs[name].as_str();
        assert_eq!((output("outcome"), output("release")), ("done", self.commits.best.as_str()));
        as_runner(self.machine, &format!("rm {ACTION}/flake.nix"), "");
        self.nothing_is_left();
    }

    fn another_host_key_is_refused(&self, runner: &Runner<'_>) {
        let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2dW0rSzjv3hvzJ7Tj2CQ4iMaoYtFMUIk7j4sVOnPl1";
        let job = self.job(runner, &[("command", "status"), ("host-key", other)]).red_at(RUN, 3);
        job.says(&["shows another host key than the one that is pinned by --host-key"]);
        let job = self.job(runner, &[("command", "status"), ("host-key", "")]).red_at(RUN, 3);
        let fill = "gh variable set SHIPIT_HOST_KEY --env production --body \"$(ssh deploy@";
        let job =
            job.says(&["is not known", self.server.host_key.as_str(), "action's input `host-key`", fill]);
        assert!(job.summary.contains(fill), "{job:#?}");
    }

    fn the_key_was_on_no_disk(&self, key: &str) {
        let line = key.lines().nth(2).expect("a line of the key");
        let with = |line: &str| {
            self.machine.sh_ok(&format!(
                "find / /tmp /run /dev/shm -xdev -cnewer /srv/began -type f -print0 | xargs -0 grep -lF -e '{line}' || true"
            ))
        };
        assert_eq!(with(line), "");
        assert!(with("settle = ").contains("app/shipit.toml"), "what is looked for that way is found");
    }

    /// A job that uses the action with the usual inputs and these. No line of its log is one of the key.
    fn job(&self, runner: &Runner<'_>, more: &[(&str, &str)]) -> Job {
        let job = runner.job(&[&self.inputs[..], more].concat());
        let key = self.inputs[0].1;
        assert!(!key.lines().any(|line| job.log.contains(line)), "{job:#?}");
        job
    }

    /// A job that is cancelled while its release is checked. `stunned`: it hears nothing any more. It takes these signals.
    fn cancelled(&self, runner: &Runner<'_>, stunned: bool, signals: &[&str]) -> Job {
        let deaf = &self.commits.deaf;
        self.push(deaf);
        thread::scope(|scope| {
            let job = scope.spawn(|| self.job(runner, &[]));
            eventually(Duration::from_secs(60), || match current(self.server) {
                now if now == format!("releases/{deaf}") => Ok(()),
                now => Err(now),
            });
            if stunned {
                runner.stun();
            }
            assert_eq!(runner.cancel(), signals, "{}", runner.log());
            job.join().expect("the job")
        })
    }

    fn push(&self, commit: &str) {
        as_runner(self.machine, &format!("git -C {ORIGIN} update-ref refs/heads/main {commit}"), "");
    }

    #[track_caller]
    fn is_live(&self, commit: &str, version: &str) {
        assert_eq!(current(self.server), format!("releases/{commit}"));
        let page = page(self.server);
        assert!(page.starts_with(&format!("version: {version}\n")), "{page}");
    }

    #[track_caller]
    fn nothing_is_left(&self) {
        assert_eq!(files(self.machine), self.files);
        let processes = self.machine.sh("ps -u runner -o pid,args --no-headers").stdout;
        assert_eq!(processes, "", "processes of the runner");
    }
}

/// A repository on GitHub that has all the commits, and nothing pushed.
fn commits(machine: &Server, server: &Server, address: &str) -> Commits {
    let world = World::at(address, server);
    world.write(
        "shipit.toml",
        &format!(
            "app = \"server\"\nhost = \"deploy@{address}\"\nassets = [\"views\"]\nurl = \"https://www.example.org\"\n\n\
             [health]\nhttp = \"http://127.0.0.1:3001/\"\nwithin = \"20s\"\nsettle = \"200ms\"\n\n\
             [hooks]\nbefore_switch = [\"sh\", \"-c\", \"while [ -e /srv/wait ]; do sleep 0.1; done\"]\n"
        ),
    );
    let commits = Commits {
        good: world.commit("1", "ok"),
        crash: world.commit("2", "crash"),
        better: world.commit("3", "ok"),
        deaf: world.commit("4", "no-listen"),
        best: world.commit("5", "ok"),
    };
    machine.put(&world.app(), ORIGIN, "runner");
    machine.sh_ok(&format!("chown -R runner: {ORIGIN}"));
    commits
}

/// What lies where a job has nothing to leave: not its checkout, not what Nix keeps.
fn files(machine: &Server) -> String {
    machine.sh_ok(
        "find /home /root /tmp /var/tmp /srv \\( -path '*/.cache/nix' -o -path '*/.local/state/nix' -o -path '/home/runner/*/app' \\) -prune \
           -o -path '*/.cache' -o -path '*/.local' -o -path '*/.local/state' -o -path '/home/runner/*/log' -o -print | sort",
    )
}
