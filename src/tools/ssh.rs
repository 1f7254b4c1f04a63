//! The one connection: an ssh master that everything shares, `nix copy` too, so that a deploy authenticates once.
//!
//! The master is OpenSSH's own `ssh -M`, started here because only then it may ask for a passphrase, a PIN or a
//! touch on the terminal; the sessions over it are the openssh crate's, spoken straight to the control socket: no
//! child of ours dies with a Ctrl-C in the terminal while the server waits for a verdict. This is the one place
//! that knows what OpenSSH's texts and exit codes mean.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use openssh::{Session, Stdio};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::cmd::Cmd;
use super::lines::WholeLines;
use super::process;
use crate::model::names::HostName;
use crate::model::settings::SshSettings;
use crate::remote::{self, Script};

/// How long the TCP connection to the server may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long all of connecting may take where nobody can be asked.
const AUTHENTICATE: Duration = Duration::from_secs(30);
/// … and where somebody has to find a token or remember a passphrase.
const AUTHENTICATE_BY_HAND: Duration = Duration::from_secs(180);
/// How long the master outlives a shipit that was killed.
const PERSIST_SECONDS: u32 = 30;
/// Linux takes no longer word for a program, and the whole line is one word of the login shell.
const LONGEST_LINE: usize = 130_000;
/// More than this no script has to say. A server that talks for ever does not fill the memory.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// There is no `ssh` here.
    #[error("`ssh` is not installed here, or not on the PATH")]
    NotInstalled,
    /// Nobody vouches for the server's key.
    #[error("the host key of {host} is not known{}", fingerprint.as_ref().map(|f| format!(": it is {f}")).unwrap_or_default())]
    UnknownHostKey {
        /// The server.
        host: HostName,
        /// What the server shows: `256 SHA256:… (ED25519)`.
        fingerprint: Option<String>,
        /// The key itself, for shipit.toml.
        key: Option<String>,
    },
    /// The server shows another key than the one that is known or pinned.
    #[error("{host} shows another host key than the one that is {}{}", if *pinned { "pinned in shipit.toml" } else { "in known_hosts" }, fingerprint.as_ref().map(|f| format!(": it is {f}")).unwrap_or_default())]
    OtherHostKey {
        /// The server.
        host: HostName,
        /// Whether shipit.toml pins the key that was expected.
        pinned: bool,
        /// What the server shows.
        fingerprint: Option<String>,
    },
    /// The server does not let this key in.
    #[error("{host} does not let us in: {said}")]
    Denied {
        /// The server.
        host: HostName,
        /// ssh's words.
        said: String,
    },
    /// There is nobody there.
    #[error("{host} can not be reached: {said}")]
    Unreachable {
        /// The server.
        host: HostName,
        /// ssh's words.
        said: String,
    },
    /// The connection is gone, or never answered.
    #[error("the connection to {host} was lost: {said}")]
    Lost {
        /// The server.
        host: HostName,
        /// What was seen of it.
        said: String,
    },
    /// The server answered with something else than the remote half's lines.
    #[error("the shell of {host} did not run what it was given: {said}")]
    Garbled {
        /// The server.
        host: HostName,
        /// What it said.
        said: String,
    },
    /// What is to be run there does not fit into one command.
    #[error(
        "the command for {host} has {bytes} bytes, and {LONGEST_LINE} is the most that a command may have"
    )]
    TooLong {
        /// The server.
        host: HostName,
        /// How long it is.
        bytes: usize,
    },
    /// No private folder could be made for the connection.
    #[error("no private folder for the connection")]
    Folder(#[source] std::io::Error),
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to.
    pub host: HostName,
    /// `[ssh]` of shipit.toml.
    pub ssh: SshSettings,
    /// Whether somebody sits at a terminal who can be asked.
    pub interactive: bool,
    /// Where the private folder of the run is made. Short: a socket's path has room for about 100 bytes.
    pub runtime_folder: PathBuf,
}

/// An open connection.
pub struct Connection {
    session: Session,
    host: HostName,
    folder: TempDir,
}

