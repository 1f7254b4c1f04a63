//! The client's side of the transaction: it says `beat`, `go`, `keep` and `back`; the server holds the switch.
//!
//! Nothing is concluded from a lost connection: its end is [`Conversed::Lost`], and `outcome` asks.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use tokio::time::{MissedTickBehavior, interval};

use crate::deploy::run::Run;
use crate::deploy::words::{SILENCE, Target};
use crate::model::event::{Event, Events};
use crate::model::hold::Hold;
use crate::model::holder::Holder;
use crate::model::names::{DeployNumber, Invocation, ReleaseId};
use crate::model::settings::Settings;
use crate::remote;
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::Conversation;
use unit_line::UnitLine;
use verdict::{Decision, Verdict};
use waits::{Busy, Waits};

pub mod answers;
pub mod unit_line;
mod verdict;
mod waits;

/// How often the server is told that its client lives.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How often the verdict looks at the clock.
const TICK: Duration = Duration::from_millis(50);
/// How long the server may be silent: it answers each heartbeat, and reverts after [`SILENCE`].
const SERVER_SILENCE: Duration = SILENCE.saturating_add(Duration::from_secs(5));

/// How the conversation ended.
#[derive(Debug)]
pub enum Conversed {
    /// It is live and stands.
    Kept,
    /// Somebody else holds the lock; the note beside it.
    Busy(String),
    /// A person holds deploys; the lines that say who.
    Held(Vec<String>),
    /// The server is not as it was when it was looked at.
    Moved,
    /// Refused before the switch: a word for the reason, and a sentence.
    Refused(String, String),
    /// The hook failed; nothing was switched. Its last lines.
    HookFailed(String, Vec<String>),
    /// It was switched, and then: the outcome's word, and why.
    Back(String, String),
    /// The user wished to stop before the switch.
    GivenUp(Wish),
    /// The connection is gone, or the server half died.
    Lost,
}

/// What was learnt on the way.
#[derive(Debug, Default)]
pub struct Story {
    /// The deploy's number, once the server gave it.
    pub number: Option<DeployNumber>,
    /// What was adopted, if something was.
    pub adopted: Option<ReleaseId>,
    /// The start of the unit that was watched.
    pub invocation: Option<Invocation>,
    /// Its main process.
    pub process: Option<String>,
    /// The health check's last answer.
    pub answer: Option<String>,
    /// The unit's state when it was last seen after the switch: `failed (failed)`.
    pub unit: Option<String>,
    /// The hook was started.
    pub hook_began: bool,
    /// Why systemd refused the restart on the way back.
    pub stuck: Option<String>,
    /// The hold that comes with it stands.
    pub held: bool,
    /// The holds at the end.
    pub holds: Vec<Hold>,
    /// `current` was moved.
    pub switched: bool,
    /// How long the hook ran.
    pub hook_took: Duration,
    /// What was removed afterwards.
    pub pruned: Vec<ReleaseId>,
    /// The user wished to stop.
    pub wish: Option<Wish>,
    /// … before anything else was decided: that is why it went back, if it did.
    pub gave_up: bool,
}

/// Leads the conversation to its end.
pub async fn converse(
    mut talk: Conversation<'_>,
    run: &Run<'_>,
    target: &Target,
    limits: Limits,
    interrupts: &mut Interrupts,
) -> (Conversed, Story) {
    let mut client = Client::new(run.settings, target, limits, &run.events, run.zone.clone());
    let mut beats = interval(HEARTBEAT);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut wishes = 0;
    while !client.is_over() {
        let reply = tokio::select! {
            line = talk.next() => match line.as_deref().and_then(remote::parse) {
                Some((word, rest)) => client.hear(word, rest, Instant::now()),
                None => break,
            },
            _ = beats.tick() => Some("beat".to_owned()),
            _ = ticks.tick() => client.tick(Instant::now()),
            wish = interrupts.more_than(wishes) => {
                wishes = wish.times;
                client.wish(wish)
            }
        };
        if let Some(line) = reply {
            // A connection that is gone shows itself as the end of the server's lines.
            let _ = talk.say(&line).await;
        }
    }
    client.end()
}

