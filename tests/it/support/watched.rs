//! A shipit that can be watched and killed while it runs, and a look at what it left behind.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lab::Server;
use super::world::{Ran, SHIPIT, World, eventually};

/// How long an event is waited for: the machine may be busy with other tests.
const EVENT: Duration = Duration::from_secs(60);

/// Finds the transaction's two processes on the server: `$guardian` and `$half`.
pub const TRANSACTION: &str =
    "guardian=$(pgrep -u deploy -o -f '[e]xec sh -c|[s]h -c eval.* shipit ') && half=$(pgrep -P $guardian)";

/// A run of `shipit --json`.
pub struct Watched {
    child: Child,
    began: Instant,
    words: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Watched {
    /// Starts it, with the world's own runtime folder.
    pub fn start(world: &World, words: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (stdout, stderr) =
            (world.file(&format!("{number}.stdout")), world.file(&format!("{number}.stderr")));
        let runtime = world.file("run");
        fs::create_dir_all(&runtime).expect("the runtime folder");
        let child = world
            .command(SHIPIT)
            .args(words)
            .arg("--json")
            .env("XDG_RUNTIME_DIR", runtime)
            .stdout(File::create(&stdout).expect("a file"))
            .stderr(File::create(&stderr).expect("a file"))
            .spawn()
            .expect("shipit");
        Watched { child, began: Instant::now(), words: words.join(" "), stdout, stderr }
    }

    /// The events so far, one JSON object a line.
    pub fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.stdout).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for the first event of this type and gives it.
    #[track_caller]
    pub fn until(&mut self, kind: &str) -> Value {
        self.until_it(kind, |_| true)
    }

    /// … of which this holds.
    #[track_caller]
    pub fn until_it(&mut self, kind: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let ended = self.ended();
            let mut events = self.events().into_iter();
            if let Some(event) = events.find(|event| event["type"] == kind && holds(event)) {
                return event;
            }
            let waits = ended.is_none() && began.elapsed() < EVENT;
            assert!(waits, "({ended:?}) did not say {kind}: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has said so far, for a failure's message.
    pub fn said(&self) -> String {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        format!("`shipit {}`\n{}\n{}", self.words, read(&self.stdout), read(&self.stderr))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        self.ended().is_some()
    }

    /// Sends a signal by name: `INT`, `KILL`.
    pub fn signal(&self, name: &str) {
        signal(name, &[self.child.id()]);
    }

    /// Waits for its end, at most this long.
    #[track_caller]
    pub fn wait(mut self, within: Duration) -> Ran {
        use std::os::unix::process::ExitStatusExt as _;
        let waiting = Instant::now();
        let status = loop {
            match self.ended() {
                Some(status) => break status,
                None if waiting.elapsed() > within => {
                    self.signal("KILL");
                    panic!("not done within {within:?}: {}", self.said());
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        Ran {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            stdout: fs::read_to_string(&self.stdout).unwrap_or_default(),
            stderr: fs::read_to_string(&self.stderr).unwrap_or_default(),
            took: self.began.elapsed(),
        }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of shipit")
    }
}

impl Drop for Watched {
    /// A test that failed leaves nothing that runs.
    fn drop(&mut self) {
        if std::thread::panicking() && !self.is_over() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Sends a signal to processes of this machine. Of several, the end of one may have been the end of another.
pub fn signal(name: &str, processes: &[u32]) {
    let sent = |id: &&u32| {
        let status = Command::new("kill").args([format!("-{name}"), id.to_string()]).status();
        status.expect("kill").success()
    };
    assert!(processes.iter().filter(sent).count() > 0, "kill -{name} {processes:?}");
}

/// Processes of this machine that name this world's runtime folder: the ssh master, and what uses its socket.
pub fn connections(world: &World) -> Vec<u32> {
    let folder = world.file("run");
    let folder = folder.to_str().expect("paths of the tests are text");
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &u32| {
        let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains(folder)
    })
    .collect()
}

/// The ssh masters among them.
pub fn masters(world: &World) -> Vec<u32> {
    let is_master = |id: &u32| {
        let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).any(|word| word == b"-M")
    };
    connections(world).into_iter().filter(is_master).collect()
}

/// What lies in this world's runtime folder.
pub fn temporary(world: &World) -> Vec<PathBuf> {
    fs::read_dir(world.file("run")).expect("the runtime folder").flatten().map(|entry| entry.path()).collect()
}

/// The first line of the page that the server answers with, within this time.
#[track_caller]
pub fn serves(server: &Server, version: &str, within: Duration) -> Duration {
    eventually(within, || match server.http_get("/") {
        Some((200, page)) if page.starts_with(&format!("version: {version}\n")) => Ok(()),
        other => Err(other),
    })
}

/// The journal's entries.
pub fn journal(server: &Server) -> Vec<Value> {
    let text = server.sh_ok("cat /var/www/server/.shipit/journal.jsonl");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The newest entry of the journal.
pub fn last_entry(server: &Server) -> Value {
    journal(server).pop().expect("an entry")
}

/// Waits until nothing of a deploy is left on the server: no process, no lock, nothing half-done.
#[track_caller]
pub fn at_rest(server: &Server) {
    eventually(Duration::from_secs(15), || {
        let left = server.sh(
            "pgrep -u deploy -fl '[s]hipit|[c]url' | cut -c 1-80; pgrep -u app -fl '[s]hipit|[m]igrate' | cut -c 1-80
             cd /var/www/server && ls -d .shipit/pending .shipit/end.* .shipit/incoming .shipit/placing .shipit/take 2>/dev/null
             flock -n .shipit/lock true || echo locked",
        );
        if left.stdout.is_empty() { Ok(()) } else { Err(left) }
    });
}
