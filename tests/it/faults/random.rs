//! Deploys and rollbacks with a fault at a random moment. Each draws everything from a seed of its own.

use std::fmt;
use std::time::Duration;

use super::cells::{FAULTS, Fault, Flow};
use super::stand::{Config, Stand};
use super::trial::{Ended, Try};

/// What a new release may be like.
const BEHAVIOURS: [&str; 9] =
    ["ok", "ok", "ok", "slow-start 2", "crash", "mute", "error", "ignore-term", "slow-build 1"];

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Draw {
    pub seed: u64,
    pub flow: Flow,
    pub behaviour: &'static str,
    pub fault: Fault,
    /// How long after shipit's start it strikes.
    pub at: Duration,
    pub keep: u32,
}

impl Draw {
    pub fn of(seed: u64) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let flow = if dice.u8(..3) == 0 { Flow::Rollback } else { Flow::Deploy };
        let behaviour = BEHAVIOURS[dice.usize(..BEHAVIOURS.len())];
        let fault = FAULTS[dice.usize(..FAULTS.len())];
        // A rollback is over sooner.
        let longest = if flow == Flow::Rollback { 2500 } else { 4000 };
        let at = Duration::from_millis(dice.u64(..longest));
        let keep = dice.u32(1..5);
        Draw { seed, flow, behaviour, fault, at, keep }
    }
}

impl fmt::Display for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Draw { seed, flow, behaviour, fault, at, keep } = self;
        let (flow, fault, at) = (flow.name(), fault.name(), at.as_millis());
        let what = if flow == "deploy" { format!("deploy of `{behaviour}`") } else { flow.to_owned() };
        write!(f, "random {seed} 1: {what}, {fault} after {at} ms, keep {keep}")
    }
}

/// Does it. Whatever runs in the end, all have to say the same of it.
pub fn random(stand: &Stand, draw: &Draw) -> Ended {
    let new = match draw.flow {
        Flow::Deploy => stand.site.commit(draw.behaviour),
        Flow::Rollback => stand.before(),
    };
    stand.configure(Config { keep: draw.keep, within: "4s", ..Config::USUAL });
    let part = Try { stand, flow: draw.flow, new: &new, fault: draw.fault };
    let (ended, _) = part.run(|_| {
        // It may be over by then: the fault meets a server at rest.
        std::thread::sleep(draw.at);
        // What both halves were removing when they were killed waits for the next one who has the lock.
        &["incoming"]
    });
    ended
}
