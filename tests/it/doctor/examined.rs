//! What `doctor --json` said, and its advice typed where it says.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::lab::Server;
use crate::support::world::{Ran, World};

/// The answer of one run.
pub struct Examined {
    checks: Vec<Value>,
    pub text: String,
}

/// Runs it; the exit code, `ready` and the checks must tell the same.
#[track_caller]
pub fn doctor(world: &World, code: i32) -> Examined {
    Examined::of(world.shipit(&["doctor", "--json"]), code)
}

impl Examined {
    #[track_caller]
    pub fn of(ran: Ran, code: i32) -> Self {
        let shown = format!("{}\n{}", ran.stdout.replace("},{", "},\n{"), ran.stderr);
        assert_eq!(ran.code, code, "{shown}");
        assert_eq!(ran.stdout.lines().count(), 1, "one object: {shown}");
        let answer = ran.json();
        assert_eq!(answer["version"], 1);
        assert_eq!(answer["ready"], code == 0, "{shown}");
        let checks = answer["checks"].as_array().expect("checks").clone();
        assert_eq!(checks.iter().any(|check| check["status"] == "failed"), code == 3, "{shown}");
        Examined { checks, text: shown }
    }

    /// One check, `group/name`.
    #[track_caller]
    pub fn check(&self, name: &str) -> &Value {
        let (group, name) = name.split_once('/').expect("group/name");
        let is = |check: &&Value| check["group"] == group && check["name"] == name;
        self.checks.iter().find(is).unwrap_or_else(|| panic!("no {group}/{name} in {}", self.text))
    }

    /// Those with this status, as `group/name`.
    pub fn with(&self, status: &str) -> Vec<String> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let with = self.checks.iter().filter(|check| check["status"] == status);
        with.map(|check| format!("{}/{}", word(&check["group"]), word(&check["name"]))).collect()
    }

    /// These have this status, in this order, and no other has; each says so.
    #[track_caller]
    pub fn are(&self, status: &str, expected: &[(&str, &str)]) -> &Self {
        let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
        assert_eq!(self.with(status), names, "{}", self.text);
        for (name, says) in expected {
            self.says(name, says);
        }
        self
    }

    /// The check's text has this.
    #[track_caller]
    pub fn says(&self, name: &str, says: &str) -> &Self {
        let text = self.check(name)["text"].as_str().expect("a text");
        assert!(text.contains(says), "{name} does not say {says:?}: {text}");
        self
    }

    /// What a check says to type, all of it.
    pub fn hints(&self, name: &str) -> Vec<String> {
        let hints = self.check(name)["hints"].as_array().expect("hints");
        hints.iter().filter_map(|hint| hint.as_str().map(str::to_owned)).collect()
    }

    /// The first command that a check says, without what is said around it.
    #[track_caller]
    pub fn command(&self, name: &str) -> String {
        let hints = self.hints(name);
        let first = hints.first().unwrap_or_else(|| panic!("{name} says nothing to type: {}", self.text));
        // What stands behind three blanks explains the command; what stands before the colon says where it goes.
        let command = first.split("   ").next().unwrap_or_default();
        let starts = [
            "as root: ",
            "as root, with the app's own user and program: ",
            "as deploy: ",
            "nothing uses: ",
            "once: ",
        ];
        let command =
            starts.iter().find_map(|start| command.split_once(start)).map_or(command, |(_, rest)| rest);
        command.trim().trim_matches('`').to_owned()
    }

    /// Types it on the server, as root.
    #[track_caller]
    pub fn mend(&self, name: &str, server: &Server) -> &Self {
        server.sh_ok(&self.command(name));
        self
    }

    /// Types it in the app's folder on this machine.
    #[track_caller]
    pub fn mend_here(&self, name: &str, world: &World) -> &Self {
        let command = self.command(name);
        let ran = world.command("sh").args(["-c", &command]).output().expect("sh");
        let mut said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let _ = write!(said, "{}", String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{command}: {said}");
        self
    }
}
