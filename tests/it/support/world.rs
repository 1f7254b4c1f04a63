//! A developer's world: a git repository with the tiny app, a shipit.toml for one server of the lab, and the real
//! binary, run with an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::{self, Server};

/// The program under test.
pub const SHIPIT: &str = env!("CARGO_BIN_EXE_shipit");
/// No run of a test takes longer.
const LONGEST: Duration = Duration::from_secs(180);

/// A repository and what belongs to it. Gone when dropped.
pub struct World {
    folder: tempfile::TempDir,
    nix: Vec<(String, String)>,
    path: String,
}

/// What one run of shipit gave.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; 128 + the signal's number when a signal ended it.
    pub code: i32,
    /// The answer.
    pub stdout: String,
    /// The talk.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl World {
    /// A world whose shipit.toml names this server.
    pub fn new(server: &Server) -> Self {
        World::at(&server.address, server)
    }

    /// … without a server and without a shipit.toml.
    pub fn alone() -> Self {
        let folder = tempfile::Builder::new().prefix("shipit-world-").tempdir().expect("a temporary folder");
        let world = World { folder, nix: lab::nix_env(), path: std::env::var("PATH").expect("PATH") };
        for name in ["app", "home", "cache"] {
            fs::create_dir(world.file(name)).expect("a folder");
        }
        copy(&tests().join("tiny"), &world.app());
        world.git(&["init", "-q", "-b", "main"]);
        world
    }

    /// … at another address, where the server is reached some other way.
    pub fn at(address: &str, server: &Server) -> Self {
        let world = World::alone();
        world.ssh_config(&format!(
            "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {}\n",
            server.key.display(),
            server.known_hosts.display()
        ));
        world.write(
            "shipit.toml",
            &format!(
                "app = \"server\"\nhost = \"deploy@{address}\"\nassets = [\"views\"]\n\n\
                 [ssh]\nconfig = \"../ssh_config\"\n\n\
                 [health]\nhttp = \"http://127.0.0.1:3001/\"\nwithin = \"10s\"\n"
            ),
        );
        world
    }

    /// The folder of the app.
    pub fn app(&self) -> PathBuf {
        self.file("app")
    }

    /// A path beside the app.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the ssh_config that shipit.toml names.
    pub fn ssh_config(&self, text: &str) {
        fs::write(self.file("ssh_config"), text).expect("ssh_config");
    }

    /// Writes a file of the app.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.app().join(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        fs::write(file, text).expect("a file of the app");
    }

    /// Changes shipit.toml: every `from` becomes `to`.
    pub fn edit(&self, from: &str, to: &str) {
        let file = self.app().join("shipit.toml");
        let text = fs::read_to_string(&file).expect("shipit.toml");
        assert!(text.contains(from), "shipit.toml has no {from:?}:\n{text}");
        fs::write(file, text.replace(from, to)).expect("shipit.toml");
    }

    /// Commits the app as this version, which behaves so (see tests/tiny/README.md), and gives the hash.
    pub fn commit(&self, version: &str, behaviour: &str) -> String {
        self.write("VERSION", &format!("{version}\n"));
        self.write("behaviour", &format!("{behaviour}\n"));
        self.write("views/index.html", &format!("<h1>{version}</h1>\n"));
        self.commit_all(version)
    }

    /// Commits what is there.
    pub fn commit_all(&self, subject: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git in the app's folder and gives what it says.
    pub fn git(&self, words: &[&str]) -> String {
        let output = self.command("git").args(words).output().expect("git");
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A program in the app's folder with this world's environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.app())
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.file("home"))
            .env("XDG_CACHE_HOME", self.file("cache"))
            .env("USER", "anna")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].iter().flat_map(|who| {
                [(format!("GIT_{who}_NAME"), "Anna"), (format!("GIT_{who}_EMAIL"), "anna@example.org")]
            }))
            .envs(self.nix.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// Runs shipit to its end.
    pub fn shipit(&self, words: &[&str]) -> Ran {
        self.start(words).wait()
    }

    /// Runs shipit to its end in another folder than the app's.
    pub fn shipit_in(&self, folder: &Path, words: &[&str]) -> Ran {
        let mut command = self.command(SHIPIT);
        command.current_dir(folder);
        run(command, words).wait()
    }

    /// Runs shipit to its end as somebody else, from elsewhere.
    pub fn shipit_as(&self, environment: &[(&str, &str)], words: &[&str]) -> Ran {
        let mut command = self.command(SHIPIT);
        command.envs(environment.iter().copied());
        run(command, words).wait()
    }

    /// Starts shipit.
    pub fn start(&self, words: &[&str]) -> Running {
        run(self.command(SHIPIT), words)
    }

    /// Deploys, and fails the test when that fails.
    pub fn deploy(&self) -> Ran {
        self.shipit(&["deploy"]).expect(0)
    }
}

/// Starts shipit as this command, with these words.
pub fn run(mut command: Command, words: &[&str]) -> Running {
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running { child: command.spawn().expect("shipit"), began: Instant::now(), words: words.join(" ") }
}

/// A shipit that runs.
pub struct Running {
    /// The process.
    pub child: Child,
    began: Instant,
    words: String,
}

impl Running {
    /// Waits for its end.
    pub fn wait(self) -> Ran {
        use std::os::unix::process::ExitStatusExt as _;
        let Running { child, began, words } = self;
        let pid = child.id();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        let output = match receiver.recv_timeout(LONGEST) {
            Ok(output) => output.expect("shipit's output"),
            Err(_) => {
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
                panic!("`shipit {words}` was not done after {} s", LONGEST.as_secs());
            }
        };
        let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default());
        Ran {
            code,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: began.elapsed(),
        }
    }
}

impl Ran {
    /// Fails the test, with everything, unless it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless stderr has all of these.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in\n--- stderr\n{}", self.stderr);
        }
        self
    }

    /// The last line of `--json`.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last:?}\n{}", self.stderr))
    }
}

/// Makes a signing key, `shipit-test-1`, in a file beside the app: its public half.
pub fn signing_key(world: &World, file: &str) -> String {
    let secret = world.file(file);
    let public = world.file(&format!("{file}.pub"));
    let mut make = world.command("nix-store");
    make.args(["--generate-binary-cache-key", "shipit-test-1"]).args([&secret, &public]);
    assert!(make.status().expect("nix-store").success());
    fs::read_to_string(public).expect("the public half").trim().to_owned()
}

/// The public half of the key that a hint's line has made: no colleague's key is called so.
pub fn public_half(world: &World) -> String {
    let public = fs::read_to_string(world.file("home/.config/shipit/signing.pub")).expect("the public half");
    let made_by = |word: &str| !word.is_empty() && public.contains(word);
    let [user, machine] = ["id -un", "uname -n"].map(|line| {
        let said = Command::new("sh").args(["-c", line]).output().expect("sh");
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    });
    assert!(made_by(&user) && made_by(&machine), "{user} {machine}: {public}");
    public.trim().to_owned()
}

/// The folder of the tests.
pub fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Copies what is in a folder.
pub fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-R").arg(from.join(".")).arg(to).status().expect("cp");
    assert!(status.success());
}

/// Tries something until it holds, for at most this long; fails the test with its last answer otherwise.
#[track_caller]
pub fn eventually<T: std::fmt::Debug>(within: Duration, mut look: impl FnMut() -> Result<(), T>) -> Duration {
    let began = Instant::now();
    loop {
        match look() {
            Ok(()) => return began.elapsed(),
            Err(last) if began.elapsed() > within => panic!("not within {within:?}: {last:?}"),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}