impl Connection {
    /// Connects and authenticates, once.
    pub async fn open(options: &Options) -> Result<Self, SshError> {
        let folder = tempfile::Builder::new()
            .prefix("shipit-")
            .rand_bytes(8)
            .tempdir_in(&options.runtime_folder)
            .map_err(SshError::Folder)?;
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
        let session = Session::resume_mux(socket.into_boxed_path(), Some(log.into_boxed_path()));
        let connection = Connection { session, host: options.host.clone(), folder };
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
        let Conversation { stdin: mut pipe, mut lines, _child } = self.talk(script, words).await?;
        // A script that reads nothing may be gone before it was written.
        let _ = timeout(silence, pipe.write_all(stdin)).await;
        drop(pipe);
        loop {
            let line = timeout(silence, lines.next())
                .await
                .map_err(|_| lost(&self.host, format!("no word for {} s", silence.as_secs())))?
                .ok_or_else(|| lost(&self.host, "it ended in the middle of an answer"))?;
            match remote::parse(&line) {
                Some(("end", "")) => return Ok(()),
                Some((word, rest)) => on_line(word, rest),
                None => {}
            }
        }
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
            (Some(stdin), Some(stdout)) => {
                Ok(Conversation { stdin, lines: WholeLines::of(stdout), _child: child })
            }
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

/// A script of the remote half that goes on: lines there and back.
pub struct Conversation<'a> {
    stdin: openssh::ChildStdin,
    lines: WholeLines<openssh::ChildStdout>,
    _child: openssh::Child<&'a Session>,
}

impl Conversation<'_> {
    /// Says a line. An error means that the connection is gone.
    pub async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await?;
        self.stdin.flush().await
    }

    /// The next line of the remote half; none: it ended, or the connection did. Cancel safe.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next().await?;
            if remote::parse(&line).is_some() {
                return Some(line);
            }
        }
    }
}

/// All that a script said until its end, without what a login shell said around it.
#[derive(Debug, Default)]
struct Answer {
    marked: Vec<String>,
    /// The first line that is not the script's.
    other: Option<String>,
    too_large: bool,
}

impl Answer {
    async fn read<R: tokio::io::AsyncRead + Unpin>(mut lines: WholeLines<R>) -> Self {
        let mut answer = Answer::default();
        let mut bytes = 0;
        while let Some(line) = lines.next().await {
            if remote::parse(&line).is_some() {
                bytes += line.len();
                answer.marked.push(line);
            } else if answer.other.is_none() && !line.trim().is_empty() {
                answer.other = Some(line);
            }
            if bytes > LARGEST_ANSWER {
                return Answer { too_large: true, ..answer };
            }
        }
        answer
    }

    /// The script's lines without the last, `end`: without it nothing may be concluded from the others. `complaint`:
    /// what was said on stderr; `broken`: how the session ended, where the connection did.
    fn lines(
        mut self,
        host: &HostName,
        complaint: Option<String>,
        broken: Option<SshError>,
    ) -> Result<Vec<String>, SshError> {
        if self.too_large {
            return Err(lost(host, format!("it said more than {} MiB", LARGEST_ANSWER >> 20)));
        }
        match self.marked.pop() {
            Some(last) if remote::parse(&last) == Some(("end", "")) => Ok(self.marked),
            Some(_) => Err(broken.unwrap_or_else(|| lost(host, "its answer broke off"))),
            None => {
                if let Some(broken) = broken {
                    return Err(broken);
                }
                let said = complaint.or(self.other).unwrap_or_else(|| "it said nothing".to_owned());
                Err(SshError::Garbled { host: host.clone(), said: said.trim().chars().take(300).collect() })
            }
        }
    }
}

/// The first line that has something in it; the others are read to their end.
async fn first_words<R: tokio::io::AsyncRead + Unpin>(mut lines: WholeLines<R>) -> Option<String> {
    let mut first = None;
    while let Some(line) = lines.next().await {
        if first.is_none() && !line.trim().is_empty() {
            first = Some(line);
        }
    }
    first
}

