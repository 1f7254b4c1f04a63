//! The client's side of the transaction: it says `beat`, `go`, `keep` and `back`; the server holds the switch.
//!
//! Nothing is concluded from a lost connection: its end is [`Conversed::Lost`], and `outcome` asks.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::verdict::{Decision, UnitLine, Verdict};
use super::words::{SILENCE, Target};
use crate::model::event::{Event, Events};
use crate::model::holder::Holder;
use crate::model::names::{DeployNumber, Invocation, ReleaseId, short_release};
use crate::model::settings::Settings;
use crate::remote;
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::Conversation;

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
    /// The hook was started.
    pub hook_began: bool,
    /// `current` was moved.
    pub switched: bool,
    /// How long the hook ran.
    pub hook_took: Duration,
    /// What was removed afterwards.
    pub pruned: Vec<ReleaseId>,
    /// The user wished to stop.
    pub wish: Option<Wish>,
}

/// Leads the conversation to its end.
pub async fn converse(
    mut talk: Conversation<'_>,
    settings: &Settings,
    target: &Target,
    limits: Limits,
    events: &Events,
    interrupts: &mut Interrupts,
) -> (Conversed, Story) {
    let mut client = Client::new(settings, target, limits, events);
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
    /// The old process's stop.
    pub stop: Duration,
    /// The lock.
    pub lock: Duration,
    /// All of it, whatever the server says meanwhile.
    pub all: Duration,
}

/// The words with which the server tells how a switch ended. A word that is not among them tells nothing.
const OUTCOMES: [&str; 7] = ["kept", "reverted", "failed", "broken", "down", "superseded", "unknown"];

/// What the client knows and makes of each line. No IO: a line or the time goes in, a reply comes out.
pub struct Client<'a> {
    settings: &'a Settings,
    target: &'a Target,
    limits: Limits,
    events: &'a Events,
    story: Story,
    end: Option<Conversed>,
    verdict: Option<Verdict>,
    hook_log: Vec<String>,
    /// When the hook or the switch began.
    began: Instant,
    silent_until: Instant,
    until: Instant,
    /// It said `keep` or `back`, and only waits for the server's word.
    decided: bool,
    over: bool,
}

impl<'a> Client<'a> {
    /// Begins now.
    pub fn new(settings: &'a Settings, target: &'a Target, limits: Limits, events: &'a Events) -> Self {
        let began = Instant::now();
        let silent_until = began + SERVER_SILENCE;
        Client {
            settings,
            target,
            limits,
            events,
            story: Story::default(),
            end: None,
            verdict: None,
            hook_log: Vec::new(),
            began,
            silent_until,
            until: began + limits.all,
            decided: false,
            over: false,
        }
    }

    /// A line of the server, a whole one, as [`remote::parse`] takes it apart. What is returned is to be said.
    pub fn hear(&mut self, word: &str, rest: &str, now: Instant) -> Option<String> {
        self.silent_until = now + SERVER_SILENCE;
        match word {
            "waiting" => {
                self.silent_until += self.limits.lock;
                self.events.warn(format!(
                    "{}; waiting up to {} s for it",
                    holder(rest),
                    self.limits.lock.as_secs()
                ));
            }
            "busy" => self.end = Some(Conversed::Busy(holder(rest))),
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
            "restart-refused" => {
                self.verdict.as_mut()?.refused(rest, now);
                return self.tick(now);
            }
            "going-back" => {
                self.decided = true;
                self.events.tell(Event::GoingBack { reason: rest.to_owned() });
            }
            "done" => self.done(rest, now),
            "pruned" => {
                self.story.pruned = rest.split_whitespace().filter_map(|name| name.parse().ok()).collect();
                self.events.tell(Event::Pruned { releases: self.story.pruned.clone() });
            }
            "prune-failed" => self.events.warn(format!("release {rest} could not be removed")),
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
            self.events.tell(Event::Placed { release: self.target.release.clone(), deploy: number });
        }
    }

    fn switched(&mut self, rest: &str, now: Instant) {
        self.story.switched = true;
        self.began = now;
        let (release, unit) = (self.target.release.clone(), self.settings.unit.clone());
        self.events.tell(Event::Switched { release, unit });
        let health = self.settings.health.clone();
        self.verdict = Some(Verdict::new(health, rest.parse().ok(), self.limits.stop, now));
    }

    fn unit(&mut self, rest: &str, now: Instant) -> Option<String> {
        let verdict = self.verdict.as_mut()?;
        let known = verdict.invocation().is_some();
        let decision = verdict.unit(UnitLine::parse(rest), now);
        if let (false, Some(invocation)) = (known, verdict.invocation()) {
            self.events.tell(Event::Started { invocation: invocation.clone() });
        }
        self.decide(decision)
    }

    fn health(&mut self, rest: &str, now: Instant) -> Option<String> {
        let (invocation, answer) = rest.split_once(' ')?;
        let verdict = self.verdict.as_mut()?;
        let before = verdict.answer().map(str::to_owned);
        let decision = verdict.health(invocation, answer, now);
        if let Some(answer) =
            verdict.answer().filter(|answer| !self.decided && before.as_deref() != Some(answer))
        {
            self.events.tell(Event::Answered { answer: answer.to_owned(), healthy: verdict.is_answered() });
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
        self.decide(decision)
    }

    /// The user wishes to stop. Twice means now: the server sees the end of the file and goes back by itself.
    fn wish(&mut self, wish: Wish) -> Option<String> {
        self.story.wish = Some(wish);
        self.over |= wish.times > 1;
        if self.decided {
            return None;
        }
        self.decided = true;
        Some(format!("back {}", wish.reason()))
    }

    fn decide(&mut self, decision: Decision) -> Option<String> {
        if self.decided || decision == Decision::Wait {
            return None;
        }
        self.decided = true;
        match decision {
            Decision::Keep(invocation) => Some(format!("keep {invocation}")),
            Decision::Back(reason) => Some(format!("back {reason}")),
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
            self.story.answer = verdict.answer().map(str::to_owned);
        }
        (self.end.unwrap_or(Conversed::Lost), self.story)
    }
}

/// The note beside the lock, in words.
fn holder(note: &str) -> String {
    let note = Holder::read(note);
    let what = note.release.map(|release| format!(" of {}", short_release(&release))).unwrap_or_default();
    match note.since {
        Some(since) => format!(
            "{} has been running `{}`{what} since {since}{}",
            note.who.as_deref().unwrap_or("somebody"),
            note.command.as_deref().unwrap_or("shipit"),
            note.from.map(|from| format!(" ({from})")).unwrap_or_default()
        ),
        None => "another deploy is running".to_owned(),
    }
}

#[cfg(test)]
#[path = "switch_tests.rs"]
pub(crate) mod tests;