/// How long what may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A stop of the unit.
    pub stop: Duration,
    /// … and a start.
    pub start: Duration,
    /// The lock.
    pub lock: Duration,
    /// All of it, whatever the server says meanwhile.
    pub all: Duration,
}

/// The words with which the server tells how a switch ended. A word that is not among them tells nothing.
const OUTCOMES: [&str; 9] =
    ["kept", "reverted", "failed", "broken", "stuck", "unmoved", "down", "superseded", "unknown"];

/// What the client knows and makes of each line. No IO: a line or the time goes in, a reply comes out.
pub struct Client<'a> {
    settings: &'a Settings,
    target: &'a Target,
    limits: Limits,
    events: &'a Events,
    zone: TimeZone,
    story: Story,
    end: Option<Conversed>,
    verdict: Option<Verdict>,
    waits: Waits,
    hook_log: Vec<String>,
    /// When the hook or the switch began.
    began: Instant,
    silent_until: Instant,
    until: Instant,
    /// Somebody else has the lock.
    waiting: bool,
    /// It said `keep` or `back`, and only waits for the server's word.
    decided: bool,
    over: bool,
}

impl<'a> Client<'a> {
    /// Begins now. `zone`: where the reader of the times is.
    pub fn new(
        settings: &'a Settings,
        target: &'a Target,
        limits: Limits,
        events: &'a Events,
        zone: TimeZone,
    ) -> Self {
        let began = Instant::now();
        let silent_until = began + SERVER_SILENCE;
        Client {
            settings,
            target,
            limits,
            events,
            zone,
            story: Story::default(),
            end: None,
            verdict: None,
            waits: Waits::default(),
            hook_log: Vec::new(),
            began,
            silent_until,
            until: began + limits.all,
            waiting: false,
            decided: false,
            over: false,
        }
    }

    /// A line of the server, a whole one, as [`remote::parse`] takes it apart. What is returned is to be said.
    pub fn hear(&mut self, word: &str, rest: &str, now: Instant) -> Option<String> {
        self.silent_until = now + SERVER_SILENCE;
        self.waiting &= word == "still";
        match word {
            "waiting" => {
                self.waiting = true;
                let holder = Holder::read(rest).text(&self.zone);
                self.events.tell(Event::WaitingForLock { holder, within: self.limits.lock });
            }
            "busy" => self.end = Some(Conversed::Busy(rest.to_owned())),
            "held" => self.end = Some(Conversed::Held(remote::unpacked(rest))),
            "hold" => {
                self.story.held = true;
                self.events.tell(Event::Held { reason: self.target.hold.clone().unwrap_or_default() });
            }
            "moved" => self.end = Some(Conversed::Moved),
            "refused" => self.end = Some(self.refused(rest)),
            "adopted" => self.adopted(rest),
            "placed" => self.placed(rest),
            "hook-started" => {
                self.began = now;
                self.story.hook_began = true;
                self.events.tell(Event::HookStarted { command: self.settings.hooks.before_switch.clone() });
            }
            "hook" => {
                self.story.hook_took = now.duration_since(self.began);
                if rest == "0" {
                    self.events.tell(Event::HookDone { took: self.story.hook_took });
                }
                // The server looks at the hook's end after the next line, so it gets one at once.
                return Some("beat".to_owned());
            }
            "hook-log" => self.hook_log = remote::unpacked(rest),
            "ready" if self.story.wish.is_none() => return Some("go".to_owned()),
            "switched" => self.switched(rest, now),
            "unit" => return self.unit(rest, now),
            "health" => return self.health(rest, now),
            "restarted" | "start-failed" | "restart-refused" | "ended" => {
                return self.restart(word, rest, now);
            }
            // On the way back it comes with the unit's state.
            "still" => self.wait_for(rest, now),
            "going-back" => {
                self.decided = true;
                self.waits = Waits::default();
                self.events.tell(Event::GoingBack { reason: rest.to_owned() });
            }
            "done" => self.done(rest, now),
            "pruned" => {
                self.story.pruned = rest.split_whitespace().filter_map(|name| name.parse().ok()).collect();
                self.events.tell(Event::Pruned { releases: self.story.pruned.clone() });
            }
            "prune-failed" => self.events.warn(format!("release {rest} could not be removed")),
            "holds" => self.story.holds = Hold::read(&remote::unpacked(rest)),
            "end" => self.over = true,
            _ => {}
        }
        None
    }

