//! The client's side of the transaction: it says `beat`, `go`, `keep` and `back`; the server holds the switch.
//!
//! Nothing is concluded from a lost connection: its end is [`Conversed::Lost`], and `outcome` asks.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use crate::deploy::run::Run;
use crate::deploy::target::Target;
use crate::remote;
use crate::tools::signals::Interrupts;
use crate::tools::ssh::Conversation;

pub mod answers;
mod client;
mod story;
pub mod unit_line;
mod verdict;
mod waits;

#[cfg(test)]
pub(crate) mod tests;

pub use client::Client;
pub use story::{Conversed, Story};

/// How often the server is told that its client lives.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How often the verdict looks at the clock.
const TICK: Duration = Duration::from_millis(50);

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
