//! What a person sees: the real program on a real terminal (`script` makes one), deploying to a real server.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::support::site::Site;
use crate::support::world::{SHIPIT, eventually};

const TURNS: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
/// No run of these tests takes longer.
const LONGEST: Duration = Duration::from_secs(120);

/// shipit on a terminal of its own.
struct OnTerminal {
    child: Child,
    written: Receiver<Vec<u8>>,
    columns: u16,
    /// All that came so far.
    all: Vec<u8>,
}

impl OnTerminal {
    fn start(site: &Site, columns: u16, environment: &[(&str, &str)], words: &str) -> Self {
        let mut command = site.world.command("script");
        let line = format!("stty cols {columns} rows 24; exec {SHIPIT} {words}");
        command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm-256color");
        command.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("script");
        let mut out = child.stdout.take().expect("stdout");
        let (sender, written) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                let _ = sender.send(bytes[..count].to_vec());
            }
        });
        OnTerminal { child, written, columns, all: Vec::new() }
    }

    /// What the terminal shows now.
    fn shows(&self) -> String {
        let mut terminal = vt100::Parser::new(24, self.columns, 0);
        terminal.process(&self.all);
        terminal.screen().contents()
    }

    /// Waits until the terminal shows it.
    fn until(&mut self, text: &str) {
        while !self.shows().contains(text) {
            let more = self.written.recv_timeout(LONGEST);
            self.all.extend(more.unwrap_or_else(|_| panic!("no {text:?} in\n{}", self.shows())));
        }
    }

    /// Waits for its end: the exit code.
    fn end(&mut self) -> i32 {
        while let Ok(more) = self.written.recv_timeout(LONGEST) {
            self.all.extend(more);
        }
        self.child.wait().expect("script").code().expect("an exit code")
    }

    /// What it would show if nothing had ever been drawn over: the lines that stay end without a code.
    fn story(&self) -> String {
        let mut terminal = vt100::Parser::new(200, self.columns, 0);
        for line in self.raw().split_inclusive("\r\n").filter(|line| !line.ends_with("\x1b[K\r\n")) {
            let Some(line) = line.strip_suffix("\r\n") else { continue };
            let stays = line.rsplit('\r').next().unwrap_or_default();
            terminal.process(format!("{stays}\r\n").as_bytes());
        }
        terminal.screen().contents().trim_end().to_owned()
    }

    fn types(&mut self, keys: &[u8]) {
        self.child.stdin.as_mut().expect("stdin").write_all(keys).expect("a key");
    }

    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.all).into_owned()
    }

    /// The final letters of the codes in it: `m` colours, the others move or clear.
    fn codes(&self) -> String {
        let raw = self.raw();
        let codes = raw.split("\u{1b}[").skip(1);
        let mut letters: Vec<char> =
            codes.filter_map(|code| code.chars().find(char::is_ascii_alphabetic)).collect();
        letters.sort_unstable();
        letters.dedup();
        letters.into_iter().collect()
    }

    /// Something was drawn, nothing of it is left, and the cursor was never hidden.
    #[track_caller]
    fn drew_and_left_nothing(&self) {
        let (raw, left) = (self.raw(), self.shows());
        assert!(raw.contains(|c| TURNS.contains(c)), "nothing was drawn:\n{raw}");
        assert!(!left.contains(|c| TURNS.contains(c)), "rubbish is left:\n{left}");
        let story = self.story();
        assert!(story.ends_with(left.trim_end()), "rubbish is left:\n{left}\nbeside\n{story}");
        assert!(!raw.contains("\u{1b}[?"), "a mode of the terminal was changed: {raw:?}");
    }
}

