//! A command as a value, before it is a process: it can be printed, pasted and compared.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is to be run. The deadline is part of it: nothing is waited for without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cmd {
    /// The program, looked up on PATH when it has no slash.
    pub program: OsString,
    /// Its words.
    pub args: Vec<OsString>,
    /// Variables to set, or (without a value) to remove.
    pub env: Vec<(OsString, Option<OsString>)>,
    /// The folder to run in; none: shipit's own.
    pub cwd: Option<PathBuf>,
    /// What it reads; none: nothing.
    pub stdin: Option<Vec<u8>>,
    /// How long it may take.
    pub deadline: Duration,
}

impl Cmd {
    /// A command that may take this long.
    pub fn new(program: impl AsRef<OsStr>, deadline: Duration) -> Self {
        Cmd {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            stdin: None,
            deadline,
        }
    }

    /// Adds a word.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds words.
    #[must_use]
    pub fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Runs it in this folder.
    #[must_use]
    pub fn cwd(mut self, folder: impl AsRef<Path>) -> Self {
        self.cwd = Some(folder.as_ref().to_owned());
        self
    }

    /// Gives it something to read.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }
}

/// A line to paste into a shell. Removed variables are left out: where they mattered, nobody set them by hand.
impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cwd) = &self.cwd {
            write!(f, "cd {} && ", quoted(cwd.as_os_str()))?;
        }
        for (name, value) in &self.env {
            if let Some(value) = value {
                write!(f, "{}={} ", name.to_string_lossy(), quoted(value))?;
            }
        }
        write!(f, "{}", quoted(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

/// One word, quoted for a shell. A NUL can't be quoted, nor be part of a command that runs: it is dropped.
pub fn quoted(word: &OsStr) -> String {
    let bytes: Vec<u8> = word.as_bytes().iter().copied().filter(|byte| *byte != 0).collect();
    match shlex::bytes::try_quote(&bytes) {
        Ok(quoted) => String::from_utf8_lossy(&quoted).into_owned(),
        Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_as_it_can_be_pasted() {
        let cmd = Cmd::new("git", Duration::from_secs(1))
            .args(["-C", "/a b/it's", "status"])
            .env("LC_ALL", "C")
            .env_remove("GIT_DIR")
            .arg("$HOME");
        let text = cmd.to_string();
        assert_eq!(
            shlex::split(&text).unwrap(),
            ["LC_ALL=C", "git", "-C", "/a b/it's", "status", "$HOME"],
            "{text}"
        );
        assert_eq!(Cmd::new("true", Duration::ZERO).cwd("/x y").to_string(), "cd '/x y' && true");
    }
}
