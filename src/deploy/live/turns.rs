//! Whose turn it is: how long a command tries while others change the same server.

use std::time::{Duration, Instant};

/// How long the lock is waited for without `--wait`: the end of somebody's prune, not their deploy.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// How often a command without `--wait` looks again when somebody else was quicker.
const TRIES: u32 = 5;

/// The tries that are left. With `--wait` the time alone is the limit: of ten who wait, the last one finds the server
/// changed nine times.
#[derive(Debug)]
pub struct Turns {
    until: Option<Instant>,
    tries: u32,
}

impl Turns {
    /// From now on. `wait`: `--wait`.
    pub fn new(wait: Option<Duration>) -> Self {
        Turns { until: wait.map(|wait| Instant::now() + wait), tries: 0 }
    }

    /// How long the next try may wait for the lock, in whole seconds; none: there is no further one.
    pub fn take(&mut self) -> Option<Duration> {
        self.tries += 1;
        let Some(until) = self.until else { return (self.tries <= TRIES).then_some(LOCK_WAIT) };
        let left = until.saturating_duration_since(Instant::now());
        let seconds = u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
        (self.tries == 1 || seconds > 0).then_some(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_wait_there_are_some_tries() {
        let mut turns = Turns::new(None);
        let waits: Vec<_> = std::iter::from_fn(|| turns.take()).collect();
        assert_eq!(waits, [LOCK_WAIT; TRIES as usize]);
    }

    #[test]
    fn with_wait_the_time_is_the_limit() {
        let mut turns = Turns::new(Some(Duration::from_secs(120)));
        assert_eq!(turns.take(), Some(Duration::from_secs(120)));
        assert!((0..50).all(|_| turns.take().is_some()));
        turns.until = Some(Instant::now());
        assert_eq!(turns.take(), None);
        assert_eq!(Turns::new(Some(Duration::ZERO)).take(), Some(Duration::ZERO));
    }
}
