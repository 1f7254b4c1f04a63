//! A server that runs a healthy release, and what has to hold there whenever a command fails.

use std::cell::Cell;
use std::time::Duration;

use serde_json::Value;

use super::lab::{Server, Variant};
use super::world::{Ran, World, eventually};

/// What may lie in `.shipit` between two commands.
const MAY_STAY: &[&str] =
    &["journal.jsonl", "lock", "holder", "hook.log", "hook.code", "back", "left", "hold"];

/// A server and the world that deploys to it.
pub struct Site {
    /// The server.
    pub server: Server,
    /// The developer's world.
    pub world: World,
    version: Cell<u32>,
}

/// What is on the server at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// Its ActiveState.
    pub active: String,
    /// This start of the unit.
    pub invocation: String,
    /// Where `current` leads; empty: there is none.
    pub current: String,
    /// What the app answers.
    pub page: Option<String>,
    /// The folders in `releases`.
    pub releases: Vec<String>,
    /// What lies in `.shipit`.
    pub state: Vec<String>,
    /// The journal, whole.
    pub journal: Vec<String>,
    /// The names in /nix/store.
    pub store: Vec<String>,
}

/// A command that failed: what it says to people and to programs is one and the same.
#[derive(Debug)]
pub struct Failed {
    /// The last line of `--json`.
    pub result: Value,
    /// Every text of it.
    pub text: String,
    /// How long it took.
    pub took: Duration,
}

impl Site {
    /// A Debian server that runs version 1.
    pub fn new() -> Self {
        Site::on(Server::boot(Variant::Debian))
    }

    /// … on this server.
    pub fn on(server: Server) -> Self {
        let site = Site::empty(server);
        let commit = site.commit("ok");
        site.world.deploy();
        site.runs(&commit);
        site
    }

    /// A server that nothing was deployed to yet.
    pub fn empty(server: Server) -> Self {
        let world = World::new(&server);
        world.edit("within = \"10s\"", "within = \"10s\"\nsettle = \"300ms\"");
        // So that a test may change shipit.toml without a commit.
        std::fs::write(world.app().join(".git/info/exclude"), "shipit.toml\n").expect("an exclude");
        // With nothing to run, the unit is started until systemd has enough of it: what comes later is not its doing.
        eventually(Duration::from_secs(10), || {
            match server.sh_ok("systemctl show -P ActiveState server.service").trim() {
                "failed" => Ok(()),
                other => Err(other.to_owned()),
            }
        });
        Site { server, world, version: Cell::new(0) }
    }

    /// The next version, healthy: its hash.
    pub fn good(&self) -> String {
        self.good_that("ok")
    }

    /// … or as healthy as this behaviour is. Deploys it and looks at all that must be so then.
    pub fn good_that(&self, behaviour: &str) -> String {
        let commit = self.commit(behaviour);
        self.world.deploy();
        self.is_live(&commit);
        commit
    }

    /// Gives the unit more lines.
    pub fn drop_in(&self, text: &str) {
        drop_in(&self.server, text);
    }

    /// From now on deploys stay in their hook, with the lock, while a file is there.
    pub fn wait_in_hook(&self) {
        let hook = "before_switch = [\"sh\", \"-c\", \"while [ -e /srv/wait ]; do sleep 0.1; done\"]";
        self.world.edit("\n[health]", &format!("\n[hooks]\n{hook}\n\n[health]"));
        self.server.sh_ok("touch /srv/wait");
    }

    /// Waits until a deploy is there.
    pub fn is_in_hook(&self) {
        let script = "pgrep -u app -f '[w]hile .*/srv/wait'";
        eventually(Duration::from_secs(30), || match self.server.sh(script) {
            ran if ran.success() => Ok(()),
            ran => Err(ran),
        });
    }

    /// Lets it go on, and all later ones.
    pub fn end_hook(&self) {
        self.server.sh_ok("rm /srv/wait");
    }

    /// Commits the next version.
    pub fn commit(&self, behaviour: &str) -> String {
        self.version.set(self.version.get() + 1);
        self.world.commit(&self.version.get().to_string(), behaviour)
    }

    /// This commit is live, and everything that can be asked says so.
    pub fn is_live(&self, commit: &str) {
        let now = self.runs(commit);
        let last = self.agrees(&now);
        assert_eq!((&last["status"], &last["release"]), (&"live".into(), &commit.into()), "{last:#}");
    }

