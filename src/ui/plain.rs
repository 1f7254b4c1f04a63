//! Events as lines for people: a verb, what, where, how long. For pipes, CI logs and terminals alike.

use std::time::Duration;

use anstyle::Style;

use super::Verbosity;
use super::news;
use super::streams::To;
use super::style::{BAD, GOOD, NOW, ODD, paint};
use super::text::{bytes, clean, clean_lines, count, duration, whole_seconds};
use crate::model::event::Event;
use crate::model::names::{ReleaseId, UnitName};

/// Of many paths that are copied one after another, about this many are named.
const COPIES_NAMED: u64 = 10;
/// A derivation that took longer is named with its time.
const SLOW_BUILD: Duration = Duration::from_secs(10);
/// … where its begin has no line.
const NOTABLE_BUILD: Duration = Duration::from_secs(1);

/// What the lines depend on besides the event.
#[derive(Debug, Default)]
pub struct Plain {
    verbosity: Verbosity,
    /// Somebody watches: what begins is said too, not only what was done.
    watched: bool,
    /// What goes on is shown beside the lines.
    beside_live: bool,
    answers: Vec<String>,
    unit: Option<UnitName>,
    caches: Vec<String>,
}

impl Plain {
    /// A screen of lines. `watched`: it is a terminal.
    pub fn new(verbosity: Verbosity, watched: bool) -> Self {
        Plain { verbosity, watched, ..Plain::default() }
    }

    /// … beside which what goes on is drawn; `asks`: not while it connects, because ssh may ask for a passphrase then.
    pub fn beside_live(verbosity: Verbosity, asks: bool) -> Self {
        Plain { verbosity, watched: asks, beside_live: true, ..Plain::default() }
    }

    /// A line for something that goes on for long.
    pub fn still(&self, verb: &str, what: &str) -> Option<String> {
        (self.verbosity != Verbosity::Quiet).then(|| line(NOW, verb, what))
    }

    /// The event's line, where it has one.
    pub fn line(&mut self, event: &Event) -> Option<(To, String)> {
        match event {
            // A dry run's steps are what was asked for.
            Event::Plan { step } => Some((To::Out, format!("would {}\n", clean(step)))),
            Event::Commits { planned: true, commits } => Some((To::Out, news::commits_block(commits))),
            Event::Closure { planned: true, closures } => Some((To::Out, news::closure_block(closures))),
            _ if warns(event).is_some() => warns(event).map(|text| (To::Err, warning(&text))),
            _ if self.verbosity == Verbosity::Quiet => None,
            _ => self.talk(event).map(|(style, verb, text)| (To::Err, line(style, verb, &text))),
        }
    }