/// What the master and the look at a key have in common.
fn common_options(options: &Options, folder: &Path) -> Result<Vec<String>, SshError> {
    let mut words: Vec<String> = Vec::new();
    if let Some(config) = &options.ssh.config {
        words.extend(["-F".to_owned(), config.to_string_lossy().into_owned()]);
    }
    let mut set = |option: String| words.extend(["-o".to_owned(), option]);
    set(format!("ConnectTimeout={}", CONNECT.as_secs()));
    // What a user's ssh_config sets for logins by hand would only be in the way.
    for option in [
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "PermitLocalCommand=no",
        "RemoteCommand=none",
        "RequestTTY=no",
        "LogLevel=INFO",
        "StrictHostKeyChecking=yes",
    ] {
        set(option.to_owned());
    }
    if let Some(key) = &options.ssh.host_key {
        let file = folder.join("known_hosts");
        fs::write(&file, format!("* {key}\n")).map_err(SshError::Folder)?;
        set(format!("UserKnownHostsFile={}", file.display()));
        for option in
            ["GlobalKnownHostsFile=/dev/null", "CheckHostIP=no", "UpdateHostKeys=no", "VerifyHostKeyDNS=no"]
        {
            set(option.to_owned());
        }
        // Else the server may show a key of another type, which nobody pinned.
        let algorithms = match key.split(' ').next().unwrap_or_default() {
            "ssh-rsa" => "rsa-sha2-512,rsa-sha2-256",
            other => other,
        };
        set(format!("HostKeyAlgorithms={algorithms}"));
    }
    Ok(words)
}

fn lost(host: &HostName, said: impl std::fmt::Display) -> SshError {
    SshError::Lost { host: host.clone(), said: said.to_string() }
}