    /// This commit runs, without shipit's word for it: its word costs two logins.
    pub fn runs(&self, commit: &str) -> Now {
        let now = self.now();
        assert_eq!(now.current, format!("releases/{commit}"));
        assert!(now.page.as_ref().is_some_and(|page| page.contains(&format!("rev: {commit}"))), "{now:#?}");
        assert_eq!(now.active, "active");
        now.has_no_leftovers();
        now
    }

    /// A look at the server, past shipit.
    pub fn now(&self) -> Now {
        let text = self.server.sh_ok(
            "cd /var/www/server 2>/dev/null
             systemctl show -p ActiveState -p InvocationID server.service
             echo current=$(readlink current)
             ls -A releases 2>/dev/null | sed s/^/releases=/
             ls -A .shipit 2>/dev/null | sed s/^/state=/
             ls -A /nix/store 2>/dev/null | sed s/^/store=/
             sed s/^/journal=/ .shipit/journal.jsonl 2>/dev/null
             true",
        );
        let all = |name: &str| -> Vec<String> {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
                .collect()
        };
        let one = |name: &str| all(name).pop().unwrap_or_default();
        Now {
            active: one("ActiveState"),
            invocation: one("InvocationID"),
            current: one("current"),
            page: self.server.http_get("/").map(|(status, page)| format!("{status}\n{page}")),
            releases: all("releases"),
            state: all("state"),
            journal: all("journal"),
            store: all("store").into_iter().filter(|name| !name.starts_with('.')).collect(),
        }
    }

    /// Runs a command with `--json` that has to fail so, and to say all of these words.
    #[track_caller]
    pub fn fails(&self, words: &[&str], code: i32, says: &[&str]) -> Failed {
        Failed::of(self.world.shipit(&[words, &["--json"]].concat()), code).says(says)
    }

    /// Such a failure that is found out before the server is touched: nothing at all is different afterwards.
    #[track_caller]
    pub fn untouched(&self, words: &[&str], code: i32, says: &[&str]) -> Failed {
        let before = self.now();
        let failed = self.fails(words, code, says);
        let after = self.now();
        assert_eq!(after, before);
        failed
    }

    /// A deploy or rollback that goes live, is found not to work, and is taken back: exit 7, and all agrees on that.
    #[track_caller]
    pub fn goes_back(&self, words: &[&str], says: &[&str]) -> Failed {
        let before = self.now();
        let failed = self.fails(words, 7, says);
        self.went_back(&before, &failed);
        failed
    }

