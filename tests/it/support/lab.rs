//! Real servers for the tests: Debian 13 with systemd, sshd and Nix, in containers that
//! `tests/lab/lab` makes. A server boots in about a second and is gone when its [`Server`] is
//! dropped, or when the test run ends in whatever way.
#![allow(dead_code, reason = "a toolbox: not every test run takes every tool out of it")]
#![allow(clippy::disallowed_methods, reason = "the doors of the program are not those of its tests")]

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Where the lab's own program lies.
const LAB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/lab");

/// The ssh ProxyCommand that delays and paces.
const SLOW_LINK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/slow-link");

/// A command on a server that takes longer than this is killed, in seconds.
const COMMAND_DEADLINE: &str = "180";

/// The exit code with which the lab says that it can't work on this machine at all.
const CANNOT: i32 = 77;

/// What a command gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code; 128 + the signal's number when a signal ended it.
    pub status: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Output {
    /// Whether the exit code was 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}\n--- stdout\n{}--- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}

/// The lab as a whole.
#[derive(Debug)]
pub struct Lab;

impl Lab {
    /// Makes sure that servers can be booted: installs what is missing and builds the cached
    /// bases (about a minute, once per machine). The work is done once per process.
    ///
    /// # Panics
    /// When the lab cannot work here, with its reason.
    pub fn ready() {
        if let Err(output) = prepared() {
            panic!("`lab prepare` failed: {output}");
        }
    }

    /// Why the lab cannot work on this machine at all (not Linux, no root and no sudo), if so.
    /// Any other failure is left to [`Lab::ready`] to report.
    pub fn unavailable() -> Option<&'static str> {
        match prepared() {
            Err(output) if output.status == CANNOT => Some(output.stderr.trim()),
            _ => None,
        }
    }

    /// What is left of all machines, as lines; empty when nothing is.
    pub fn leftovers() -> String {
        run(&["leftovers"], None).stdout
    }
}

fn prepared() -> &'static Result<(), Output> {
    static PREPARED: OnceLock<Result<(), Output>> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let output = run(&["prepare"], None);
        if output.success() { Ok(()) } else { Err(output) }
    })
}

/// The environment with which `nix` on this machine talks to a daemon that the lab runs for this
/// process, with its own configuration: no sandbox, no substituters, flakes on.
///
/// # Panics
/// When that daemon does not start.
pub fn nix_env() -> Vec<(String, String)> {
    static ENV: OnceLock<Vec<(String, String)>> = OnceLock::new();
    ENV.get_or_init(|| {
        Lab::ready();
        let owner = std::process::id().to_string();
        key_values(&run_ok(&["nix-daemon", "--owner", &owner], None))
    })
    .clone()
}

/// How Nix lies on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Debian's own packages: programs in `/usr/bin`, the socket open to group `nix-users` only.
    Debian,
    /// The official installer's layout: programs in `/nix/var/nix/profiles/default/bin`, which a
    /// non-interactive ssh does not have on its path, the socket open to everyone.
    Installer,
    /// No Nix at all.
    Bare,
}

/// What a new server shall be like; see [`Server::builder`].
#[derive(Debug, Clone)]
pub struct Builder {
    arguments: Vec<String>,
}

impl Builder {
    /// Which kind of Nix installation it has; [`Variant::Debian`] if not said.
    pub fn variant(self, variant: Variant) -> Self {
        self.with(&[
            "--variant",
            match variant {
                Variant::Debian => "debian",
                Variant::Installer => "installer",
                Variant::Bare => "bare",
            },
        ])
    }

    /// The deploy user is not one of Nix's trusted users: unsigned closures are refused.
    pub fn untrusted(self) -> Self {
        self.with(&["--no-trust"])
    }

    /// A disk of its own of this size, as in `"1G"`: it can be filled, and the power can be cut.
    pub fn disk(self, size: &str) -> Self {
        self.with(&["--disk", size])
    }

    /// … and another one for `/nix`.
    pub fn nix_disk(self, size: &str) -> Self {
        self.with(&["--nix-disk", size])
    }

    /// A disk that begins as a copy of this image, made by [`Server::snapshot`].
    pub fn disk_image(self, image: &Path) -> Self {
        self.with(&["--from-image", text(image)])
    }

