//! The remote half: POSIX `sh` scripts that travel with each request. Nothing of shipit stays on the server.
//!
//! A script goes as one line that every login shell passes on unread: base64 holds no character that bash, fish,
//! zsh or csh would touch, and stdin stays free for the conversation. Its words travel the same way, as base64 that
//! `words.sh` reads, and arrive as `"$@"`: nothing is ever pasted into shell text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Travels as a word of `switch.sh`, which runs it as the unit's user.
pub const HOOK: [&str; 2] = [UNIT_ENV, include_str!("hook.sh")];
/// Travels as a word of `exec.sh`, which runs it as the unit's user.
pub const EXEC_RUN: [&str; 2] = [UNIT_ENV, include_str!("exec_run.sh")];

/// Longer words go alone: what a shell cuts off a long text costs it the square of its length.
const LONG_WORD: usize = 400;

const UNIT_ENV: &str = include_str!("unit_env.sh");

const COMMON: &str = include_str!("common.sh");
const WORDS: &str = include_str!("words.sh");
const STDIN_WORDS: &str = include_str!("stdin_words.sh");
const ACCOUNTS: &str = include_str!("accounts.sh");
const NIX: &str = include_str!("nix.sh");
const ASK: &str = include_str!("ask.sh");
const SETTLE: &str = include_str!("settle.sh");
const PUT_HOLD: &str = include_str!("put_hold.sh");
const LOCK: &str = include_str!("lock.sh");
const LOG_SCOPE: &str = include_str!("log_scope.sh");
const REMOVE: &str = include_str!("remove.sh");

/// What can be asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// One look: prints facts.
    State,
    /// Which store paths it lacks.
    Missing,
    /// What a store path needs, with sizes.
    Closure,
    /// The transaction.
    Switch,
    /// How a deploy ended.
    Outcome,
    /// The log lines of one start.
    Logs,
    /// A command beside the app.
    Exec,
    /// What ends it with its client.
    ExecKeep,
    /// The unit's log.
    ReadLog,
    /// Deploys are held, or not any more.
    Hold,
    /// Old releases go.
    Prune,
    /// … and what Nix keeps of them.
    Collect,
    /// What `doctor` asks beyond the look.
    Doctor,
    /// The way to root, for an [`AdminScript`].
    Admin,
}

/// What is asked of a server as root. It goes to [`Script::Admin`] on stdin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminScript {
    /// What there is of what `setup` makes.
    Look,
    /// One step of `setup`.
    Step,
}

impl AdminScript {
    fn text(self) -> String {
        let parts = match self {
            AdminScript::Look => include_str!("setup_look.sh"),
            AdminScript::Step => include_str!("setup.sh"),
        };
        [COMMON, STDIN_WORDS, WORDS, ACCOUNTS, NIX, parts].map(stripped).concat()
    }

    /// What `admin.sh` reads: the password, or nothing, and then the script and its words.
    pub fn stdin<W: AsRef<str>>(self, password: &str, words: &[W]) -> Vec<u8> {
        let mut text = format!("{password}\nshipit:");
        BASE64.encode_string(self.text(), &mut text);
        text.push('\n');
        for word in encoded(words) {
            text += &word;
            text.push('\n');
        }
        text += ".\n";
        text.into_bytes()
    }
}

/// The script that settles at boot, as `setup` puts it onto the server: its words are those of its command line.
pub fn boot_script() -> String {
    format!(
        "#!/bin/sh\n# Installed by shipit setup, which replaces it when it has a newer one.\n{}",
        [COMMON, SETTLE, include_str!("boot.sh")].map(stripped).concat()
    )
}

impl Script {
    /// Its text behind what all have in common, in the order in which the parts are read.
    fn parts(self) -> &'static [&'static str] {
        match self {
            Script::State => &[NIX, include_str!("state.sh")],
            Script::Missing => &[include_str!("missing.sh")],
            Script::Closure => &[include_str!("closure.sh")],
            Script::Switch => &[
                SETTLE,
                PUT_HOLD,
                LOCK,
                REMOVE,
                include_str!("place.sh"),
                include_str!("watch.sh"),
                ASK,
                include_str!("run_hook.sh"),
                include_str!("switch.sh"),
            ],
            Script::Outcome => &[SETTLE, include_str!("outcome.sh")],
            Script::Logs => &[LOG_SCOPE, include_str!("logs.sh")],
            Script::Exec => &[include_str!("exec.sh")],
            Script::ExecKeep => &[include_str!("exec_keep.sh")],
            Script::ReadLog => &[LOG_SCOPE, include_str!("read_log.sh")],
            Script::Prune => &[SETTLE, LOCK, REMOVE, include_str!("prune.sh")],
            Script::Collect => &[include_str!("collect.sh")],
            Script::Hold => &[SETTLE, PUT_HOLD, include_str!("hold.sh")],
            Script::Admin => &[include_str!("admin.sh")],
            Script::Doctor => &[ASK, include_str!("doctor.sh")],
        }
    }

    /// All of it, as it is sent.
    fn text(self) -> String {
        [COMMON, WORDS].iter().chain(self.parts()).map(|part| stripped(part)).collect()
    }

    /// The line that a login shell is given.
    pub fn command_line<W: AsRef<str>>(self, words: &[W]) -> String {
        line(&self.text(), words)
    }
}

