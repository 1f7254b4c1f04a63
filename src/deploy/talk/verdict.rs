//! Is it healthy? A pure machine: lines of the server's watchers and the time go in, a decision comes out.
//!
//! A dead process ends the wait at once; only a release that is alive and says nothing uses up its time.

use std::time::{Duration, Instant};

use super::answers::Answers;
use super::unit_line::{UnitLine, told_end};
use crate::model::names::Invocation;
use crate::model::settings::Health;

/// How long the server may take to tell how a start ended that is gone already.
const TELLS: Duration = Duration::from_secs(4);

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Not known yet.
    Wait,
    /// The server's log has to say how this start ended.
    Ask(Invocation),
    /// This start of the unit is healthy.
    Keep(Invocation),
    /// It is not going to work, because of this.
    Back(String),
}

/// Follows one start of the unit.
#[derive(Debug)]
pub struct Verdict {
    health: Health,
    /// The start that ran before the switch.
    before: Option<Invocation>,
    /// How long the old process may take to stop, before the new one begins.
    stop_limit: Duration,
    switched: Instant,
    /// Our restart is done. Until then systemd's own timer may have started something, of the old release even: its end
    /// says nothing about the new one.
    restarted: bool,
    /// The start that is judged, and when it was first seen.
    start: Option<(Invocation, Instant)>,
    active_since: Option<Instant>,
    last: UnitLine,
    process: Option<String>,
    answers: Answers,
    /// How that start ended, as systemd's log has it; within it, none: the log does not say.
    told: Option<Option<String>>,
    /// What speaks against it since when: the way it ended may still be told.
    over: Option<(String, Instant)>,
}

impl Verdict {
    /// Begins at the switch.
    pub fn new(health: Health, before: Option<Invocation>, stop_limit: Duration, now: Instant) -> Self {
        Verdict {
            health,
            before,
            stop_limit,
            switched: now,
            restarted: false,
            start: None,
            active_since: None,
            last: UnitLine::default(),
            process: None,
            answers: Answers::default(),
            told: None,
            over: None,
        }
    }

    /// The start that is being watched.
    pub fn invocation(&self) -> Option<&Invocation> {
        self.start.as_ref().map(|(invocation, _)| invocation)
    }

    /// The main process of that start, while it was seen.
    pub fn process(&self) -> Option<&str> {
        self.process.as_deref()
    }

    /// The answers to the health check.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The unit, as it was last seen.
    pub fn last(&self) -> &UnitLine {
        &self.last
    }

    /// The restart is done, and this start is its own.
    pub fn restarted(&mut self, invocation: &str, now: Instant) -> Decision {
        if let Some(invocation) =
            invocation.parse().ok().filter(|started| Some(started) != self.before.as_ref())
        {
            self.watch(invocation, now);
        }
        self.restarted = true;
        // It may have died before this was told, and nothing more changes then.
        if self.saw_the_end() && !self.last.job {
            return Decision::Back(self.last.end());
        }
        self.at(now)
    }

    /// The restart was done, and its start failed: the unit's own state says why, and better.
    pub fn start_failed(&mut self, rest: &str, now: Instant) -> Decision {
        let (invocation, text) = rest.split_once(' ').unwrap_or((rest, ""));
        self.restarted(invocation, now);
        if self.saw_the_end() {
            return Decision::Back(self.last.end());
        }
        self.is_over(format!("the start failed: {text}"), now)
    }

    /// systemd did not even try.
    pub fn refused(&self, text: &str) -> Decision {
        Decision::Back(format!("systemd refused the restart: {text}"))
    }

    /// systemd's log says how a start ended.
    pub fn ended(&mut self, rest: &str, now: Instant) -> Decision {
        let (invocation, line) = rest.split_once(' ').unwrap_or((rest, ""));
        if self.invocation().is_some_and(|ours| ours.as_str() == invocation) {
            self.told = Some(told_end(line));
        }
        self.at(now)
    }

