//! What a command has said, and how it ended.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::tools::cmd::Cmd;

/// What a command that ended well has said.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// All of stdout.
    pub stdout: Vec<u8>,
    /// The end of stderr.
    pub stderr: String,
}

impl Output {
    /// stdout as text, without the last newline.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.stdout);
        text.strip_suffix('\n').unwrap_or(&text).to_owned()
    }
}

/// A command that did not end well.
#[derive(Debug, thiserror::Error)]
#[error("`{command}` {end}")]
pub struct CmdError {
    /// The command, as it can be pasted.
    pub command: String,
    /// The program alone.
    pub program: String,
    /// How it ended.
    pub end: End,
    /// All of stdout.
    pub stdout: Vec<u8>,
    /// The end of stderr.
    pub stderr: String,
}

impl CmdError {
    pub(super) fn new(cmd: &Cmd, end: End) -> Self {
        CmdError {
            command: cmd.to_string(),
            program: cmd.program.to_string_lossy().into_owned(),
            end,
            stdout: Vec::new(),
            stderr: String::new(),
        }
    }

    /// The program is not installed.
    pub fn is_not_found(&self) -> bool {
        matches!(self.end, End::NotFound)
    }

    /// The last lines of stderr, without empty ones.
    pub fn last_lines(&self, most: usize) -> Vec<String> {
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(most)..].iter().map(|line| (*line).to_owned()).collect()
    }
}

/// How a command ended that did not end well.
#[derive(Debug)]
pub enum End {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// By us, when its time was over.
    Deadline(Duration),
    /// It never started: there is no such program on PATH.
    NotFound,
    /// It never started: its folder is not there.
    NoFolder,
    /// It never started, for another reason.
    NotStarted(io::Error),
    /// It started, and then could not be watched.
    Lost(io::Error),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Code(code) => write!(f, "ended with code {code}"),
            End::Signal(signal) => write!(f, "was ended by signal {signal}"),
            End::Deadline(limit) => write!(f, "was not done after {} s and was ended", limit.as_secs()),
            End::NotFound => write!(f, "could not be started: there is no such program on PATH"),
            End::NoFolder => write!(f, "could not be started: its folder is not there"),
            End::NotStarted(error) => write!(f, "could not be started: {error}"),
            End::Lost(error) => write!(f, "could not be watched: {error}"),
        }
    }
}

/// Nothing when it ended well.
pub(super) fn verdict(status: ExitStatus) -> Option<End> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(End::Code(code)),
        (None, signal) => Some(End::Signal(signal.unwrap_or_default())),
    }
}
