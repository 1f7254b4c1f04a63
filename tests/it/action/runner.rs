//! A GitHub runner, as far as the action can tell: a machine of the lab with a user that has nothing but the variables
//! and files of a job.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::file::{Action, Does, Values};
use crate::support::lab::Server;

/// So long a runner waits after SIGINT, and then after SIGTERM, before it goes on to the next signal.
const PATIENCE: [(&str, Duration); 3] = [
    ("INT", Duration::from_millis(7500)),
    ("TERM", Duration::from_millis(2500)),
    ("KILL", Duration::from_secs(10)),
];
/// Where the action's files lie on it.
pub const ACTION: &str = "/home/runner/actions/shipit";
/// The repository that is checked out.
pub const ORIGIN: &str = "/home/runner/github/app";

/// A runner: one job at a time.
pub struct Runner<'a> {
    machine: &'a Server,
    /// The folder of its own, of which a machine can have several.
    home: String,
    cancelled: AtomicBool,
}

/// How a job ended.
#[derive(Debug)]
pub struct Job {
    /// Those of its steps that ran, with their exit codes.
    pub steps: Vec<(String, i32)>,
    /// All that its steps wrote.
    pub log: String,
    /// Its page.
    pub summary: String,
    /// The action's outputs.
    pub outputs: BTreeMap<String, String>,
}

impl Job {
    /// The job is green.
    #[track_caller]
    pub fn green(self) -> Self {
        assert!(self.steps.iter().all(|(_, code)| *code == 0), "{self:#?}");
        self
    }

    /// The job is red by this step, and has cleaned up after itself.
    #[track_caller]
    pub fn red_at(self, step: &str, code: i32) -> Self {
        let failed: Vec<_> = self.steps.iter().filter(|(_, code)| *code != 0).collect();
        assert_eq!(failed, [&(step.to_owned(), code)], "{self:#?}");
        assert_eq!(
            self.steps.last().map(|(name, _)| name.as_str()),
            Some("Leave nothing behind"),
            "{self:#?}"
        );
        self
    }

    /// Its log has all of these.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.log.contains(text), "no {text:?} in {self:#?}");
        }
        self
    }
}

impl<'a> Runner<'a> {
    /// A runner on this machine, which has the user `runner`.
    pub fn new(machine: &'a Server, name: &str) -> Self {
        let home = format!("/home/runner/{name}");
        as_runner(machine, &format!("mkdir -p {home}/_temp {home}/app && touch {home}/log"), "");
        Runner { machine, home, cancelled: AtomicBool::new(false) }
    }

    /// One commit, as actions/checkout brings it.
    pub fn checkout(&self) {
        let script = format!(
            "cd {}/app && git init -q -b main . && git config --local gc.auto 0
             git remote add origin file://{ORIGIN} 2>/dev/null
             git -c protocol.version=2 fetch -q --no-tags --prune --no-recurse-submodules --depth=1 origin \
               +$(git ls-remote origin main | cut -f 1):refs/remotes/origin/main
             git checkout -q --force -B main refs/remotes/origin/main && git log --format=%s -1",
            self.home
        );
        as_runner(self.machine, &script, "");
    }

    /// A job that checks out what was pushed last, and uses the action with these inputs.
    pub fn job(&self, inputs: &[(&str, &str)]) -> Job {
        self.cancelled.store(false, Ordering::SeqCst);
        self.checkout();
        let action = Action::read();
        let mut values = Values { inputs: action.inputs, ..Values::default() };
        for (name, value) in inputs {
            let known = values.inputs.insert((*name).to_owned(), (*value).to_owned());
            assert!(known.is_some(), "the action has no input {name}");
        }
        let mut job =
            Job { steps: Vec::new(), log: String::new(), summary: String::new(), outputs: BTreeMap::new() };
        let mut fine = true;
        for step in &action.steps {
            let fine_now = fine && !self.cancelled.load(Ordering::SeqCst);
            if !values.holds(step.condition.as_deref(), fine_now) {
                continue;
            }
            let (script, env) = match &step.does {
                Does::Run(script, env) => (script, env),
                Does::Uses(action) => panic!("nothing of {action} is here to be run: {job:#?}"),
            };
            let env = env.iter().map(|(name, value)| (name.as_str(), values.text(value))).collect();
            let (code, outputs) = self.step(script, env, &mut job);
            fine &= code == 0;
            job.steps.push((step.name.clone(), code));
            if let Some(id) = &step.id {
                let named = outputs.into_iter().map(|(name, value)| ((id.clone(), name), value));
                values.outputs.extend(named);
            }
        }
        job.outputs = action.outputs.iter().map(|(name, value)| (name.clone(), values.text(value))).collect();
        let left = as_runner(self.machine, &format!("ls -A {}/_temp", self.home), "");
        assert_eq!(left, "", "left in RUNNER_TEMP: {job:#?}");
        job
    }

