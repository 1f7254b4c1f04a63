//! What the server's lines mean, one by one.

use std::time::Instant;

use super::Client;
use crate::deploy::talk::story::Conversed;
use crate::deploy::talk::unit_line::UnitLine;
use crate::deploy::talk::verdict::{Decision, Verdict};
use crate::deploy::talk::waits::Busy;
use crate::model::event::Event;
use crate::model::names::{DeployNumber, ReleaseId};

/// The words with which the server tells how a switch ended. A word that is not among them tells nothing.
const OUTCOMES: [&str; 9] =
    ["kept", "reverted", "failed", "broken", "stuck", "unmoved", "down", "superseded", "unknown"];

impl Client<'_> {
    pub(super) fn refused(&mut self, rest: &str) -> Conversed {
        let (kind, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match (kind, self.story.wish) {
            ("given-up", Some(wish)) => Conversed::GivenUp(wish),
            ("hook", _) => Conversed::HookFailed(text.to_owned(), std::mem::take(&mut self.hook_log)),
            _ => Conversed::Refused(kind.to_owned(), text.to_owned()),
        }
    }

    pub(super) fn adopted(&mut self, rest: &str) {
        if let Ok(release) = rest.parse::<ReleaseId>() {
            self.events.tell(Event::Adopted { release: release.clone() });
            self.story.adopted = Some(release);
        }
    }

    pub(super) fn placed(&mut self, rest: &str) {
        if let Ok(number) = rest.parse().map(DeployNumber) {
            self.story.number = Some(number);
            if !self.target.is_restart() {
                self.events.tell(Event::Placed { release: self.target.release.clone(), deploy: number });
            }
        }
    }

    pub(super) fn switched(&mut self, rest: &str, now: Instant) {
        self.story.switched = true;
        self.began = now;
        let (release, unit) = (self.target.release.clone(), self.settings.unit.clone());
        self.events.tell(if self.target.is_restart() {
            Event::Restarting { release, unit }
        } else {
            Event::Switched { release, unit }
        });
        let health = self.settings.health.clone();
        self.verdict =
            Some(Verdict::new(health, rest.parse().ok(), self.limits.stop + self.limits.start, now));
    }

    pub(super) fn unit(&mut self, rest: &str, now: Instant) -> Option<String> {
        self.judge(|verdict| verdict.unit(UnitLine::parse(rest), now))
    }

    /// What the verdict makes of it, as long as there is something to judge. The start that it follows is told.
    fn judge(&mut self, hear: impl FnOnce(&mut Verdict) -> Decision) -> Option<String> {
        let verdict = self.verdict.as_mut().filter(|_| !self.decided)?;
        let known = verdict.invocation().cloned();
        let decision = hear(verdict);
        if let Some(invocation) =
            verdict.invocation().filter(|invocation| Some(*invocation) != known.as_ref())
        {
            let within = self.settings.health.within;
            self.events.tell(Event::Started { invocation: invocation.clone(), within });
        }
        self.decide(decision)
    }

    /// How the restart went, or how a start of the unit ended.
    pub(super) fn restart(&mut self, word: &str, rest: &str, now: Instant) -> Option<String> {
        if self.decided {
            // The restart of the way back, which starts what is not ours to judge.
            self.story.stuck =
                (word == "restart-refused").then(|| rest.to_owned()).or(self.story.stuck.take());
            return None;
        }
        self.judge(|verdict| match word {
            "restarted" => verdict.restarted(rest, now),
            "start-failed" => verdict.start_failed(rest, now),
            "restart-refused" => verdict.refused(rest),
            _ => verdict.ended(rest, now),
        })
    }

    /// A stop or a start that takes long is said.
    pub(super) fn wait_for(&mut self, active: &str, now: Instant) {
        if let Some(busy) = self.waits.see(active, now) {
            let within = match busy {
                Busy::Stop => self.limits.stop,
                Busy::Start => self.limits.start,
            };
            let unit = self.settings.unit.clone();
            self.events.tell(Event::Waiting { unit, to: busy.verb(), within });
        }
    }

    pub(super) fn health(&mut self, rest: &str, now: Instant) -> Option<String> {
        let (invocation, answer) = rest.split_once(' ')?;
        let verdict = self.verdict.as_mut()?;
        let before = verdict.answers().last().map(str::to_owned);
        let decision = verdict.health(invocation, answer, now);
        let answers = verdict.answers();
        if let Some(answer) =
            answers.last().filter(|answer| !self.decided && before.as_deref() != Some(answer))
        {
            self.events.tell(Event::Answered { answer: answer.to_owned(), healthy: answers.is_good() });
        }
        self.decide(decision)
    }

    pub(super) fn done(&mut self, rest: &str, now: Instant) {
        let (outcome, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        if !OUTCOMES.contains(&outcome) {
            return;
        }
        self.end = Some(if outcome == "kept" {
            let (release, deploy) =
                (self.target.release.clone(), self.story.number.unwrap_or(DeployNumber(0)));
            self.events.tell(Event::Kept { release, deploy, took: now.duration_since(self.began) });
            Conversed::Kept
        } else {
            Conversed::Back(outcome.to_owned(), reason.trim().to_owned())
        });
    }
}