    /// The style and the word of the verb, and what follows it.
    fn talk(&mut self, event: &Event) -> Option<(Style, &'static str, String)> {
        let chatty = self.verbosity == Verbosity::Verbose;
        if self.beside_live && is_drawn(event) {
            return None;
        }
        let line = match event {
            Event::Source { commit, subject, dirty } => {
                let dirty = if *dirty { ", with uncommitted changes" } else { "" };
                let text = match commit {
                    Some(commit) => {
                        let subject = subject.as_deref().unwrap_or_default();
                        format!("{} {}", commit.short(), subject).trim_end().to_owned() + dirty
                    }
                    None => format!("this folder, without git{dirty}"),
                };
                (GOOD, "source", text)
            }
            Event::Connecting { host } if self.watched || chatty => (NOW, "connect", host.to_string()),
            Event::Connected { host, took } => (GOOD, "reached", format!("{host} in {}", duration(*took))),
            Event::Building { installable, system } => {
                // Where the flake lies and at which commit is long, and said before.
                let attribute = installable.rsplit_once('#').map_or(installable.as_str(), |(_, name)| name);
                let what = if chatty { installable } else { attribute };
                let more =
                    if what.contains(system.as_str()) { String::new() } else { format!(" for {system}") };
                (NOW, "building", format!("{what}{more}"))
            }
            Event::BuildingDerivation { name, done, expected } => {
                (NOW, "building", format!("{}/{expected} {name}", (done + 1).min(*expected)))
            }
            Event::DerivationEnded { name, took } => {
                let notable = if self.beside_live { NOTABLE_BUILD } else { SLOW_BUILD };
                if *took < notable && !chatty {
                    return None;
                }
                (NOW, "took", format!("{} for {name}", duration(*took)))
            }
            Event::Fetching { name, from } if chatty => (NOW, "fetching", format!("{name} from {from}")),
            Event::Fetching { from, .. } => {
                // A first build fetches hundreds of paths: where from is what matters.
                if self.caches.contains(from) {
                    return None;
                }
                self.caches.push(from.clone());
                (NOW, "fetching", format!("from {from}"))
            }
            Event::Built { store_path, built, fetched, took } => {
                let work = match (built, fetched) {
                    (0, 0) => "all was there".to_owned(),
                    (0, fetched) => format!("{} fetched", count(*fetched, "path")),
                    (built, 0) => count(*built, "derivation"),
                    (built, fetched) => {
                        format!("{}, {} fetched", count(*built, "derivation"), count(*fetched, "path"))
                    }
                };
                (GOOD, "built", format!("{} in {} ({work})", store_path.name(), duration(*took)))
            }
            Event::Checking { paths } => {
                let them = if *paths == 1 { "it" } else { "them" };
                let paths = count(*paths, "path");
                (NOW, "checking", format!("{paths} not from a deploy: a power loss may have torn {them}"))
            }
            Event::Missing { closure, paths: 0, .. } => {
                (GOOD, "missing", format!("nothing: the server has all {}", count(*closure, "path")))
            }
            Event::Missing { closure, paths, bytes: size } => (
                GOOD,
                "missing",
                format!("{paths} of {}, {} unpacked", count(*closure, "path"), bytes(*size)),
            ),
            Event::CopyingPath { name, number, of } => {
                let tenth = |number: u64| number.saturating_mul(COPIES_NAMED) / (*of).max(1);
                let passes = tenth(*number) != tenth(number.saturating_sub(1));
                if !(chatty || *of <= COPIES_NAMED || *number == 1 || passes) {
                    return None;
                }
                (NOW, "copying", format!("{number}/{of} {name}"))
            }
            Event::Copied { paths: 0, .. } => return None,
            Event::Copied { paths, bytes: size, took } => {
                let text = format!("{}, {} in {}", count(*paths, "path"), bytes(*size), duration(*took));
                (GOOD, "copied", text)
            }
            Event::Placed { release: id, deploy } => (GOOD, "placed", format!("{} ({deploy})", id.short())),
            Event::Adopted { release } => {
                (GOOD, "adopted", format!("what was live before shipit came, as {release}"))
            }
            Event::HookStarted { command } => (NOW, "hook", command.join(" ")),
            Event::HookDone { took } => (GOOD, "hook", format!("done in {}", duration(*took))),
            Event::Held { reason } => (GOOD, "held", format!("deploys from now on: {reason}")),
            Event::Switched { release: id, unit } => {
                self.unit = Some(unit.clone());
                self.answers.clear();
                (GOOD, "switched", format!("to {}, restarting {unit}", id.short()))
            }
            Event::Restarting { release: id, unit } => {
                self.unit = Some(unit.clone());
                self.answers.clear();
                (GOOD, "restart", format!("of {unit}, with {} as before", id.short()))
            }
            Event::Started { .. } => {
                let unit = self.unit.as_ref().map_or("the unit", UnitName::as_str);
                (GOOD, "started", unit.to_owned())
            }
            Event::Waiting { unit, to, within } => {
                (NOW, "waiting", format!("for {unit} to {to}: up to {}", whole_seconds(*within)))
            }
            Event::Answered { answer, healthy } => {
                // Asked five times a second: what is new is worth a line.
                if self.answers.contains(answer) {
                    return None;
                }
                self.answers.push(answer.clone());
                (
                    if *healthy { GOOD } else { NOW },
                    if answer.starts_with("status") { "answers" } else { "waiting" },
                    answer.clone(),
                )
            }
            Event::Kept { release: id, deploy, took } => {
                (GOOD, "healthy", format!("{} ({deploy}) after {}", id.short(), duration(*took)))
            }
            Event::GoingBack { reason } => (BAD, "undoing", format!("the switch: {reason}")),
            Event::ContactLost { within } => {
                let limit = whole_seconds(*within);
                (BAD, "lost", format!("contact with the server; asking for up to {limit} how it ended"))
            }
            Event::Pruned { releases } if releases.is_empty() => return None,
            Event::Pruned { releases } => {
                let names: Vec<String> = releases.iter().map(ReleaseId::short).collect();
                let what = count(releases.len() as u64, "old release");
                (GOOD, "removed", format!("{what}: {}", names.join(", ")))
            }
            Event::Collecting { paths: 0 } => {
                (NOW, "collect", "what nothing in the store refers to".to_owned())
            }
            Event::Collecting { paths } => (NOW, "collect", format!("{} so far", count(*paths, "path"))),
            Event::Commits { commits, .. } => (GOOD, "commits", news::commits_line(commits)),
            Event::Closure { closures, .. } => (GOOD, "closure", news::closure_line(closures)),
            // The last line says it.
            Event::AlreadyLive { .. } => return None,
            Event::BuildPhase { .. }
            | Event::BuildLog { .. }
            | Event::Fetched { .. }
            | Event::CopyProgress { .. }
            | Event::WaitingForLock { .. }
            | Event::Connecting { .. }
            | Event::Plan { .. }
            | Event::Warning { .. } => return None,
        };
        Some(line)
    }
}

