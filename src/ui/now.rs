//! What goes on at this moment, as the events tell it: the live screen draws it, and lines in a pipe say it now and then.

use std::time::{Duration, Instant};

use super::text::{bytes, count, whole_seconds};
use crate::model::event::Event;
use crate::model::names::UnitName;

/// All that goes on. At most one thing in each place.
#[derive(Debug, Default)]
pub struct Now {
    /// The connection is being made.
    pub connect: Option<Step>,
    /// The build runs.
    pub build: Option<Build>,
    /// The closure is on its way.
    pub copy: Option<Copy>,
    /// What the server is at.
    pub step: Option<Step>,
    unit: Option<UnitName>,
    /// By when the release has to be healthy.
    healthy_until: Option<Instant>,
}

/// Something that takes its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// A word of at most eight letters, as in the lines.
    pub verb: &'static str,
    /// What is done, or waited for.
    pub what: String,
    /// Since when.
    pub since: Instant,
    /// When it is over at the latest.
    pub until: Option<Instant>,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Since when.
    pub since: Instant,
    /// How many derivations are done.
    pub done: u64,
    /// … of how many that are known.
    pub expected: u64,
    /// What is being built or fetched, in the order in which it began.
    pub running: Vec<Running>,
}

/// One of the things that a build is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The name, without the hash.
    pub name: String,
    /// It is fetched, not built.
    pub fetched: bool,
    /// Since when.
    pub since: Instant,
    /// Which phase of its build it is in.
    pub phase: Option<String>,
    /// What its builder said last.
    pub line: String,
}

/// A copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Since when.
    pub since: Instant,
    /// What has gone.
    pub bytes: u64,
    /// … of how much.
    pub of: u64,
    /// Which path is on its way.
    pub path: String,
}

impl Step {
    fn new(verb: &'static str, what: impl Into<String>, since: Instant) -> Option<Self> {
        Some(Step { verb, what: what.into(), since, until: None })
    }

    fn within(verb: &'static str, what: impl Into<String>, since: Instant, within: Duration) -> Option<Self> {
        Some(Step { verb, what: what.into(), since, until: since.checked_add(within) })
    }

    /// `24 s left`, or `3 s` where nobody knows when it ends.
    pub fn time(&self, now: Instant) -> String {
        match self.until {
            Some(until) => format!("{} left", whole_seconds(until.saturating_duration_since(now))),
            None => elapsed(self.since, now),
        }
    }
}

impl Now {
    /// Takes in what happened.
    pub fn see(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Connecting { host } => self.connect = Step::new("connect", host.as_str(), now),
            Event::Connected { .. } => self.connect = None,
            Event::Building { .. } => {
                self.step = None;
                self.build = Some(Build { since: now, done: 0, expected: 0, running: Vec::new() });
            }
            Event::Built { .. } => {
                self.build = None;
                self.step = Step::new("asking", "the server what it has of it", now);
            }
            Event::Checking { paths } => {
                let what = format!("{} in the server's store", count(*paths, "path"));
                self.step = Step::new("checking", what, now);
            }
            Event::Missing { bytes, paths, .. } => {
                self.step = None;
                self.copy =
                    (*paths > 0).then(|| Copy { since: now, bytes: 0, of: *bytes, path: String::new() });
            }
            Event::Storing { bytes, .. } => {
                self.step = None;
                self.copy = Some(Copy { since: now, bytes: 0, of: *bytes, path: String::new() });
            }
            Event::Stored { .. } => self.copy = None,
            Event::CopyingPath { .. } | Event::CopyProgress { .. } => self.see_copy(event),
            Event::Copied { .. } => {
                self.copy = None;
                self.step = Step::new("placing", "the release", now);
            }
            Event::BuildingDerivation { .. }
            | Event::BuildPhase { .. }
            | Event::BuildLog { .. }
            | Event::DerivationEnded { .. }
            | Event::Fetching { .. }
            | Event::Fetched { .. } => {
                if let Some(build) = &mut self.build {
                    build.see(event, now);
                }
            }
            _ => self.see_switch(event, now),
        }
    }

    fn see_copy(&mut self, event: &Event) {
        let Some(copy) = &mut self.copy else { return };
        match event {
            Event::CopyingPath { name, number, of } => copy.path = format!("{number}/{of} {name}"),
            Event::CopyProgress { bytes, of } => (copy.bytes, copy.of) = (*bytes, *of),
            _ => {}
        }
    }

    /// From the lock to the end.
    fn see_switch(&mut self, event: &Event, now: Instant) {
        match event {
            Event::WaitingForLock { holder, within } => {
                self.step = Step::within("waiting", holder.as_str(), now, *within);
            }
            Event::Placed { .. } | Event::HookDone { .. } => {
                self.step = Step::new("placing", "syncing the server's disk", now);
            }
            Event::HookStarted { command } => self.step = Step::new("hook", command.join(" "), now),
            Event::Switched { unit, .. } | Event::Restarting { unit, .. } => {
                self.unit = Some(unit.clone());
                self.step = Step::new("starting", unit.as_str(), now);
            }
            Event::Started { within, .. } => {
                self.healthy_until = now.checked_add(*within);
                self.check("not healthy yet", now);
            }
            Event::Answered { answer, healthy: false } => self.check(answer, now),
            Event::Answered { answer, healthy: true } => {
                self.check(&format!("{answer}: seeing whether it stays so"), now);
            }
            Event::Waiting { unit, to, within } => {
                self.step = Step::within("waiting", format!("for {unit} to {to}"), now, *within);
            }
            Event::Kept { .. } => self.step = Step::new("removing", "old releases", now),
            Event::GoingBack { .. } => {
                let unit = self.unit.as_ref().map_or("the unit", UnitName::as_str);
                self.step = Step::new("undoing", format!("the switch, and restarting {unit}"), now);
            }
            Event::ContactLost { within } => {
                self.step = Step::within("asking", "the server how it ended", now, *within);
            }
            Event::Pruned { .. } | Event::AlreadyLive { .. } => self.step = None,
            Event::Collecting { paths } => {
                let since = self
                    .step
                    .as_ref()
                    .filter(|step| step.verb == "collecting")
                    .map_or(now, |step| step.since);
                let what = format!("garbage: {} so far", count(*paths, "path"));
                self.step = Some(Step { verb: "collecting", what, since, until: None });
            }
            _ => {}
        }
    }

    fn check(&mut self, what: &str, now: Instant) {
        let since = self.step.as_ref().filter(|step| step.verb == "checking").map_or(now, |step| step.since);
        self.step = Some(Step { verb: "checking", what: what.to_owned(), since, until: self.healthy_until });
    }

    /// The same in a line each, for where nothing can be redrawn: a verb, and what.
    pub fn said(&self, now: Instant) -> Vec<(&'static str, String)> {
        let step = |step: &Step| (step.verb, format!("{} ({})", step.what, step.time(now)));
        let connect = self.connect.as_ref().map(step);
        let build = self.build.as_ref().map(|build| ("building", build.said(now)));
        let copy = self.copy.as_ref().map(|copy| ("copying", copy.said(now)));
        [connect, build, copy, self.step.as_ref().map(step)].into_iter().flatten().collect()
    }
}

