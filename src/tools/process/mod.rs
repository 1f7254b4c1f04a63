//! The one place that starts processes on this machine.
//!
//! Children stay in shipit's own process group, so that Ctrl-C in a terminal reaches them as well, and none of them
//! reads shipit's stdin (but for `exec`: see [`attach`]); each has a deadline, at which it is asked to end (SIGTERM) and then made to (SIGKILL).

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};

use super::cmd::Cmd;
use end::verdict;
use read::{Tail, read_lines};

mod end;
mod read;
mod running;

#[cfg(test)]
mod tests;

pub use end::{CmdError, End, Output};
pub use running::{Running, attach, start};

/// How long a process has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// How long the pipes are still read after the process is gone: a grandchild may hold them open for ever.
const AFTERMATH: Duration = Duration::from_millis(500);

/// Runs a command to its end.
pub async fn run(cmd: &Cmd) -> Result<Output, CmdError> {
    stream(cmd, |_| {}).await
}

/// Runs a command to its end and hands on each line of stderr as it comes, without its newline. Bytes that are
/// not UTF-8 come as U+FFFD.
pub async fn stream(cmd: &Cmd, mut on_stderr: impl FnMut(&str)) -> Result<Output, CmdError> {
    let stdin = if cmd.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = launch(cmd, [stdin, Stdio::piped(), Stdio::piped()], Group::Ours)?;
    let deadline = sleep_until(Instant::now() + cmd.deadline);
    tokio::pin!(deadline);

    // The three pipes are served in this one task: dropping the future drops the child, and with it all of them.
    let input = child.stdin.take().zip(cmd.stdin.clone());
    let feed = async move {
        if let Some((mut pipe, bytes)) = input {
            // A program that stops reading says why by its exit code.
            let _ = pipe.write_all(&bytes).await;
        }
    };
    let mut stdout = Vec::new();
    let mut tail = Tail::default();
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let ended = {
        let talk = async {
            let read_out = async {
                if let Some(pipe) = &mut out {
                    let _ = pipe.read_to_end(&mut stdout).await;
                }
            };
            let read_err = async {
                if let Some(pipe) = &mut err {
                    read_lines(pipe, |line| {
                        tail.push(line);
                        on_stderr(line);
                    })
                    .await;
                }
            };
            tokio::join!(feed, read_out, read_err);
        };
        tokio::pin!(talk);
        let mut silent = false;
        let ended = loop {
            tokio::select! {
                status = child.wait() => break status.map_err(End::Lost),
                () = &mut talk, if !silent => silent = true,
                () = &mut deadline => {
                    end(&mut child).await;
                    break Err(End::Deadline(cmd.deadline));
                }
            }
        };
        if !silent {
            let _ = timeout(AFTERMATH, &mut talk).await;
        }
        ended
    };

    let end = match ended.map(verdict) {
        Ok(None) => return Ok(Output { stdout, stderr: tail.text() }),
        Ok(Some(end)) | Err(end) => end,
    };
    Err(CmdError { stdout, stderr: tail.text(), ..CmdError::new(cmd, end) })
}

/// Who gets a Ctrl-C of the terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// This program and the child.
    Ours,
    /// This program alone.
    Own,
}

#[expect(clippy::disallowed_methods, reason = "this is the door that all others are sent to")]
fn launch(cmd: &Cmd, [stdin, stdout, stderr]: [Stdio; 3], group: Group) -> Result<Child, CmdError> {
    let mut command = Command::new(&cmd.program);
    command.args(&cmd.args).stdin(stdin).stdout(stdout).stderr(stderr).kill_on_drop(true);
    if group == Group::Own {
        command.process_group(0);
    }
    for (name, value) in &cmd.env {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(cwd) = &cmd.cwd {
        command.current_dir(cwd);
    }
    tracing::debug!("{cmd}");
    command.spawn().map_err(|error| {
        // A missing folder and a missing program are the same error to the kernel.
        let end = match (error.kind(), &cmd.cwd) {
            (io::ErrorKind::NotFound, Some(cwd)) if !cwd.is_dir() => End::NoFolder,
            (io::ErrorKind::NotFound, _) => End::NotFound,
            _ => End::NotStarted(error),
        };
        CmdError::new(cmd, end)
    })
}

async fn end(child: &mut Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        if timeout(GRACE, child.wait()).await.is_ok() {
            return;
        }
    }
    let _ = child.kill().await;
}
