//! Says that the unit is being waited for: a screen that stands still looks like a fault.

use std::time::{Duration, Instant};

/// How long a stop or a start may take before it is worth a line.
const USUAL: Duration = Duration::from_secs(2);

/// What systemd is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// The old process has not ended yet.
    Stop,
    /// The new one has not said that it is up.
    Start,
}

impl Busy {
    /// What the unit's ActiveState means.
    pub fn of(active: &str) -> Option<Self> {
        match active {
            "deactivating" => Some(Busy::Stop),
            "activating" => Some(Busy::Start),
            _ => None,
        }
    }

    /// As a verb.
    pub fn verb(self) -> &'static str {
        match self {
            Busy::Stop => "stop",
            Busy::Start => "start",
        }
    }
}

/// Since when it is busy with one thing, and whether that was said.
#[derive(Debug, Default)]
pub struct Waits {
    since: Option<(Busy, Instant)>,
    said: bool,
}

impl Waits {
    /// The unit is seen in this state: what to say now, once each time.
    pub fn see(&mut self, active: &str, now: Instant) -> Option<Busy> {
        let busy = Busy::of(active)?;
        match self.since {
            Some((before, since)) if before == busy => {
                let say = !self.said && now.duration_since(since) >= USUAL;
                self.said |= say;
                say.then_some(busy)
            }
            _ => {
                *self = Waits { since: Some((busy, now)), said: false };
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_long_is_said_and_once() {
        let began = Instant::now();
        let mut waits = Waits::default();
        let mut see =
            |active: &str, seconds: f32| waits.see(active, began + Duration::from_secs_f32(seconds));
        assert_eq!(see("active", 0.0), None);
        assert_eq!(see("deactivating", 0.5), None);
        assert_eq!(see("deactivating", 2.4), None);
        assert_eq!(see("deactivating", 2.6), Some(Busy::Stop));
        assert_eq!(see("deactivating", 60.0), None);
        assert_eq!(see("activating", 61.0), None);
        assert_eq!(see("activating", 63.0), Some(Busy::Start));
    }
}