    /// The unit's watcher said a line.
    pub fn unit(&mut self, line: UnitLine, now: Instant) -> Decision {
        let new = line.invocation.clone().filter(|invocation| Some(invocation) != self.before.as_ref());
        match (new, self.invocation()) {
            (Some(new), Some(watched)) if new != *watched && self.restarted => {
                if self.saw_the_end() {
                    return self.again(&self.last.end());
                }
                // Its end was too short to be seen. (Or this is an older look that was told late: the next line says so.)
                return self.is_over(AGAIN.to_owned(), now);
            }
            (Some(new), _) => {
                self.watch(new, now);
                self.over = self.over.take().filter(|(why, _)| why != AGAIN);
            }
            _ => {}
        }
        let ours = self.start.is_some() && line.invocation.as_ref() == self.invocation();
        self.active_since = match (ours && line.active == "active", self.active_since) {
            (true, None) => Some(now),
            (true, since) => since,
            (false, _) => None,
        };
        if ours && line.process.is_some() {
            self.process.clone_from(&line.process);
        }
        self.last = line;
        if ours && self.restarted && self.last.is_dead() && !self.last.job {
            return Decision::Back(self.last.end());
        }
        self.at(now)
    }

    /// The health check's watcher said a line: which start was asked, and what came back.
    pub fn health(&mut self, invocation: &str, answer: &str, now: Instant) -> Decision {
        if self.invocation().is_some_and(|ours| ours.as_str() == invocation) {
            self.answers.hear(self.health.http.as_ref(), answer, now);
        }
        self.at(now)
    }

    /// Time went by.
    pub fn at(&self, now: Instant) -> Decision {
        if let Some((why, since)) = &self.over {
            return match &self.told {
                Some(Some(how)) => self.again(how),
                None if now.duration_since(*since) < TELLS => Decision::Wait,
                _ => Decision::Back(why.clone()),
            };
        }
        let (settle, within) = (self.health.settle, self.health.within);
        let stayed = self.active_since.is_some_and(|since| now.duration_since(since) >= settle);
        let steady = self.health.http.is_none() || self.answers.are_steady(settle, now);
        if self.restarted
            && stayed
            && steady
            && let Some(invocation) = self.invocation()
        {
            return Decision::Keep(invocation.clone());
        }
        match &self.start {
            None if now.duration_since(self.switched) > self.stop_limit + within => {
                Decision::Back("the unit did not start".to_owned())
            }
            Some((_, since)) if now.duration_since(*since) > within => self.late(),
            _ => Decision::Wait,
        }
    }

    /// `within` is over.
    fn late(&self) -> Decision {
        let within = self.health.within.as_secs_f32();
        Decision::Back(match (&self.health.http, self.active_since) {
            (_, None) => format!("the unit was not up within {within} s (it is {})", self.last.doing()),
            // Good answers that began in time are heard to their end, which the first bad one is.
            (Some(_), Some(_)) if self.answers.is_good() => return Decision::Wait,
            (Some(http), Some(_)) => self.answers.shortfall(http, &self.health),
            (None, Some(_)) => "the unit did not stay up".to_owned(),
        })
    }

    /// It will not work, and how it ended is not known yet.
    fn is_over(&mut self, why: String, now: Instant) -> Decision {
        match (&self.over, self.invocation()) {
            (None, Some(invocation)) => {
                let invocation = invocation.clone();
                self.over = Some((why, now));
                Decision::Ask(invocation)
            }
            _ => self.at(now),
        }
    }

    /// The last look found that start dead.
    fn saw_the_end(&self) -> bool {
        self.last.is_dead() && self.start.is_some() && self.last.invocation.as_ref() == self.invocation()
    }

    /// This start is the one to judge.
    fn watch(&mut self, invocation: Invocation, now: Instant) {
        if self.invocation() != Some(&invocation) {
            self.start = Some((invocation, now));
            self.active_since = None;
            self.process = None;
            self.answers = Answers::default();
        }
    }

    /// Whatever runs now is another start than the one that was to prove itself.
    fn again(&self, how: &str) -> Decision {
        Decision::Back(match self.over.as_ref().is_some_and(|(why, _)| why != AGAIN) {
            true => how.to_owned(),
            false => format!("{how}, and systemd started it again"),
        })
    }
}

/// Said when nothing tells how it ended.
const AGAIN: &str = "it ended and was started again by systemd";

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