    /// Boots it.
    ///
    /// # Panics
    /// When it does not come up, with everything the lab said.
    pub fn boot(self) -> Server {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        Lab::ready();
        let owner = std::process::id().to_string();
        let name = format!("t{owner}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut arguments = vec!["up", &name, "--owner", &owner];
        arguments.extend(self.arguments.iter().map(String::as_str));
        Server::from_facts(&key_values(&run_ok(&arguments, None)))
    }

    fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&word| word.to_owned()));
        self
    }
}

/// A machine of the lab: a server, or a developer's laptop. Dropping it takes it down.
#[derive(Debug)]
pub struct Server {
    /// Its name in the lab, and its host name.
    pub name: String,
    /// Where this machine reaches it.
    pub address: String,
    /// The private key with which `deploy` logs in.
    pub key: PathBuf,
    /// A known_hosts file with its host key.
    pub known_hosts: PathBuf,
    /// Its host key, as `ssh-ed25519 AAAA…`.
    pub host_key: String,
    /// How long the boot took until sshd answered.
    pub boot_time: Duration,
}

impl Server {
    /// Boots a server that has nothing on it yet and trusts its deploy user.
    pub fn boot(variant: Variant) -> Self {
        Self::builder().variant(variant).boot()
    }

    /// A server with other properties.
    pub fn builder() -> Builder {
        Builder { arguments: Vec::new() }
    }

    /// A developer's machine: user `dev`, Nix 2.26, git and ssh; no sshd, no way to anywhere
    /// until it is linked to a server with [`Server::link`].
    pub fn laptop() -> Self {
        Self::builder().with(&["--role", "laptop"]).boot()
    }

    /// Runs a shell script as root, without ssh.
    pub fn sh(&self, script: &str) -> Output {
        self.sh_as("root", script)
    }

    /// Runs a shell script as root and gives its stdout.
    ///
    /// # Panics
    /// When it fails, with everything it wrote.
    pub fn sh_ok(&self, script: &str) -> String {
        let output = self.sh(script);
        assert!(output.success(), "on {}: {script}\n{output}", self.name);
        output.stdout
    }

    /// Runs a shell script as another user, without ssh.
    pub fn sh_as(&self, user: &str, script: &str) -> Output {
        self.sh_with_input(user, script, b"")
    }

    /// Runs a shell script that reads this on its stdin.
    pub fn sh_with_input(&self, user: &str, script: &str, input: &[u8]) -> Output {
        let arguments = [
            "sh",
            &self.name,
            "--user",
            user,
            "--",
            "timeout",
            "--kill-after=5",
            COMMAND_DEADLINE,
            "sh",
            "-c",
            script,
        ];
        run(&arguments, Some(input))
    }

    /// Copies a file, with its mode, or what is in a folder; `owner` is a user of the server.
    pub fn put(&self, source: &Path, target: &str, owner: &str) {
        run_ok(&["put", &self.name, text(source), target, owner], None);
    }

    /// Everything on it dies at once and it falls silent. No written byte is lost: for that
    /// see [`Server::power_loss`].
    pub fn crash(&self) {
        self.verb("crash", &[]);
    }

    /// Shuts down in order.
    pub fn stop(&self) {
        self.verb("stop", &[]);
    }

    /// Boots again after a crash or a stop: same disk, same address, same keys.
    pub fn boot_again(&self) {
        self.verb("boot", &[]);
    }

    /// Boots such a copy of its disk instead.
    pub fn boot_image(&self, image: &Path) {
        self.verb("boot", &["--image", text(image)]);
    }

    /// Writes what its disk holds at this moment, without what is still in memory, to a file.
    pub fn snapshot(&self, image: &Path) {
        self.verb("snapshot", &[text(image)]);
    }

    /// The power goes and comes back: what no sync had written is lost. Needs [`Builder::disk`].
    pub fn power_loss(&self) {
        let image = std::env::temp_dir().join(format!("{}-power-loss.img", self.name));
        self.snapshot(&image);
        self.crash();
        self.boot_image(&image);
        std::fs::remove_file(&image).expect("remove the image");
    }

    /// Cuts its cables: packets vanish in both directions, nobody is told.
    pub fn cut(&self) {
        self.verb("cut", &[]);
    }

