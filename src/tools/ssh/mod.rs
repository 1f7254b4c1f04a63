//! The one connection: an ssh master that everything shares, `nix copy` too, so that a deploy authenticates once.
//!
//! The master is OpenSSH's own `ssh -M`, started here because only then it may ask for a passphrase, a PIN or a
//! touch on the terminal; the sessions over it are the openssh crate's, spoken straight to the control socket: no
//! child of ours dies with a Ctrl-C in the terminal while the server waits for a verdict. This is the one place
//! that knows what OpenSSH's texts and exit codes mean.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use openssh::{Session, Stdio};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use self::answer::{Answer, first_words};
use self::error::{LONGEST_LINE, lost};
use self::options::{CONNECT, common_options};
use self::refusal::classify;
use super::cmd::Cmd;
use super::lines::WholeLines;
use super::private_folder::PrivateFolder;
use super::process::{self, Running};
use crate::model::names::HostName;
use crate::remote::{self, Script};

mod answer;
mod conversation;
mod error;
mod options;
mod refusal;

pub use conversation::Conversation;
pub use error::SshError;
pub use options::{Options, login_name, version};

/// How long all of connecting may take where nobody can be asked.
const AUTHENTICATE: Duration = Duration::from_secs(30);
/// … and where somebody has to find a token or remember a passphrase.
const AUTHENTICATE_BY_HAND: Duration = Duration::from_secs(180);
/// How long the master outlives a shipit that was killed.
const PERSIST_SECONDS: u32 = 30;

/// What a person does on the server takes as long as it takes; it ends with the connection.
const NO_END: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// An open connection.
pub struct Connection {
    session: Session,
    host: HostName,
    folder: PrivateFolder,
    /// While somebody is connected to its socket, the master does not take itself for idle: a build may last for hours.
    /// It goes with this process, whatever ends that.
    _in_use: UnixStream,
}

