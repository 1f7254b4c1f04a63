//! The one place that starts processes on this machine.
//!
//! Children stay in shipit's own process group, so that Ctrl-C in a terminal reaches them as well, and none of them
//! reads shipit's stdin (but for `exec`: see [`attach`]); each has a deadline, at which it is asked to end (SIGTERM) and then made to (SIGKILL).

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};

use super::cmd::Cmd;

/// How long a process has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// How long the pipes are still read after the process is gone: a grandchild may hold them open for ever.
const AFTERMATH: Duration = Duration::from_millis(500);
/// How much of stderr is kept for the error.
const STDERR_TAIL: usize = 64 * 1024;
/// A longer line is handed on in pieces, so that a program without newlines can't fill the memory.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

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

impl CmdError {
    fn new(cmd: &Cmd, end: End) -> Self {
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

/// A process that goes on while shipit does other things: the ssh master. It is ended when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    cmd: Cmd,
}

/// Starts a command that may ask its user through /dev/tty. Its stdout goes nowhere, its stderr into a file.
pub fn start(cmd: &Cmd, stderr: File) -> Result<Running, CmdError> {
    let streams = [Stdio::null(), Stdio::null(), Stdio::from(stderr)];
    Ok(Running { child: launch(cmd, streams, Group::Ours)?, cmd: cmd.clone() })
}

/// Starts a command that has this program's own streams. `terminal`: all of them, as one that a person types into; else
/// a Ctrl-C in the terminal does not reach it, and it reads only where `reads` says so.
pub fn attach(cmd: &Cmd, terminal: bool, reads: bool) -> Result<Running, CmdError> {
    let stdin = if terminal || reads { Stdio::inherit() } else { Stdio::null() };
    let group = if terminal { Group::Ours } else { Group::Own };
    let child = launch(cmd, [stdin, Stdio::inherit(), Stdio::inherit()], group)?;
    Ok(Running { child, cmd: cmd.clone() })
}

/// Who gets a Ctrl-C of the terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// This program and the child.
    Ours,
    /// This program alone.
    Own,
}

impl Running {
    /// Waits for its end, at most as long as the command's deadline says; then it is ended.
    pub async fn wait(&mut self) -> Result<(), CmdError> {
        let ended = match timeout(self.cmd.deadline, self.child.wait()).await {
            Ok(status) => status.map_err(End::Lost),
            Err(_) => {
                end(&mut self.child).await;
                Err(End::Deadline(self.cmd.deadline))
            }
        };
        match ended.map(verdict) {
            Ok(None) => Ok(()),
            Ok(Some(end)) | Err(end) => Err(CmdError::new(&self.cmd, end)),
        }
    }

    /// Its verdict when it has ended already, else nothing. Does not wait.
    pub fn ended(&mut self) -> Option<Result<(), CmdError>> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(match verdict(status) {
                None => Ok(()),
                Some(end) => Err(CmdError::new(&self.cmd, end)),
            }),
            Err(error) => Some(Err(CmdError::new(&self.cmd, End::Lost(error)))),
        }
    }

    /// Asks it to end, then makes it.
    pub async fn stop(mut self) {
        end(&mut self.child).await;
    }
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

/// Nothing when it ended well.
fn verdict(status: ExitStatus) -> Option<End> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(End::Code(code)),
        (None, signal) => Some(End::Signal(signal.unwrap_or_default())),
    }
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

/// Hands on whole lines until the end of the file.
async fn read_lines(pipe: &mut (impl AsyncRead + Unpin), mut on_line: impl FnMut(&str)) {
    let mut pending: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let count = match pipe.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        for piece in chunk[..count].split_inclusive(|byte| *byte == b'\n') {
            pending.extend_from_slice(piece);
            if piece.ends_with(b"\n") || pending.len() >= LONGEST_LINE {
                let line = pending.strip_suffix(b"\n").unwrap_or(&pending);
                on_line(&String::from_utf8_lossy(line));
                pending.clear();
            }
        }
    }
    if !pending.is_empty() {
        on_line(&String::from_utf8_lossy(&pending));
    }
}

