//! What has to hold after whatever fault: design §8's invariants, and that all who can be asked say the same.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::support::facts::{self, ROOT};
use crate::support::lab::Server;
use crate::support::site::{Now, Site};
use crate::support::watched::{connections, temporary};
use crate::support::world::{Ran, eventually};

use super::eyes::{Seen, commit};
use super::stand::Stand;

/// How long a server that heard nothing more may take: 30 s of silence, the unit's 4 s, and a busy machine.
const DEADLINE: Duration = Duration::from_secs(45);

/// A look before the try.
pub struct Before {
    now: Now,
    /// The commit that runs.
    old: String,
    /// The server's clock.
    time: String,
}

impl Before {
    pub fn of(site: &Site) -> Self {
        let now = site.now();
        let old = now.current.trim_start_matches("releases/").to_owned();
        let time = site.server.sh_ok("date -u +%Y-%m-%dT%H:%M:%SZ").trim().to_owned();
        Before { now, old, time }
    }
}

/// What was tried.
pub struct Tried<'a> {
    /// The commit that was to go live.
    pub new: &'a str,
    /// How shipit ended.
    pub ran: &'a Ran,
    /// Beginnings of names that may lie in .shipit until the next deploy.
    pub may_stay: &'a [&'a str],
}

/// Waits until nobody works on the server any more and the page is there: within the deadline, without anybody's help.
#[track_caller]
pub fn settled(stand: &Stand, tried: &Tried<'_>) -> Now {
    let (site, server) = (&stand.site, &stand.site.server);
    eventually(DEADLINE, || match at_work(server, tried.may_stay) {
        left if left.is_empty() => Ok(()),
        left => Err(left),
    });
    eventually(DEADLINE, || {
        let now = site.now();
        let runs = now.page.as_ref().and_then(|page| commit(page));
        match runs.is_some_and(|commit| now.current == format!("releases/{commit}")) && now.active == "active"
        {
            true => Ok(()),
            false => Err(now),
        }
    });
    site.now()
}

/// Who still works there, and what is half-done.
fn at_work(server: &Server, may_stay: &[&str]) -> String {
    let text = server
        .sh(&format!(
            "pgrep -u deploy -fl '[s]hipit|[c]url' | cut -c 1-80; pgrep -u app -fl '[s]hipit|[m]igrate|[s]tand-still' | cut -c 1-80
             cd {ROOT} && flock -n .shipit/lock true || echo locked
             cd .shipit && ls -d pending end.* incoming placing take 2>/dev/null"
        ))
        .stdout;
    let stays = |line: &&str| !may_stay.iter().any(|name| line.starts_with(name));
    text.lines().filter(stays).collect::<Vec<_>>().join("\n")
}

/// What was seen meanwhile: the old release or the new one, and nothing else, and always a whole one.
#[track_caller]
pub fn seen(before: &Before, tried: &Tried<'_>, seen: &Seen) {
    let others: Vec<&String> =
        seen.commits.iter().filter(|commit| **commit != before.old && *commit != tried.new).collect();
    assert!(others.is_empty(), "another release answered: {others:?}");
    assert_eq!(seen.dangling, "", "`current` did not lead to a whole release");
}