impl Connection {
    /// Connects and authenticates, once.
    pub async fn open(options: &Options) -> Result<Self, SshError> {
        let folder = PrivateFolder::new(&options.runtime_folder).map_err(SshError::Folder)?;
        let socket = folder.path().join("s");
        let log = folder.path().join("log");
        let deadline = if options.interactive { AUTHENTICATE_BY_HAND } else { AUTHENTICATE };
        let cmd = Cmd::new("ssh", deadline)
            .args(["-M", "-N", "-f", "-T", "-S"])
            .arg(&socket)
            .arg("-E")
            .arg(&log)
            .args(["-o", &format!("ControlPersist={PERSIST_SECONDS}")])
            // A dead link is noticed by the heartbeat of the conversation; this only ends a master that nobody needs.
            .args(["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"])
            .args(common_options(options, folder.path())?)
            .args(["-o", if options.interactive { "BatchMode=no" } else { "BatchMode=yes" }])
            .args(["--", options.host.as_str()]);
        let errors = File::create(folder.path().join("stderr")).map_err(SshError::Folder)?;
        let mut master = process::start(&cmd, errors).map_err(|error| {
            if error.is_not_found() { SshError::NotInstalled } else { lost(&options.host, error) }
        })?;
        if let Err(error) = master.wait().await {
            let said = read(&log) + &read(&folder.path().join("stderr"));
            return Err(classify(options, folder.path(), &said, &error).await);
        }
        let in_use = UnixStream::connect(&socket).map_err(|error| lost(&options.host, error))?;
        let session = Session::resume_mux(socket.into_boxed_path(), Some(log.into_boxed_path()));
        let connection = Connection { session, host: options.host.clone(), folder, _in_use: in_use };
        match timeout(CONNECT, connection.session.check()).await {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(error)) => Err(lost(&options.host, error)),
            Err(_) => Err(lost(&options.host, "the ssh master does not answer")),
        }
    }

    /// The control socket, for `nix copy`.
    pub fn socket(&self) -> &Path {
        self.session.control_socket()
    }

    /// Runs a script of the remote half and returns what it said, without the final `end`.
    pub async fn ask<W: AsRef<str>>(
        &self,
        script: Script,
        words: &[W],
        stdin: &[u8],
        deadline: Duration,
    ) -> Result<Vec<String>, SshError> {
        let line = self.line(script, words)?;
        let work = async {
            let mut child = self
                .session
                .raw_command(line)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .await
                .map_err(|error| lost(&self.host, error))?;
            let (input, out, err) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
            let feed = async move {
                if let Some(mut pipe) = input {
                    // A script that reads nothing may be gone before it was written.
                    let _ = pipe.write_all(stdin).await;
                }
            };
            let said = async {
                match out {
                    Some(pipe) => Answer::read(WholeLines::of(pipe)).await,
                    None => Answer::default(),
                }
            };
            let complaint = async {
                match err {
                    Some(pipe) => first_words(WholeLines::of(pipe)).await,
                    None => None,
                }
            };
            let ((), answer, complaint) = tokio::join!(feed, said, complaint);
            let ended = child.wait().await.map_err(|error| lost(&self.host, error));
            answer.lines(&self.host, complaint, ended.err())
        };
        timeout(deadline, work)
            .await
            .map_err(|_| lost(&self.host, format!("no answer within {} s", deadline.as_secs())))?
    }

    /// The script as one line, if that is one that the server's kernel takes.
    fn line<W: AsRef<str>>(&self, script: Script, words: &[W]) -> Result<String, SshError> {
        let line = script.command_line(words);
        if line.len() > LONGEST_LINE {
            return Err(SshError::TooLong { host: self.host.clone(), bytes: line.len() });
        }
        Ok(line)
    }

    /// Runs a script of the remote half whose answer may take long, and hands on what it says, word and rest, without
    /// the final `end`. The script says something at least this often.
    pub async fn ask_patiently<W: AsRef<str>>(
        &self,
        script: Script,
        words: &[W],
        stdin: &[u8],
        silence: Duration,
        mut on_line: impl FnMut(&str, &str),
    ) -> Result<(), SshError> {
        let Conversation { stdin: mut pipe, mut lines, child: _child } = self.talk(script, words).await?;
        // A script that reads nothing may be gone before it was written.
        let _ = timeout(silence, pipe.write_all(stdin)).await;
        drop(pipe);
        // The last `end` counts: a login shell may say one, too.
        let mut ended = false;
        loop {
            let line = timeout(silence, lines.next())
                .await
                .map_err(|_| lost(&self.host, format!("no word for {} s", silence.as_secs())))?;
            let Some(line) = line else {
                return if ended {
                    Ok(())
                } else {
                    Err(lost(&self.host, "it ended in the middle of an answer"))
                };
            };
            match remote::parse(&line) {
                Some(("end", "")) => ended = true,
                Some((word, rest)) => {
                    ended = false;
                    on_line(word, rest);
                }
                None => {}
            }
        }
    }

    /// Runs a script whose streams are this program's own: with a terminal of its own there, or without. `reads`: it gets
    /// what this program is given.
    pub fn attach<W: AsRef<str>>(
        &self,
        script: Script,
        words: &[W],
        terminal: bool,
        reads: bool,
    ) -> Result<Running, SshError> {
        let line = self.line(script, words)?;
        let cmd = Cmd::new("ssh", NO_END)
            .args(["-F", "none", "-q", if terminal { "-tt" } else { "-T" }, "-S"])
            .arg(self.socket())
            // Over this connection or not at all.
            .args([
                "-o",
                "ControlMaster=no",
                "-o",
                "ProxyCommand=false",
                "-o",
                "BatchMode=yes",
                "-o",
                "EscapeChar=none",
            ])
            .args(["--", "server", &line]);
        process::attach(&cmd, terminal, reads).map_err(|error| lost(&self.host, error))
    }

    /// Begins a conversation with a script of the remote half.
    pub async fn talk<W: AsRef<str>>(
        &self,
        script: Script,
        words: &[W],
    ) -> Result<Conversation<'_>, SshError> {
        let line = self.line(script, words)?;
        let spawn = async {
            self.session
                .raw_command(line)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .await
        };
        let mut child = timeout(CONNECT, spawn)
            .await
            .map_err(|_| lost(&self.host, "the server opened no session"))?
            .map_err(|error| lost(&self.host, error))?;
        match (child.stdin().take(), child.stdout().take()) {
            (Some(stdin), Some(stdout)) => Ok(Conversation { stdin, lines: WholeLines::of(stdout), child }),
            _ => Err(lost(&self.host, "a session without pipes")),
        }
    }

    /// Ends the master. A connection that is dropped without it ends by itself after a while.
    pub async fn close(self) {
        let cmd = Cmd::new("ssh", Duration::from_secs(5))
            .args(["-F", "none", "-O", "exit", "-S"])
            .arg(self.socket())
            .args(["--", "server"]);
        if let Err(error) = process::run(&cmd).await {
            tracing::debug!("closing the connection: {error}");
        }
        drop(self.folder);
    }
}

fn read(file: &Path) -> String {
    fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