    fn refused(&mut self, rest: &str) -> Conversed {
        let (kind, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match (kind, self.story.wish) {
            ("given-up", Some(wish)) => Conversed::GivenUp(wish),
            ("hook", _) => Conversed::HookFailed(text.to_owned(), std::mem::take(&mut self.hook_log)),
            _ => Conversed::Refused(kind.to_owned(), text.to_owned()),
        }
    }

    fn adopted(&mut self, rest: &str) {
        if let Ok(release) = rest.parse::<ReleaseId>() {
            self.events.tell(Event::Adopted { release: release.clone() });
            self.story.adopted = Some(release);
        }
    }

    fn placed(&mut self, rest: &str) {
        if let Ok(number) = rest.parse().map(DeployNumber) {
            self.story.number = Some(number);
            if !self.target.is_restart() {
                self.events.tell(Event::Placed { release: self.target.release.clone(), deploy: number });
            }
        }
    }

    fn switched(&mut self, rest: &str, now: Instant) {
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

    fn unit(&mut self, rest: &str, now: Instant) -> Option<String> {
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
    fn restart(&mut self, word: &str, rest: &str, now: Instant) -> Option<String> {
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
    fn wait_for(&mut self, active: &str, now: Instant) {
        if let Some(busy) = self.waits.see(active, now) {
            let within = match busy {
                Busy::Stop => self.limits.stop,
                Busy::Start => self.limits.start,
            };
            let unit = self.settings.unit.clone();
            self.events.tell(Event::Waiting { unit, to: busy.verb(), within });
        }
    }

    fn health(&mut self, rest: &str, now: Instant) -> Option<String> {
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

    fn done(&mut self, rest: &str, now: Instant) {
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

    /// The time.
    pub fn tick(&mut self, now: Instant) -> Option<String> {
        self.over |= now > self.silent_until || now > self.until;
        let decision = self.verdict.as_ref()?.at(now);
        if !self.decided && self.story.switched {
            let active = self.verdict.as_ref()?.last().active.clone();
            self.wait_for(&active, now);
        }
        self.decide(decision)
    }

    /// The user wishes to stop. Twice means now: the server sees the end of the file and goes back by itself.
    fn wish(&mut self, wish: Wish) -> Option<String> {
        self.story.wish = Some(wish);
        if self.waiting {
            // Somebody else's turn: the server has done nothing for this deploy, and does nothing without its client.
            self.end = Some(Conversed::GivenUp(wish));
        }
        self.over |= self.waiting || wish.times > 1;
        if self.decided {
            return None;
        }
        self.decided = true;
        self.story.gave_up = true;
        Some(format!("back {}", wish.reason()))
    }

    fn decide(&mut self, decision: Decision) -> Option<String> {
        if self.decided {
            return None;
        }
        self.decided = matches!(decision, Decision::Keep(_) | Decision::Back(_));
        match decision {
            Decision::Keep(invocation) => Some(format!("keep {invocation}")),
            Decision::Back(reason) => Some(format!("back {reason}")),
            Decision::Ask(invocation) => Some(format!("how {invocation}")),
            Decision::Wait => None,
        }
    }

    /// Whether there is nothing more to be heard.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// How it ended, when the server says no more.
    pub fn end(mut self) -> (Conversed, Story) {
        if let Some(verdict) = &self.verdict {
            self.story.invocation = verdict.invocation().cloned();
            self.story.process = verdict.process().map(str::to_owned);
            self.story.answer = verdict.answers().last().map(str::to_owned);
            // A look from before the restart tells nothing of it.
            let ours = verdict.last().invocation.is_some()
                && verdict.last().invocation.as_ref() == verdict.invocation();
            self.story.unit = verdict.last().in_words().filter(|_| ours);
        }
        (self.end.unwrap_or(Conversed::Lost), self.story)
    }
}

#[cfg(test)]
pub(crate) mod tests;