    /// Mends its cables.
    pub fn mend(&self) {
        self.verb("mend", &[]);
    }

    /// Shapes both directions of its cables to a rate as in `"20mbit"`, or `"off"`.
    pub fn rate(&self, rate: &str) {
        self.verb("rate", &[rate]);
    }

    /// Fills the file system of this path until this many bytes are free. Needs [`Builder::disk`].
    pub fn fill(&self, path: &str, keep_bytes: u64) {
        self.verb("fill", &[path, &keep_bytes.to_string()]);
    }

    /// Undoes every [`Server::fill`].
    pub fn free(&self) {
        self.verb("free", &[]);
    }

    /// Lays a cable from this laptop to a server; gives the server's address at its end.
    pub fn link(&self, server: &Self) -> String {
        let facts = key_values(&run_ok(&["link", &self.name, &server.name], None));
        get(&facts, "address").to_owned()
    }

    /// Asks the app on port 3001: status and body, or nothing when it does not answer.
    pub fn http_get(&self, path: &str) -> Option<(u16, String)> {
        let address: Ipv4Addr = self.address.parse().ok()?;
        let mut stream =
            TcpStream::connect_timeout(&SocketAddr::from((address, 3001)), Duration::from_millis(1000))
                .ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.set_write_timeout(Some(Duration::from_secs(5))).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split_whitespace().nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// The ssh options that log in as `deploy` with this server's keys and nothing else.
    pub fn ssh_options(&self) -> Vec<String> {
        vec![
            "-F".to_owned(),
            "none".to_owned(),
            "-i".to_owned(),
            text(&self.key).to_owned(),
            format!("-oUserKnownHostsFile={}", text(&self.known_hosts)),
            "-oIdentitiesOnly=yes".to_owned(),
            "-oBatchMode=yes".to_owned(),
            "-oConnectTimeout=10".to_owned(),
        ]
    }

    fn from_facts(facts: &[(String, String)]) -> Self {
        let get = |key| get(facts, key);
        Self {
            name: get("name").to_owned(),
            address: get("address").to_owned(),
            key: get("key").into(),
            known_hosts: get("known_hosts").into(),
            host_key: get("host_key").to_owned(),
            boot_time: Duration::from_millis(get("boot_ms").parse().expect("boot_ms is a number")),
        }
    }

    fn verb(&self, verb: &str, arguments: &[&str]) {
        let mut words = vec![verb, self.name.as_str()];
        words.extend(arguments);
        run_ok(&words, None);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let output = run(&["down", &self.name], None);
        if !output.success() && !std::thread::panicking() {
            panic!("`lab down {}` failed: {output}", self.name);
        }
    }
}

/// The value of an ssh ProxyCommand option that makes a slow line of this round trip and rate.
pub fn slow_link(rtt_ms: u32, rate_mbit: u32) -> String {
    format!("'{SLOW_LINK}' {rtt_ms} {rate_mbit} %h %p")
}

fn run_ok(arguments: &[&str], input: Option<&[u8]>) -> String {
    let output = run(arguments, input);
    assert!(output.success(), "`lab {}`: {output}", arguments.join(" "));
    output.stdout
}

fn run(arguments: &[&str], input: Option<&[u8]>) -> Output {
    let mut child = Command::new(LAB)
        .args(arguments)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{LAB}: {error}"));
    let mut stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // Beside the reading: a command may write much before it has read all.
        scope.spawn(move || {
            if let (Some(stdin), Some(input)) = (stdin.as_mut(), input) {
                // A command need not read what it is given.
                let _ = stdin.write_all(input);
            }
            drop(stdin);
        });
        child.wait_with_output()
    })
    .unwrap_or_else(|error| panic!("{LAB}: {error}"));
    Output {
        status: exit_code(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn exit_code(status: std::process::ExitStatus) -> i32 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    status.code().or(signal.map(|signal| 128 + signal)).unwrap_or(-1)
}

fn key_values(lines: &str) -> Vec<(String, String)> {
    lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn get<'a>(facts: &'a [(String, String)], key: &str) -> &'a str {
    facts
        .iter()
        .find_map(|(name, value)| (name == key).then_some(value.as_str()))
        .unwrap_or_else(|| panic!("the lab did not print {key}="))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of the tests are text")
}