/// A script's text and its words as one line that any login shell passes on.
fn line<W: AsRef<str>>(text: &str, words: &[W]) -> String {
    // `exec`, so that no shell of the login stays between; the name `shipit` shows in the server's process list.
    let mut line = String::from(r#"exec sh -c 'eval "$(printf %s "#);
    BASE64.encode_string(text, &mut line);
    line.push_str(r#" | base64 -d)"' shipit"#);
    for word in encoded(words) {
        line.push(' ');
        line += &word;
    }
    line
}

/// The words as `words.sh` reads them.
fn encoded<W: AsRef<str>>(words: &[W]) -> Vec<String> {
    let mut lines = String::new();
    let mut long = Vec::new();
    for word in words.iter().map(AsRef::as_ref) {
        if word.len() > LONG_WORD {
            lines.push_str("\\w");
            long.push(BASE64.encode(format!(".{word}")));
        } else {
            lines.push_str(&word.replace('\\', "\\\\").replace('\n', "\\n"));
        }
        lines.push('\n');
    }
    if lines.is_empty() {
        return long;
    }
    long.insert(0, BASE64.encode(lines + "."));
    long
}

/// The line of another script, behind the part that all have in common.
#[cfg(test)]
pub(crate) fn line_of<W: AsRef<str>>(script: &str, words: &[W]) -> String {
    line(&format!("{}{}{script}", stripped(COMMON), stripped(WORDS)), words)
}

/// Without comments and indentation: the line has to fit into few packets. Behind code, two blanks and `# ` begin a
/// comment; nothing else in the scripts looks so.
pub fn stripped(script: &str) -> String {
    let mut text = String::with_capacity(script.len());
    for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        text.push_str(line.split_once("  # ").map_or(line, |(code, _)| code.trim_end()));
        text.push('\n');
    }
    text
}

/// The prefix of each line that the remote half means for its client; a login shell's banner has none.
pub const MARK: &str = "@ ";

/// Splits a line of the remote half into its first word and the rest; none for a line that is not one of its own.
pub fn parse(line: &str) -> Option<(&str, &str)> {
    let said = line.strip_prefix(MARK)?.trim_end_matches(['\r', '\n']);
    Some(said.split_once(' ').unwrap_or((said, "")))
}

/// A text that came as one base64 word, as lines.
pub fn unpacked(word: &str) -> Vec<String> {
    let bytes = BASE64.decode(word.trim()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tools::cmd::Cmd;
    use crate::tools::process;

    #[test]
    fn the_line_fits_an_exec_with_room_for_words() {
        // Past 131,049 bytes an exec fails; a long line costs round trips long before.
        let line = Script::Switch.command_line(&["x"; 50]);
        assert!(line.len() < 32_000, "{}", line.len());
    }

    #[test]
    fn comments_are_not_sent() {
        let script = "# a\n  one=*) one=$value ;;   # what it is\n\n  say 'a # b'\n";
        assert_eq!(stripped(script), "one=*) one=$value ;;\nsay 'a # b'\n");
    }

    #[tokio::test]
    async fn every_shell_can_read_the_scripts() {
        let scripts = [
            Script::State,
            Script::Missing,
            Script::Closure,
            Script::Switch,
            Script::Outcome,
            Script::Logs,
            Script::ReadLog,
            Script::Exec,
            Script::ExecKeep,
            Script::Hold,
            Script::Prune,
            Script::Collect,
            Script::Admin,
            Script::Doctor,
        ]
        .map(Script::text);
        let runs = [HOOK, EXEC_RUN].map(|parts| parts.map(stripped).concat());
        let others = [AdminScript::Look.text(), AdminScript::Step.text(), boot_script()];
        for shell in [&["sh"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            for script in scripts.iter().chain(&runs).chain(&others) {
                let cmd =
                    Cmd::new(shell[0], Duration::from_secs(10)).args(&shell[1..]).args(["-n", "-c", script]);
                match process::run(&cmd).await {
                    Err(error) if error.is_not_found() && shell[0] != "sh" => {}
                    other => assert_eq!(other.expect("a script that parses").stderr, ""),
                }
            }
        }
    }

    /// sshd ends an exec when nobody has its streams open any more. What a script leaves behind for some seconds must not.
    #[tokio::test]
    async fn an_answer_ends_with_its_script() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let nix = folder.path().join("nix-store");
        std::fs::write(&nix, "#!/bin/sh\nsleep 0.3\n").unwrap();
        std::fs::set_permissions(&nix, std::fs::Permissions::from_mode(0o700)).unwrap();
        let line = Script::Missing.command_line(&[folder.path().to_str().unwrap(), "yes", "/nix/store/top"]);
        let both = format!("( {line} ) 2>&1 | cat");
        let said = process::run(&Cmd::new("sh", Duration::from_millis(4500)).args(["-c", &both])).await;
        assert!(said.expect("an end before its `sleep 5`").text().ends_with("@ end"));
    }

    #[test]
    fn nothing_in_the_line_means_something_to_a_shell() {
        let line = Script::State.command_line(&["$(touch x)", "", "it's", "a\nb", "`x`", "!!", "-n"]);
        let words = line.split_once("' shipit ").map(|(_, words)| words).unwrap_or_default();
        assert!(words.chars().all(|c| c.is_ascii_alphanumeric() || "+/= ".contains(c)), "{words}");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn a_banner_is_not_a_line_of_ours() {
        assert_eq!(parse("Welcome to Debian"), None);
        assert_eq!(parse("@ unit ActiveState=active"), Some(("unit", "ActiveState=active")));
        assert_eq!(parse("@ end\r\n"), Some(("end", "")));
    }
}