/// The last lines, up to a number of bytes.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Tail {
    fn push(&mut self, line: &str) {
        let start = line.len().saturating_sub(STDERR_TAIL);
        let start = (start..=line.len()).find(|at| line.is_char_boundary(*at)).unwrap_or(line.len());
        self.bytes += line.len() - start;
        self.lines.push_back(line[start..].to_owned());
        while self.bytes > STDERR_TAIL {
            self.bytes -= self.lines.pop_front().map_or(self.bytes, |line| line.len());
        }
    }

    fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Cmd {
        Cmd::new("sh", Duration::from_secs(20)).args(["-c", script])
    }

    #[tokio::test]
    async fn it_tells_how_a_command_ended() {
        let output = run(&sh("echo a; echo b >&2")).await.unwrap();
        assert_eq!((output.text().as_str(), output.stderr.as_str()), ("a", "b\n"));
        let error = run(&sh("echo out; printf 'bad \\377 bytes' >&2; exit 3")).await.unwrap_err();
        assert_eq!(error.stderr, "bad \u{fffd} bytes\n");
        assert_eq!(error.stdout, b"out\n");
        assert!(error.to_string().ends_with("ended with code 3"), "{error}");
        let error = run(&sh("kill -9 $$")).await.unwrap_err();
        assert!(matches!(error.end, End::Signal(9)), "{error}");
        let error = run(&Cmd::new("no-such-program-here", Duration::from_secs(1))).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        let error = run(&sh("true").cwd("/no/such/folder")).await.unwrap_err();
        assert!(matches!(error.end, End::NoFolder), "{error}");
    }

    #[tokio::test]
    async fn a_deadline_ends_even_the_deaf() {
        let began = Instant::now();
        let mut cmd = sh("trap '' TERM; echo here >&2; while :; do sleep 0.1; done");
        cmd.deadline = Duration::from_millis(300);
        let error = run(&cmd).await.unwrap_err();
        assert!(matches!(error.end, End::Deadline(_)), "{error}");
        assert_eq!(error.stderr, "here\n");
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn a_grandchild_that_keeps_the_pipe_is_not_waited_for() {
        let began = Instant::now();
        assert_eq!(run(&sh("sleep 8 & echo done")).await.unwrap().text(), "done");
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn it_feeds_and_reads_more_than_a_pipe_holds() {
        let much = vec![b'x'; 1 << 20];
        let output = run(&Cmd::new("cat", Duration::from_secs(20)).stdin(much.clone())).await.unwrap();
        assert_eq!(output.stdout, much);
        // … and one that does not read what it is given.
        run(&Cmd::new("true", Duration::from_secs(20)).stdin(much)).await.unwrap();
    }

    #[tokio::test]
    async fn stderr_comes_line_by_line_and_its_end_is_kept() {
        let mut lines = 0;
        let error =
            stream(&sh("i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1"), |_| {
                lines += 1
            })
            .await
            .unwrap_err();
        assert_eq!(lines, 20000);
        assert!(error.stderr.len() <= STDERR_TAIL + 10000 && error.stderr.ends_with("line 19999\n"));
        assert_eq!(error.last_lines(2), ["line 19998", "line 19999"]);
    }

    #[tokio::test]
    async fn a_started_process_writes_to_its_file_and_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("log")).unwrap();
        let mut running = start(&sh("echo words >&2; exit 4"), file).unwrap();
        assert!(matches!(running.wait().await.unwrap_err().end, End::Code(4)));
        assert_eq!(std::fs::read_to_string(folder.path().join("log")).unwrap(), "words\n");
        let mut running = start(&sh("sleep 60"), File::create(folder.path().join("log")).unwrap()).unwrap();
        assert!(running.ended().is_none());
        running.stop().await;
    }
}
