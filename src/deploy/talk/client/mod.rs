//! What the client knows and makes of each line. No IO: a line or the time goes in, a reply comes out.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::Limits;
use super::story::{Conversed, Story};
use super::verdict::{Decision, Verdict};
use super::waits::Waits;
use crate::deploy::limits::SILENCE;
use crate::deploy::target::Target;
use crate::model::event::{Event, Events};
use crate::model::hold::Hold;
use crate::model::holder::Holder;
use crate::model::settings::Settings;
use crate::remote;
use crate::tools::signals::Wish;

mod lines;

/// How long the server may be silent: it answers each heartbeat, and reverts after [`SILENCE`].
pub(super) const SERVER_SILENCE: Duration = SILENCE.saturating_add(Duration::from_secs(5));

/// The client, as far as the conversation has come.
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
    pub(super) fn wish(&mut self, wish: Wish) -> Option<String> {
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
