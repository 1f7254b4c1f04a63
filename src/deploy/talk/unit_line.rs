//! One look at the unit, as the server's watcher tells it, and how a start of it ended, in words.

use crate::model::names::Invocation;

/// What the unit's watcher says in one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitLine {
    /// Its ActiveState.
    pub active: String,
    /// Its SubState.
    pub sub: String,
    /// Which start of it.
    pub invocation: Option<Invocation>,
    /// The main process; none: there is none.
    pub process: Option<String>,
    /// systemd has something to do with it: a restart, a stop.
    pub job: bool,
    result: String,
    status: String,
}

impl UnitLine {
    /// Reads `ActiveState=active SubState=running …`.
    pub fn parse(text: &str) -> Self {
        let mut line = UnitLine::default();
        for (name, value) in text.split_whitespace().filter_map(|word| word.split_once('=')) {
            match name {
                "ActiveState" => line.active = value.to_owned(),
                "SubState" => line.sub = value.to_owned(),
                "InvocationID" => line.invocation = value.parse().ok(),
                "Result" => line.result = value.to_owned(),
                "ExecMainStatus" => line.status = value.to_owned(),
                "ExecMainPID" if value != "0" => line.process = Some(value.to_owned()),
                "Job" => line.job = !value.is_empty() && value != "0",
                _ => {}
            }
        }
        line
    }

    /// Its state, as systemd shows it: `failed (failed)`; none: it was not seen.
    pub fn in_words(&self) -> Option<String> {
        (!self.active.is_empty()).then(|| format!("{} ({})", self.active, self.sub))
    }

    /// Its process is gone or about to be, whether or not systemd will start another one.
    pub fn is_dead(&self) -> bool {
        matches!(self.active.as_str(), "failed" | "inactive" | "deactivating")
            || self.sub.starts_with("auto-restart")
    }

    /// How it died: `it ended with status 1`.
    pub fn end(&self) -> String {
        match (self.result.as_str(), self.status.as_str()) {
            ("exit-code", "" | "0") => "ExecStartPre= or ExecStartPost= failed".to_owned(),
            ("" | "success", "" | "0") => "it ended by itself".to_owned(),
            ("" | "success" | "exit-code", status) => exited(status),
            ("signal" | "core-dump", signal) => killed(signal, ""),
            ("oom-kill", _) => "the kernel killed it: there was too little memory".to_owned(),
            ("timeout", _) => "it did not start or stop in the time that the unit gives it".to_owned(),
            ("watchdog", _) => "it did not answer systemd's watchdog".to_owned(),
            ("start-limit-hit", _) => "systemd's start limit was hit".to_owned(),
            ("protocol", _) => "it ended before it told systemd that it had started".to_owned(),
            (result, _) => format!("systemd says {result}"),
        }
    }

    /// What it is doing, as systemd calls it: `activating (start-post)`.
    pub fn doing(&self) -> String {
        match self.sub.as_str() {
            "" => self.active.clone(),
            sub => format!("{} ({sub})", self.active),
        }
    }
}

/// How a start ended, from systemd's own line about it in the server's journal:
/// `server.service: Main process exited, code=exited, status=1/FAILURE`. None for any other line.
pub fn told_end(line: &str) -> Option<String> {
    if line.contains("Deactivated successfully") {
        return Some("it ended by itself".to_owned());
    }
    let (what, rest) = line.split_once(" process exited, code=")?;
    let (code, rest) = rest.split_once(", status=")?;
    let (status, name) = rest.split_once('/').unwrap_or((rest, ""));
    Some(match (what.ends_with("Control"), code) {
        (true, _) => "ExecStartPre= or ExecStartPost= failed".to_owned(),
        (_, "exited") => exited(status),
        _ => killed(status, name.trim()),
    })
}

fn exited(status: &str) -> String {
    match systemd_s(status) {
        Some(meaning) => format!("systemd could not {meaning} (status {status})"),
        None => format!("it ended with status {status}"),
    }
}

fn killed(signal: &str, name: &str) -> String {
    let known = [("4", "ILL"), ("6", "ABRT"), ("7", "BUS"), ("9", "KILL"), ("11", "SEGV"), ("15", "TERM")];
    let known = known.iter().find(|(number, _)| *number == signal).map_or("", |(_, name)| name);
    match if name.is_empty() { known } else { name } {
        "" => format!("it was killed by signal {signal}"),
        name => format!("it was killed by signal {signal} ({name})"),
    }
}

/// The statuses with which systemd says that it could not even start the program (systemd.exec(5)).
fn systemd_s(status: &str) -> Option<&'static str> {
    match status {
        "200" => Some("enter the unit's WorkingDirectory"),
        "203" => Some("start the program that ExecStart names"),
        "209" => Some("open the unit's StandardOutput"),
        "216" => Some("become the unit's Group"),
        "217" => Some("become the unit's User"),
        "226" => Some("set up the unit's mounts"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_in_words() {
        let end = |result: &str, status: &str| {
            UnitLine::parse(&format!("ActiveState=failed Result={result} ExecMainStatus={status}")).end()
        };
        assert_eq!(end("exit-code", "1"), "it ended with status 1");
        assert_eq!(end("exit-code", "0"), "ExecStartPre= or ExecStartPost= failed");
        assert_eq!(
            end("exit-code", "203"),
            "systemd could not start the program that ExecStart names (status 203)"
        );
        assert_eq!(end("success", "0"), "it ended by itself");
        assert_eq!(end("signal", "9"), "it was killed by signal 9 (KILL)");
        assert_eq!(end("core-dump", "31"), "it was killed by signal 31");
        assert_eq!(end("oom-kill", "9"), "the kernel killed it: there was too little memory");
        assert_eq!(end("resources", "0"), "systemd says resources");
    }

    #[test]
    fn systemd_s_own_line_says_the_same() {
        let told = |text: &str| told_end(&format!("server.service: {text}")).unwrap_or_default();
        assert_eq!(told("Main process exited, code=exited, status=1/FAILURE"), "it ended with status 1");
        assert_eq!(
            told("Main process exited, code=killed, status=9/KILL"),
            "it was killed by signal 9 (KILL)"
        );
        assert_eq!(
            told("Main process exited, code=dumped, status=11/SEGV"),
            "it was killed by signal 11 (SEGV)"
        );
        assert_eq!(
            told("Control process exited, code=exited, status=1/FAILURE"),
            "ExecStartPre= or ExecStartPost= failed"
        );
        assert_eq!(told("Deactivated successfully."), "it ended by itself");
        assert_eq!(told_end("boom"), None);
    }
}