/// What only begins: a screen that draws what goes on shows it, and its end has a line.
fn is_drawn(event: &Event) -> bool {
    matches!(
        event,
        Event::Building { .. }
            | Event::BuildingDerivation { .. }
            | Event::Fetching { .. }
            | Event::Checking { .. }
            | Event::CopyingPath { .. }
    )
}

fn line(style: Style, verb: &str, text: &str) -> String {
    let verb = paint(style, format_args!("{verb:<8}"));
    format!("  {verb} {}\n", clean(text))
}

/// What is said to everybody, also where only the answer is wanted.
pub fn warns(event: &Event) -> Option<String> {
    match event {
        Event::Warning { text } => Some(text.clone()),
        // It may take long, and somebody else is the reason.
        Event::WaitingForLock { holder, within } => {
            Some(format!("{holder}; waiting up to {} for it", whole_seconds(*within)))
        }
        _ => None,
    }
}

/// `warning: …`
pub fn warning(text: &str) -> String {
    format!("{} {}\n", paint(ODD, "warning:"), clean_lines(text).join("\n  "))
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn told(screen: &mut Plain, events: &[Event]) -> String {
        let lines = events.iter().filter_map(|event| screen.line(event));
        lines
            .map(|(to, line)| {
                format!(
                    "{}{}",
                    if to == To::Out { "stdout:" } else { "" },
                    anstream::adapter::strip_str(&line)
                )
            })
            .collect()
    }

    fn release(letter: &str) -> ReleaseId {
        letter.repeat(40).parse().unwrap()
    }

    fn a_deploy() -> Vec<Event> {
        let host = || "deploy@server.example".parse().unwrap();
        let ms = Duration::from_millis;
        let answers = |answer: &str| Event::Answered { answer: answer.to_owned(), healthy: false };
        let copying = |number| Event::CopyingPath { name: "server-0.1".to_owned(), number, of: 2 };
        vec![
            Event::Source {
                commit: Some("3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a".parse().unwrap()),
                subject: Some("Fix \u{1b}[31mthe login".to_owned()),
                dirty: true,
            },
            Event::Connecting { host: host() },
            Event::Building {
                installable: "git+file:///work?rev=3f9c#packages.x86_64-linux.default".to_owned(),
                system: "x86_64-linux".parse().unwrap(),
            },
            Event::Connected { host: host(), took: ms(412) },
            Event::Fetching { name: "zlib-1.3".to_owned(), from: "https://cache.nixos.org".to_owned() },
            Event::Fetching { name: "bash-5.3".to_owned(), from: "https://cache.nixos.org".to_owned() },
            Event::BuildingDerivation { name: "hello-1.0".to_owned(), done: 3, expected: 7 },
            Event::Built {
                store_path: "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1".parse().unwrap(),
                built: 2,
                fetched: 1,
                took: ms(3210),
            },
            Event::Missing { closure: 87, paths: 2, bytes: 12_400_000 },
            copying(1),
            copying(2),
            Event::Copied { paths: 2, bytes: 12_400_000, took: ms(2100) },
            Event::Adopted { release: "adopted-20261122T140305Z".parse().unwrap() },
            Event::Placed { release: release("b"), deploy: crate::model::names::DeployNumber(42) },
            Event::HookStarted { command: vec!["result/bin/server".to_owned(), "migrate".to_owned()] },
            Event::HookDone { took: ms(1200) },
            Event::Switched { release: release("b"), unit: "server.service".parse().unwrap() },
            Event::Started {
                invocation: "0123456789abcdef0123456789abcdef".parse().unwrap(),
                within: Duration::from_secs(30),
            },
            answers("no answer yet"),
            answers("no answer yet"),
            answers("503"),
            answers("503"),
            Event::Kept {
                release: release("b"),
                deploy: crate::model::names::DeployNumber(42),
                took: ms(1340),
            },
            Event::Pruned { releases: vec![release("c"), release("d")] },
            Event::Pruned { releases: vec![] },
            Event::Warning { text: "two\nlines".to_owned() },
        ]
    }

    #[test]
    fn a_deploy_is_told_line_by_line() {
        assert_data_eq!(
            told(&mut Plain::new(Verbosity::Normal, false), &a_deploy()),
            str![[r#"
  source   3f9c2d1 Fix the login, with uncommitted changes
  building packages.x86_64-linux.default
  reached  deploy@server.example in 0.4 s
  fetching from https://cache.nixos.org
  building 4/7 hello-1.0
  built    server-0.1 in 3.2 s (2 derivations, 1 path fetched)
  missing  2 of 87 paths, 12.4 MB unpacked
  copying  1/2 server-0.1
  copying  2/2 server-0.1
  copied   2 paths, 12.4 MB in 2.1 s
  adopted  what was live before shipit came, as adopted-20261122T140305Z
  placed   bbbbbbb (v42)
  hook     result/bin/server migrate
  hook     done in 1.2 s
  switched to bbbbbbb, restarting server.service
  started  server.service
  waiting  no answer yet
  waiting  503
  healthy  bbbbbbb (v42) after 1.3 s
  removed  2 old releases: ccccccc, ddddddd
warning: two
  lines

"#]]
        );
    }

    #[test]
    fn who_watches_sees_what_begins_and_who_asks_for_more_gets_it() {
        let more = |mut screen: Plain| {
            let usual = told(&mut Plain::new(Verbosity::Normal, false), &a_deploy());
            let usual: Vec<&str> = usual.lines().collect();
            let all = told(&mut screen, &a_deploy());
            all.lines()
                .filter(|line| !usual.contains(line))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        assert_data_eq!(
            more(Plain::new(Verbosity::Normal, true)),
            str![[r#"
  connect  deploy@server.example

"#]]
        );
        assert_data_eq!(
            more(Plain::new(Verbosity::Verbose, false)),
            str![[r#"
  connect  deploy@server.example
  building git+file:///work?rev=3f9c#packages.x86_64-linux.default
  fetching zlib-1.3 from https://cache.nixos.org
  fetching bash-5.3 from https://cache.nixos.org

"#]]
        );
        assert_data_eq!(
            told(&mut Plain::new(Verbosity::Quiet, true), &a_deploy()),
            str![[r#"
warning: two
  lines

"#]]
        );
    }

    #[test]
    fn what_is_rare_has_its_line_too() {
        let events = [
            Event::Source { commit: None, subject: None, dirty: true },
            Event::Built {
                store_path: "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1".parse().unwrap(),
                built: 0,
                fetched: 0,
                took: Duration::from_millis(40),
            },
            Event::Checking { paths: 1 },
            Event::Missing { closure: 87, paths: 0, bytes: 0 },
            Event::Copied { paths: 0, bytes: 0, took: Duration::ZERO },
            Event::Waiting {
                unit: "server.service".parse().unwrap(),
                to: "stop",
                within: Duration::from_secs(90),
            },
            Event::GoingBack { reason: "no healthy answer within 30 s".to_owned() },
            Event::ContactLost { within: Duration::from_secs(210) },
            Event::AlreadyLive { release: release("b") },
            Event::Plan { step: "copy 3 paths".to_owned() },
        ];
        assert_data_eq!(
            told(&mut Plain::new(Verbosity::Normal, false), &events),
            str![[r#"
  source   this folder, without git, with uncommitted changes
  built    server-0.1 in 40 ms (all was there)
  checking 1 path not from a deploy: a power loss may have torn it
  missing  nothing: the server has all 87 paths
  waiting  for server.service to stop: up to 1 min 30 s
  undoing  the switch: no healthy answer within 30 s
  lost     contact with the server; asking for up to 3 min 30 s how it ended
stdout:would copy 3 paths

"#]]
        );
    }

    #[test]
    fn of_many_copies_some_are_named() {
        let copies: Vec<Event> =
            (1..=87).map(|number| Event::CopyingPath { name: "x".to_owned(), number, of: 87 }).collect();
        assert_eq!(told(&mut Plain::new(Verbosity::Normal, false), &copies).lines().count(), 11);
        assert_eq!(told(&mut Plain::new(Verbosity::Verbose, false), &copies).lines().count(), 87);
    }
}