    /// What runs is what ran before, started again.
    #[track_caller]
    pub fn went_back(&self, before: &Now, failed: &Failed) {
        let name = before.current.trim_start_matches("releases/");
        assert_eq!(failed.result["live"], format!("{} runs again", &name[..7]), "{failed:#?}");
        eventually(Duration::from_secs(5), || match self.now().page == before.page {
            true => Ok(()),
            false => Err(self.now()),
        });
        let after = self.now();
        assert_eq!(after.current, before.current);
        assert_eq!(after.active, "active");
        assert_ne!(after.invocation, before.invocation);
        after.has_no_leftovers();
        let events: Vec<String> =
            after.journal[before.journal.len()..].iter().map(|line| event(line)).collect();
        assert_eq!(events, ["started", "live", "reverted"], "{:#?}", after.journal);
        let last = self.agrees(&after);
        assert_eq!(last["status"], "reverted", "{last:#}");
        assert!(last["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{last:#}");
    }

    /// `status`, `releases` and the journal tell of the server as it is. Gives the newest deploy as `releases` has it.
    #[track_caller]
    pub fn agrees(&self, now: &Now) -> Value {
        let release = now.current.strip_prefix("releases/");
        let status = self.world.shipit(&["status", "--json"]).expect(0).json();
        assert_eq!(status["current"]["release"].as_str(), release, "{status:#}");
        assert_eq!(status["unit"]["active"].as_str(), Some(now.active.as_str()), "{status:#}");
        assert_eq!(status["unit"]["invocation"].as_str().unwrap_or_default(), now.invocation, "{status:#}");
        assert!(status["running"].is_null() && status["unfinished"].is_null(), "{status:#}");

        let releases = self.world.shipit(&["releases", "--json"]).expect(0).json();
        assert_eq!(releases["current"].as_str(), release, "{releases:#}");
        let chapters = releases["releases"].as_array().expect("a list");
        let parsed = now.journal.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let told_by_journal: Vec<Value> = parsed.filter(|line| line["event"] != "pruned").collect();
        for chapter in chapters {
            let name = chapter["release"].as_str().expect("a name");
            let there = now.releases.iter().any(|folder| folder == name);
            assert_eq!(chapter["there"], there, "{chapter:#}");
            let Some(number) = chapter["deploy"].as_u64() else { continue };
            let last = told_by_journal.iter().rfind(|line| line["deploy"] == number);
            let last = last.unwrap_or_else(|| panic!("the journal has no deploy {number}"));
            let event = last["event"].as_str().expect("an event");
            let told = chapter["status"].as_str().expect("a status");
            // A power loss just before the switch leaves a deploy that began, and nothing that could be settled.
            let same =
                told == event || [("live", "kept"), ("interrupted", "started")].contains(&(told, event));
            assert!(same, "{told} is not {event}: {chapter:#}");
            assert_eq!(last["release"], name);
        }
        let newest = chapters.first().cloned().unwrap_or_default();
        assert_eq!(status["last"]["deploy"], newest["deploy"]);
        assert_eq!(status["last"]["status"], newest["status"]);
        newest
    }
}

impl Now {
    /// Nothing is left of any deploy: no intent, nothing that came in, no decision without its line.
    #[track_caller]
    pub fn has_no_leftovers(&self) {
        let left: Vec<&String> =
            self.state.iter().filter(|name| !MAY_STAY.contains(&name.as_str())).collect();
        assert!(left.is_empty(), "left in .shipit: {left:?}");
    }
}

impl Failed {
    /// Takes the result apart, which must tell the same as the exit code.
    #[track_caller]
    pub fn of(ran: Ran, code: i32) -> Self {
        let ran = ran.expect(code);
        let result = ran.json();
        let outcome = match code {
            2 => "usage",
            3 => "not-ready",
            4 => "build-failed",
            5 => "copy-failed",
            6 if result["outcome"] == "held" => "held",
            6 => "busy",
            7 => "not-live",
            8 => "not-restored",
            _ => panic!("no test expects {code}"),
        };
        assert_eq!(result["type"], "result", "{result:#}");
        assert_eq!((&result["exit"], &result["outcome"]), (&code.into(), &outcome.into()), "{result:#}");
        let mut texts = vec![&result["error"], &result["live"], &result["detail"]["title"]];
        for list in [&result["causes"], &result["detail"]["lines"], &result["hints"]] {
            texts.extend(list.as_array().into_iter().flatten());
        }
        let text = texts.iter().filter_map(|text| text.as_str()).collect::<Vec<_>>().join("\n");
        let failed = Failed { result, text, took: ran.took };
        // A place in shipit.toml is what to look at next.
        let next = !failed.hints().is_empty() || failed.text.starts_with("shipit.toml:");
        assert!(next, "it does not say what to type next:\n{}", failed.text);
        // People read the same, line by line.
        let all = [format!("error: {}", failed.text)];
        for line in all[0].lines() {
            assert!(ran.stderr.contains(line.trim()), "no {line:?} in\n{}", ran.stderr);
        }
        failed
    }

    /// Fails the test unless it says all of these.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.text.contains(text), "no {text:?} in\n{}", self.text);
        }
        self
    }

    /// What it says to type next.
    pub fn hints(&self) -> Vec<&str> {
        self.result["hints"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// What a hint has between these two, to be pasted.
    #[track_caller]
    pub fn hinted(&self, from: &str, to: &str) -> String {
        between(&self.hints().join("\n"), from, to)
    }

    /// The quoted lines of something else.
    pub fn detail(&self) -> Vec<&str> {
        self.result["detail"]["lines"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// Gives the unit of a server more lines.
pub fn drop_in(server: &Server, text: &str) {
    let folder = "/etc/systemd/system/server.service.d";
    server.sh_ok(&format!(
        "mkdir -p {folder} && cat >>{folder}/test.conf <<'EOF'\n{text}\nEOF\nsystemctl daemon-reload"
    ));
}

/// What a text has between these two; to its end where there is no second.
#[track_caller]
pub fn between(text: &str, from: &str, to: &str) -> String {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no {from:?} in {text}")).1;
    rest.split_once(to).map_or(rest, |(found, _)| found).to_owned()
}

fn event(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    line["event"].as_str().unwrap_or_default().to_owned()
}