impl Build {
    fn see(&mut self, event: &Event, now: Instant) {
        let running = |name: &String, fetched| Running {
            name: name.clone(),
            fetched,
            since: now,
            phase: None,
            line: String::new(),
        };
        match event {
            Event::BuildingDerivation { name, done, expected } => {
                (self.done, self.expected) = (*done, *expected);
                self.running.push(running(name, false));
            }
            Event::Fetching { name, .. } => self.running.push(running(name, true)),
            Event::BuildPhase { name, phase } => {
                if let Some(it) = self.one(name, false) {
                    it.phase = Some(phase.clone());
                }
            }
            Event::BuildLog { name, line } if !line.trim().is_empty() => {
                if let Some(it) = self.one(name, false) {
                    it.line.clone_from(line);
                }
            }
            Event::DerivationEnded { name, .. } => {
                self.done = self.expected.min(self.done + 1);
                self.end(name, false);
            }
            Event::Fetched { name } => self.end(name, true),
            _ => {}
        }
    }

    /// Two derivations of one name are told apart by nobody: the older one it is.
    fn one(&mut self, name: &str, fetched: bool) -> Option<&mut Running> {
        self.running.iter_mut().find(|it| it.fetched == fetched && it.name == name)
    }

    fn end(&mut self, name: &str, fetched: bool) {
        if let Some(at) = self.running.iter().position(|it| it.fetched == fetched && it.name == name) {
            self.running.remove(at);
        }
    }

    /// How far it is: `2 of 7 done`.
    pub fn progress(&self) -> String {
        if self.expected > 0 {
            return format!("{} of {} done", self.done, self.expected);
        }
        if self.running.is_empty() { "evaluating" } else { "fetching" }.to_owned()
    }

    fn said(&self, now: Instant) -> String {
        let mut text = format!("{} after {}", self.progress(), elapsed(self.since, now));
        // What is built tells more than what is fetched beside it.
        let first = self.running.iter().min_by_key(|it| it.fetched);
        if let Some(it) = first {
            text += &format!("; {}", it.said(now));
        }
        if self.running.len() > 1 {
            text += &format!(", and {} more", self.running.len() - 1);
        }
        text
    }
}

impl Running {
    /// Its phase and what it said last, as far as there is such a thing.
    pub fn doing(&self) -> String {
        let phase = if self.fetched { Some("fetching") } else { self.phase.as_deref() };
        let parts: Vec<&str> = phase.into_iter().chain(Some(self.line.as_str())).collect();
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
    }

    fn said(&self, now: Instant) -> String {
        let doing = self.doing();
        let doing = if doing.is_empty() { doing } else { format!(", {doing}") };
        format!("{} for {}{doing}", self.name, elapsed(self.since, now))
    }
}

impl Copy {
    fn said(&self, now: Instant) -> String {
        let took = now.saturating_duration_since(self.since).as_secs_f64();
        let text = format!("{} of {} after {}", bytes(self.bytes), bytes(self.of), elapsed(self.since, now));
        if self.bytes == 0 || took < 0.1 {
            return text;
        }
        let rate = self.bytes as f64 / took;
        let left = Duration::from_secs_f64((self.of.saturating_sub(self.bytes)) as f64 / rate);
        format!("{text}, {}/s, about {} left", bytes(rate as u64), whole_seconds(left))
    }
}

/// How long it goes on already. Tenths would only be in the way of the eye.
pub fn elapsed(since: Instant, now: Instant) -> String {
    let span = now.saturating_duration_since(since);
    whole_seconds(span)
}
