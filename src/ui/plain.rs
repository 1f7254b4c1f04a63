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
    /// `--from`: nothing is built.
    takes: bool,
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
            Event::Commits { planned: true, commits } => {
                Some((To::Out, news::commits_block(commits, news::PLANNED)))
            }
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
            Event::Building { installable, system, from } => {
                // Where the flake lies and at which commit is long, and said before.
                let attribute = installable.rsplit_once('#').map_or(installable.as_str(), |(_, name)| name);
                let what = if chatty { installable } else { attribute };
                let more =
                    if what.contains(system.as_str()) { String::new() } else { format!(" for {system}") };
                self.takes = from.is_some();
                match from {
                    Some(cache) => (NOW, "looking", format!("for {what}{more} in {cache}")),
                    None => (NOW, "building", format!("{what}{more}")),
                }
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
                let verb = if self.takes { "taken" } else { "built" };
                (GOOD, verb, format!("{} in {} ({work})", store_path.name(), duration(*took)))
            }
            // Nearly every deploy has one: no release holds the store path of assets.
            Event::Checking { paths: 1 } if !chatty => return None,
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
            Event::Storing { paths, bytes: size, to } => {
                (NOW, "packing", format!("{}, {} unpacked, into {to}", count(*paths, "path"), bytes(*size)))
            }
            Event::Stored { paths: 0, to, .. } => (GOOD, "packed", format!("nothing: {to} had it all")),
            Event::Stored { paths, to, took } => {
                (GOOD, "packed", format!("{} into {to} in {}", count(*paths, "path"), duration(*took)))
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
#[path = "plain_tests.rs"]
mod tests;
