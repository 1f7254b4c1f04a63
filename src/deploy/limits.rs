//! How long what may take, here and on the server: by the unit's own limits.

use std::time::Duration;

use super::target::Target;
use crate::model::server::ServerState;
use crate::model::settings::Settings;

/// How long the server goes on without a word of its client. Shorter is too tight: TCP backs off, so a cut of 16 s
/// can be 29 s of silence.
pub const SILENCE: Duration = Duration::from_secs(30);
/// What a start or stop without a limit of its own is given.
const NO_LIMIT: u64 = 300;
/// What placing a release and removing old ones is given.
const COPYING: Duration = Duration::from_secs(20 * 60);

/// How long a stop of the unit may take, and a start.
pub fn unit_limits(state: &ServerState) -> (Duration, Duration) {
    let limit = |seconds: Option<u64>| Duration::from_secs(seconds.unwrap_or(NO_LIMIT));
    (limit(state.unit.timeout_stop), limit(state.unit.timeout_start))
}

/// How long both may take together.
pub fn patience(state: &ServerState) -> Duration {
    let (stop, start) = unit_limits(state);
    stop + start
}

/// By when the server has gone back, counted from the loss of contact.
pub fn deadline(state: &ServerState) -> Duration {
    SILENCE + patience(state)
}

/// How long a whole switch may take, copying and removing releases included. A server that talks for longer without
/// an end is as good as lost.
pub fn longest(settings: &Settings, state: &ServerState, target: &Target, lock: Duration) -> Duration {
    let hook = if target.hook { settings.hooks.timeout } else { Duration::ZERO };
    lock + hook + check_limit(settings, state) + patience(state) + COPYING
}

/// How long the server waits for a verdict.
pub fn check_limit(settings: &Settings, state: &ServerState) -> Duration {
    settings.health.within + settings.health.settle + patience(state) + SILENCE
}
