//! Where nothing can be redrawn, what takes long is said now and then: a log that stands still looks like a fault.

use std::time::{Duration, Instant};

use super::now::Now;
use crate::model::event::Event;

/// How long nothing is said while something goes on.
const SILENCE: Duration = Duration::from_secs(10);

/// Knows when it is time to say something.
#[derive(Debug)]
pub struct Pace {
    now: Now,
    said: Instant,
    progress: Option<Instant>,
}

impl Pace {
    /// Begins now.
    pub fn new(at: Instant) -> Self {
        Pace { now: Now::default(), said: at, progress: None }
    }

    /// Something happened; `said`: there was a line for it.
    pub fn see(&mut self, event: &Event, said: bool, at: Instant) {
        self.now.see(event, at);
        if said {
            self.said = at;
        }
    }

    /// What is to be said now: a verb, and what.
    pub fn due(&mut self, at: Instant) -> Vec<(&'static str, String)> {
        if at.saturating_duration_since(self.said) < SILENCE {
            return Vec::new();
        }
        self.said = at;
        self.now.said(at)
    }

    /// Whether a program is told of it: of what only tells how far something is, now and then one.
    pub fn lets_pass(&mut self, event: &Event, at: Instant) -> bool {
        let passes = !event.is_progress()
            || self.progress.is_none_or(|last| at.saturating_duration_since(last) >= SILENCE);
        if passes && event.is_progress() {
            self.progress = Some(at);
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_said_every_ten_seconds_and_nothing_else() {
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let mut pace = Pace::new(began);
        assert_eq!(pace.due(at(60)), [], "nothing goes on");
        pace.see(&Event::Missing { closure: 9, paths: 2, bytes: 80_000_000 }, true, at(60));
        pace.see(&Event::CopyProgress { bytes: 10_000_000, of: 80_000_000 }, false, at(65));
        assert_eq!(pace.due(at(69)), []);
        assert_eq!(
            pace.due(at(70)),
            [("copying", "10.0 MB of 80.0 MB after 10 s, 1.0 MB/s, about 1 min 10 s left".to_owned())]
        );
        assert_eq!(pace.due(at(75)), []);
        pace.see(&Event::CopyingPath { name: "server-0.1".to_owned(), number: 2, of: 2 }, true, at(79));
        assert_eq!(pace.due(at(80)), [], "a line was there");
        assert_eq!(pace.due(at(89)).len(), 1);
    }

    #[test]
    fn a_build_says_what_it_is_at() {
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let mut pace = Pace::new(began);
        let name = || "hello-1.0".to_owned();
        for event in [
            Event::Building {
                installable: "x".to_owned(),
                system: "x86_64-linux".parse().unwrap(),
                from: None,
            },
            Event::Fetching { name: "bash-5.3".to_owned(), from: String::new() },
            Event::BuildingDerivation { name: name(), done: 0, expected: 3 },
            Event::BuildPhase { name: name(), phase: "checkPhase".to_owned() },
            Event::BuildLog { name: name(), line: "test 3 ... ok".to_owned() },
            Event::BuildLog { name: name(), line: " ".to_owned() },
        ] {
            pace.see(&event, false, began);
        }
        let said = "0 of 3 done after 12 s; hello-1.0 for 12 s, checkPhase: test 3 ... ok, and 1 more";
        assert_eq!(pace.due(at(12)), [("building", said.to_owned())]);
    }

    #[test]
    fn a_wait_counts_down() {
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let mut pace = Pace::new(began);
        let within = Duration::from_secs(600);
        pace.see(&Event::WaitingForLock { holder: "anna is at it".to_owned(), within }, true, began);
        assert_eq!(pace.due(at(10)), [("waiting", "anna is at it (9 min 50 s left)".to_owned())]);
        let unit = "server.service".parse().unwrap();
        pace.see(&Event::Waiting { unit, to: "stop", within: Duration::from_secs(90) }, true, at(10));
        assert_eq!(
            pace.due(at(30)),
            [("waiting", "for server.service to stop (1 min 10 s left)".to_owned())]
        );
    }

    #[test]
    fn programs_are_told_now_and_then_how_far_it_is() {
        let began = Instant::now();
        let mut pace = Pace::new(began);
        let progress = Event::CopyProgress { bytes: 1, of: 2 };
        let passed =
            (0..25_u64).filter(|second| pace.lets_pass(&progress, began + Duration::from_secs(*second)));
        assert_eq!(passed.collect::<Vec<_>>(), [0, 10, 20]);
        let other = Event::Fetched { name: "bash-5.3".to_owned() };
        assert!((0..3).all(|_| pace.lets_pass(&other, began)));
    }
}