    /// Runs a step's script: its exit code and its outputs.
    fn step(&self, script: &str, own: BTreeMap<&str, String>, job: &mut Job) -> (i32, Vec<(String, String)>) {
        let home = &self.home;
        let commands = format!("{home}/_temp/_runner_file_commands");
        let text = |text: &str| text.to_owned();
        let mut env: BTreeMap<&str, String> = BTreeMap::from([
            ("PATH", text("/usr/local/bin:/usr/bin:/bin")),
            ("HOME", text("/home/runner")),
            ("USER", text("runner")),
            ("LANG", text("C.UTF-8")),
            ("CI", text("true")),
            ("GITHUB_ACTIONS", text("true")),
            ("GITHUB_ACTION_PATH", text(ACTION)),
            ("GITHUB_ACTOR", text("anna")),
            // A GitHub that has no releases.
            ("GITHUB_SERVER_URL", text("file:///srv/github")),
            ("GITHUB_REPOSITORY", text("anna/app")),
            ("GITHUB_RUN_ID", text("42")),
            ("GITHUB_EVENT_NAME", text("push")),
            ("GITHUB_REF", text("refs/heads/main")),
            ("GITHUB_WORKSPACE", format!("{home}/app")),
            ("GITHUB_OUTPUT", format!("{commands}/output")),
            ("GITHUB_STEP_SUMMARY", format!("{commands}/summary")),
            ("GITHUB_ENV", format!("{commands}/env")),
            ("GITHUB_PATH", format!("{commands}/path")),
            ("RUNNER_TEMP", format!("{home}/_temp")),
            ("RUNNER_OS", text("Linux")),
        ]);
        env.extend(own);
        let quoted = |text: &str| shlex::try_quote(text).expect("no NUL").into_owned();
        let exports: String =
            env.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
        // The variables come on stdin: a key among them shall lie on no disk. The parts of what is said end with a record
        // separator.
        let input = format!(
            "mkdir {commands} && cd {home}/app && touch {commands}/output {commands}/summary
             printf '%s\\n' {script} >{home}/_temp/step.sh
             (
               {exports}
               echo $BASHPID >{home}/pid
               exec bash --noprofile --norc -e -o pipefail {home}/_temp/step.sh >{home}/log 2>&1 </dev/null
             )
             printf '%s\\36' $?
             for file in {commands}/output {commands}/summary {home}/log; do cat $file; printf '\\36'; done
             rm -r {commands} {home}/_temp/step.sh {home}/pid\n",
            script = quoted(script)
        );
        let shell = "exec env -i PATH=/usr/bin:/bin bash --noprofile --norc";
        let ran = self.machine.sh_with_input("runner", shell, input.as_bytes());
        let [code, output, summary, log, ""] = ran.stdout.split('\u{1e}').collect::<Vec<_>>()[..] else {
            panic!("{ran}");
        };
        job.summary += summary;
        job.log += log;
        let pair = |line: &str| match line.split_once('=') {
            Some((name, value)) if !name.contains("<<") => (name.to_owned(), value.to_owned()),
            _ => panic!("not an output: {line}"),
        };
        (code.parse().expect("an exit code"), output.lines().map(pair).collect())
    }

    /// What the step that runs, or the last one, wrote so far.
    pub fn log(&self) -> String {
        as_runner(self.machine, &format!("cat {}/log", self.home), "")
    }

    /// Cancels the job, as somebody does on its page: the process of the step that runs is sent one signal after the other,
    /// until it ends. Gives those that were sent.
    pub fn cancel(&self) -> Vec<&'static str> {
        self.cancelled.store(true, Ordering::SeqCst);
        let process = self.process();
        let mut sent = Vec::new();
        for (signal, patience) in PATIENCE {
            sent.push(signal);
            self.signal(&process, signal);
            let began = Instant::now();
            while began.elapsed() < patience {
                if !self.machine.sh(&format!("kill -0 {process}")).success() {
                    return sent;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        panic!("the step does not end: {}", self.log());
    }

    /// Makes the process of the step that runs deaf to all signals but the last one.
    pub fn stun(&self) {
        self.signal(&self.process(), "STOP");
    }

    fn signal(&self, process: &str, name: &str) {
        as_runner(self.machine, &format!("kill -{name} {process}"), "");
    }

    fn process(&self) -> String {
        as_runner(self.machine, &format!("cat {}/pid", self.home), "").trim().to_owned()
    }
}

/// Gives a machine the user `runner` and the action's files, and serves this shipit from a folder: its URL.
pub fn prepare(machine: &Server, shipit: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    machine.sh_ok(
        "useradd --create-home --shell /bin/bash --groups nix-users runner
         mkdir -p /srv/release /home/runner/actions/shipit/.github/action /home/runner/github/app",
    );
    machine.put(&root.join(".github/action"), &format!("{ACTION}/.github/action"), "runner");
    machine.put(&root.join("Cargo.toml"), &format!("{ACTION}/Cargo.toml"), "runner");
    let name = format!("shipit-{}-linux", std::env::consts::ARCH);
    machine.put(Path::new(shipit), &format!("/srv/release/{name}"), "root");
    machine.sh_ok(&format!(
        "chown -R runner: /home/runner; chmod -R a+rX /srv; cd /srv/release && sha256sum {name} >SHA256SUMS"
    ));
    "file:///srv/release".to_owned()
}

/// What a script of the user `runner` says; it has to work.
#[track_caller]
pub fn as_runner(machine: &Server, script: &str, input: &str) -> String {
    let script = format!("export HOME=/home/runner; {script}");
    let ran = machine.sh_with_input("runner", &script, input.as_bytes());
    assert!(ran.success(), "{script}: {ran}");
    ran.stdout
}