fn read(file: &Path) -> String {
    fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

async fn classify(options: &Options, folder: &Path, said: &str, error: &process::CmdError) -> SshError {
    let host = options.host.clone();
    let verdict = verdict(said);
    let line = telling_line(said).unwrap_or_else(|| error.end.to_string());
    match verdict {
        Verdict::UnknownKey => {
            let (key, fingerprint) = shown_key(options, folder).await;
            SshError::UnknownHostKey { host, fingerprint, key }
        }
        Verdict::OtherKey => {
            let (_, fingerprint) = shown_key(options, folder).await;
            SshError::OtherHostKey { host, pinned: options.ssh.host_key.is_some(), fingerprint }
        }
        Verdict::Denied => SshError::Denied { host, said: line },
        Verdict::Unreachable => SshError::Unreachable { host, said: line },
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    UnknownKey,
    OtherKey,
    Denied,
    Unreachable,
}

/// What ssh's words mean. OpenSSH has no other way to tell.
fn verdict(said: &str) -> Verdict {
    if said.contains("IDENTIFICATION HAS CHANGED") || said.contains("no matching host key type") {
        Verdict::OtherKey
    } else if said.contains("Host key verification failed") || said.contains("host key is known for") {
        Verdict::UnknownKey
    } else if said.contains("Permission denied") || said.contains("Too many authentication failures") {
        Verdict::Denied
    } else {
        Verdict::Unreachable
    }
}

/// The line of ssh's words that a person would quote.
fn telling_line(said: &str) -> Option<String> {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling =
        ["Permission denied", "Could not resolve", "connect to host", "Bad configuration", "Too many"];
    lines()
        .find(|line| telling.iter().any(|text| line.contains(text)))
        .or_else(|| lines().next_back())
        .map(|line| line.trim_start_matches("ssh: ").to_owned())
}

/// Asks the server for its key without logging in, by the way that the user's configuration names (aliases, jumps).
async fn shown_key(options: &Options, folder: &Path) -> (Option<String>, Option<String>) {
    let file = folder.join("shown");
    let mut plain = options.clone();
    plain.ssh.host_key = None;
    let Ok(common) = common_options(&plain, folder) else { return (None, None) };
    let cmd = Cmd::new("ssh", AUTHENTICATE)
        .args(["-o", "StrictHostKeyChecking=accept-new", "-o", "GlobalKnownHostsFile=/dev/null", "-o"])
        .arg(format!("UserKnownHostsFile={}", file.display()))
        .args(["-o", "HashKnownHosts=no", "-o", "PreferredAuthentications=none", "-o", "BatchMode=yes"])
        .args([
            "-o",
            "ControlPath=none",
            "-o",
            "HostKeyAlgorithms=ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512",
        ])
        .args(common)
        .args(["--", options.host.as_str(), "true"]);
    // It ends with "Permission denied": that is as far as it should come.
    let _ = process::run(&cmd).await;
    let key = read(&file).lines().find_map(|line| line.split_once(' ').map(|(_, key)| key.trim().to_owned()));
    let fingerprint =
        process::run(&Cmd::new("ssh-keygen", Duration::from_secs(5)).arg("-lf").arg(&file)).await.ok();
    let fingerprint = fingerprint.and_then(|output| {
        // "256 SHA256:… host (ED25519)"
        let text = output.text();
        let words: Vec<&str> = text.lines().next()?.split(' ').collect();
        Some(format!("{} {}", words.get(1)?, words.last()?))
    });
    (key, fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssh_s_texts_are_told_apart() {
        let unknown = "No ED25519 host key is known for 10.0.0.2 and you have requested strict checking.\r\nHost key verification failed.\r\n";
        assert_eq!(verdict(unknown), Verdict::UnknownKey);
        let changed =
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\n";
        assert_eq!(verdict(changed), Verdict::OtherKey);
        let denied = "deploy@10.0.0.2: Permission denied (publickey).\r\n";
        assert_eq!(verdict(denied), Verdict::Denied);
        assert_eq!(telling_line(denied).as_deref(), Some("deploy@10.0.0.2: Permission denied (publickey)."));
        let refused = "ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n";
        assert_eq!(verdict(refused), Verdict::Unreachable);
        assert_eq!(
            telling_line(refused).as_deref(),
            Some("connect to host 127.0.0.1 port 1: Connection refused")
        );
    }

    #[tokio::test]
    async fn an_answer_counts_when_it_is_whole() {
        let host: HostName = "server".parse().unwrap();
        let text = "Good morning\n@ root absent\n@ current absent\r\n@ journal {\"v\":1}\n@ end\n";
        let answer = async |text: &str| Answer::read(WholeLines::of(text.as_bytes())).await;
        let lines = answer(text).await.lines(&host, None, None).unwrap();
        assert_eq!(lines, ["@ root absent", "@ current absent", "@ journal {\"v\":1}"]);
        for cut in 0..text.len() {
            let error = answer(&text[..cut]).await.lines(&host, None, None).unwrap_err();
            // Half a look must not pass for a server that nothing was deployed to.
            let lost = matches!(error, SshError::Lost { .. });
            assert!(lost == text[..cut].contains("absent\n"), "{:?}: {error}", &text[..cut]);
        }
        let error = answer("Account locked\n").await.lines(&host, None, None).unwrap_err();
        assert!(error.to_string().ends_with("did not run what it was given: Account locked"), "{error}");
        let broken = answer("").await.lines(&host, None, Some(lost(&host, "gone"))).unwrap_err();
        assert!(matches!(broken, SshError::Lost { .. }), "{broken}");
    }

    #[tokio::test]
    async fn an_endless_answer_is_not_kept() {
        let host: HostName = "server".parse().unwrap();
        let line = format!("@ journal {}\n", "x".repeat(1_000_000));
        let text = line.repeat(LARGEST_ANSWER / line.len() + 2) + "@ end\n";
        let answer = Answer::read(WholeLines::of(text.as_bytes())).await;
        assert!(answer.marked.iter().map(String::len).sum::<usize>() <= LARGEST_ANSWER + line.len());
        let error = answer.lines(&host, None, None).unwrap_err().to_string();
        assert!(error.contains("it said more than 64 MiB"), "{error}");
    }
}