/// Exit code, `--json`, journal, `status`, `releases` and what runs agree. Says what runs: `old` or `new`.
#[track_caller]
pub fn agrees(stand: &Stand, before: &Before, tried: &Tried<'_>, after: &Now) -> &'static str {
    let (site, ran) = (&stand.site, tried.ran);
    let past = before.now.journal.len();
    let said = || {
        let journal = after.journal[past.min(after.journal.len())..].join("\n");
        let (current, state) = (&after.current, &after.state);
        format!("\n{current} {state:?}\n{journal}\n--- stdout\n{}\n--- stderr\n{}", ran.stdout, ran.stderr)
    };
    let runs = match after.current.trim_start_matches("releases/") {
        current if current == tried.new => "new",
        current if current == before.old => "old",
        current => panic!("{current} is neither the old nor the new release{}", said()),
    };

    // The journal: what this try wrote, and nothing is lost of what was there.
    assert_eq!(after.journal[..past], before.now.journal[..], "the journal's past changed");
    let lines = after.journal[past..].iter();
    let lines: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mine = facts::events(&lines);
    let unfinished = after.state.iter().any(|name| name.starts_with("end."));
    let ends: Vec<&Value> = lines.iter().filter(|line| !is_a_step(line)).collect();
    assert!(ends.len() <= 1, "one deploy, two ends: {mine}{}", said());
    let kept = ends.first().is_some_and(|end| end["event"] == "kept");
    if !unfinished {
        assert_eq!(kept, runs == "new", "{runs} runs, and the journal says {mine:?}{}", said());
        assert!(!mine.contains("started") || !ends.is_empty(), "no end: {mine}{}", said());
    }

    // What shipit said.
    match ran.code {
        0 => assert_eq!(runs, "new", "exit 0{}", said()),
        3..=8 | 130 | 143 => assert_eq!(runs, "old", "exit {}{}", ran.code, said()),
        // Contact was lost for good, or shipit was killed: nothing was claimed.
        9 | 137 => {}
        code => panic!("exit {code}{}", said()),
    }
    if ran.code != 137 {
        let result = ran.json();
        assert_eq!((&result["type"], &result["exit"]), (&"result".into(), &ran.code.into()), "{}", said());
        let live = result["live"].as_str().unwrap_or_default();
        if live.contains(" runs") {
            assert!(live.contains(&before.old[..7]) && runs == "old", "it says {live:?}{}", said());
        }
        if ran.code == 0 {
            assert_eq!(
                (&result["outcome"], &result["release"]),
                (&"live".into(), &tried.new.into()),
                "{}",
                said()
            );
        } else if !matches!(ran.code, 130 | 143) {
            // Before anything was touched, the exit code says what is live.
            assert!(ran.code < 7 || result["live"].is_string(), "it does not say what is live{}", said());
            assert!(
                result["hints"].as_array().is_some_and(|hints| !hints.is_empty()),
                "no next step{}",
                said()
            );
        }
    }

    // `status` and `releases` agree with the journal and with what is there.
    site.agrees(after);
    whole(&site.server, before, after, runs);
    if ran.code != 137 {
        eventually(Duration::from_secs(10), || match connections(&site.world) {
            left if left.iter().all(|id| stand.is_owed(*id)) => Ok(()),
            left => Err(left),
        });
        assert_eq!(temporary(&site.world), Vec::<PathBuf>::new(), "{}", said());
    }
    runs
}

fn is_a_step(line: &Value) -> bool {
    ["started", "live", "pruned"].iter().any(|step| line["event"] == *step)
}

/// Every release that is there is whole and has its GC root; nothing was taken but what a kept deploy prunes; the
/// app's data is as it was.
#[track_caller]
fn whole(server: &Server, before: &Before, after: &Now, runs: &str) {
    let broken = server.sh_ok(&format!(
        "cd {ROOT}
         for release in releases/*; do
             path=$(readlink $release/result) && nix-store --check-validity $path && [ -x $release/result/bin/server ] ||
                 echo $release is not whole
             [ -n \"$(find /nix/var/nix/gcroots/auto -lname {ROOT}/$release/result)\" ] || echo $release has no root
         done 2>&1
         [ \"$(cat data/precious)\" = precious ] || echo the data changed"
    ));
    assert_eq!(broken, "");
    let there = |now: &Now| now.releases.iter().cloned().collect::<BTreeSet<String>>();
    let gone: Vec<String> = there(&before.now).difference(&there(after)).cloned().collect();
    assert!(gone.is_empty() || runs == "new", "{gone:?} went with a deploy that did not go live");
}

/// The fault was a real one: the last line of the journal is older than the try.
#[track_caller]
pub fn clock_went_back(before: &Before, after: &Now) {
    let last: Value = serde_json::from_str(after.journal.last().expect("a line")).expect("JSON");
    let time = last["time"].as_str().unwrap_or_default();
    assert!(time < before.time.as_str(), "{time} is not before {}", before.time);
}