/// The words at the beginnings of the lines.
fn verbs(shown: &str) -> Vec<&str> {
    shown.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn what_goes_on_is_drawn_and_the_story_stays() {
    let site = Site::new();
    let commit = site.commit("slow-build 3");
    let mut run = OnTerminal::start(&site, 80, &[], "deploy");
    run.until("building");
    assert!(run.shows().contains(|c| TURNS.contains(c)), "{}", run.shows());
    run.until("content 1 s");
    assert_eq!(run.end(), 0, "{}", run.shows());
    run.drew_and_left_nothing();
    let shown = run.shows();
    let story = [
        "source", "connect", "reached", "took", "built", "missing", "copied", "placed", "switched",
        "started", "answers", "healthy", "live:",
    ];
    let verbs: Vec<&str> = verbs(&shown).into_iter().filter(|verb| story.contains(verb)).collect();
    assert_eq!(verbs, story, "{shown}");
    assert!(shown.contains("undo: shipit rollback "), "{shown}");
    site.is_live(&commit);

    // As narrow as it gets, and without colours.
    let commit = site.commit("slow-build 1");
    let mut run = OnTerminal::start(&site, 40, &[("NO_COLOR", "1")], "deploy");
    assert_eq!(run.end(), 0, "{}", run.shows());
    run.drew_and_left_nothing();
    assert!(!run.codes().contains('m'), "{}", run.codes());
    site.is_live(&commit);
}

#[test]
fn a_failure_and_an_interrupt_leave_the_story_and_the_error() {
    let site = Site::new();
    site.commit("crash");
    let mut run = OnTerminal::start(&site, 100, &[], "deploy");
    assert_eq!(run.end(), 7, "{}", run.shows());
    run.drew_and_left_nothing();
    let shown = run.shows();
    assert!(shown.contains("  undoing  the switch: "), "{shown}");
    assert!(shown.contains("\nerror: ") && shown.contains("runs again\n"), "{shown}");

    site.commit("slow-build 60");
    let mut run = OnTerminal::start(&site, 80, &[], "deploy");
    run.until("content 1 s");
    run.types(b"\x03");
    assert_eq!(run.end(), 130, "{}", run.shows());
    run.drew_and_left_nothing();
    let shown = run.shows();
    assert!(!shown.contains("^C"), "{shown}");
    assert!(shown.trim_end().ends_with("error: interrupted by SIGINT; nothing was changed"), "{shown}");
    site.good();
}

#[test]
fn where_nothing_may_be_drawn_there_are_lines() {
    let site = Site::new();
    site.commit("ok");
    let lines: [(&[(&str, &str)], &str); 5] = [
        (&[("TERM", "dumb")], "deploy --dry-run"),
        (&[("CI", "true")], "deploy --dry-run"),
        (&[], "-q deploy --dry-run"),
        (&[], "-v deploy --dry-run"),
        (&[], "deploy --dry-run --json"),
    ];
    for (environment, words) in lines {
        let mut run = OnTerminal::start(&site, 80, environment, words);
        assert_eq!(run.end(), 0, "{}", run.shows());
        assert!(["", "m"].contains(&run.codes().as_str()), "{words}: {:?}", run.raw());
        assert!(!run.raw().contains(|c| TURNS.contains(c)), "{words}: {:?}", run.raw());
    }
    // A plan is an answer, and nothing is drawn over it.
    let mut run = OnTerminal::start(&site, 80, &[], "deploy --dry-run");
    assert_eq!(run.end(), 0, "{}", run.shows());
    run.drew_and_left_nothing();
    assert!(run.shows().contains("\nwould "), "{}", run.shows());
}

#[test]
fn nothing_is_written_into_the_question_for_a_passphrase() {
    let site = Site::new();
    let key = site.world.file("key");
    std::fs::copy(&site.server.key, &key).expect("the key");
    let mut lock = site.world.command("ssh-keygen");
    lock.stdout(Stdio::null());
    assert!(
        lock.args(["-q", "-p", "-P", "", "-N", "secret", "-f"])
            .arg(&key)
            .status()
            .expect("ssh-keygen")
            .success()
    );
    site.world.ssh_config(&format!(
        "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {}\n",
        key.display(),
        site.server.known_hosts.display()
    ));
    let commit = site.commit("slow-build 2");
    let mut run = OnTerminal::start(&site, 100, &[], "deploy");
    run.until("Enter passphrase");
    // All of the build goes by while the question stands.
    let builds = || {
        let pattern = format!("nix .*build .*{}", site.world.app().display());
        site.world.command("pgrep").args(["-f", &pattern]).output().expect("pgrep").status.success()
    };
    eventually(LONGEST, || if builds() { Ok(()) } else { Err("no build") });
    eventually(LONGEST, || if builds() { Err("it builds") } else { Ok(()) });
    run.types(b"secret\r");
    assert_eq!(run.end(), 0, "{}", run.shows());
    run.drew_and_left_nothing();
    let shown = run.shows();
    let question = shown.lines().position(|line| line.starts_with("Enter passphrase")).expect("the question");
    assert!(shown.lines().nth(question).is_some_and(|line| line.trim_end().ends_with("key':")), "{shown}");
    let built = shown.lines().position(|line| line.starts_with("  built"));
    assert!(built.is_some_and(|built| built > question), "{shown}");
    assert_eq!(site.now().current, format!("releases/{commit}"));
}
