//! The health check's answers to one start of the unit: one good answer says little, so they have to stay good.

use std::time::{Duration, Instant};

use crate::model::settings::{Health, HttpCheck};

/// As many good answers in a row there must be, however short `settle` is.
const IN_A_ROW: u32 = 3;

/// What came back so far.
#[derive(Debug, Default)]
pub struct Answers {
    /// The last one, in words.
    last: Option<String>,
    /// The good ones without a break: since when, and how many.
    good: Option<(Instant, u32)>,
    /// Counted from the first good one: what comes before that is the start's own time.
    count: u32,
    healthy: u32,
    /// The bad ones since, each kind with how often it came.
    bad: Vec<(String, u32)>,
}

impl Answers {
    /// What the server's asker said: a status, or why there is none.
    pub fn hear(&mut self, http: Option<&HttpCheck>, said: &str, now: Instant) {
        let status =
            said.rsplit(' ').next().and_then(|word| word.parse().ok()).filter(|status| *status >= 100);
        let text = status.map_or_else(|| in_words(said, http), |status: u16| format!("status {status}"));
        if status.is_some_and(|status| http.is_some_and(|http| http.accepts(status))) {
            let (since, count) = self.good.unwrap_or((now, 0));
            self.good = Some((since, count + 1));
            self.healthy += 1;
            self.count += 1;
        } else {
            self.good = None;
            if self.healthy > 0 {
                self.count += 1;
                match self.bad.iter_mut().find(|(kind, _)| *kind == text) {
                    Some((_, times)) => *times += 1,
                    None => self.bad.push((text.clone(), 1)),
                }
            }
        }
        self.last = Some(text);
    }

    /// The last one, in words.
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Whether the last one was good.
    pub fn is_good(&self) -> bool {
        self.good.is_some()
    }

    /// They have been good for long enough: for `settle` without a break, and more than once or twice.
    pub fn are_steady(&self, settle: Duration, now: Instant) -> bool {
        self.good.is_some_and(|(since, count)| count >= IN_A_ROW && now.duration_since(since) >= settle)
    }

    /// Why they are not good enough when the time is over.
    pub fn shortfall(&self, http: &HttpCheck, health: &Health) -> String {
        let not = format!("{} was not healthy within {} s", http.url, health.within.as_secs_f32());
        if self.healthy == 0 {
            return format!("{not}: {}", self.last().unwrap_or("no answer"));
        }
        let bad: Vec<String> = self.bad.iter().map(|(kind, times)| format!("{kind} ({times})")).collect();
        format!(
            "{not}: only {} of {} answers were healthy; the others: {}",
            self.healthy,
            self.count,
            bad.join(", ")
        )
    }
}

/// What curl or bash said in place of a status.
fn in_words(answer: &str, http: Option<&HttpCheck>) -> String {
    let text = answer.trim_end_matches("000").trim();
    let text = text.split_once(") ").map_or(text, |(_, rest)| rest);
    if text.contains("timed out") || text.is_empty() {
        "no answer within 5 s".to_owned()
    } else if text.contains("connect") || text.contains("refused") {
        let asked = http.and_then(|http| http.url.split('/').nth(2)).unwrap_or("the port");
        format!("nothing listens on {asked}")
    } else {
        text.to_owned()
    }
}
