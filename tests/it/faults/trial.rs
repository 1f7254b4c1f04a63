//! One cell, tried.

use std::time::{Duration, Instant};

use crate::support::lab::Server;
use crate::support::site::Now;
use crate::support::watched::Watched;
use crate::support::world::Ran;

use super::cells::{Cell, Ends, Fault, Flow, Step};
use super::checks::{self, Before, Tried};
use super::eyes::Eyes;
use super::stand::{Config, SLOW, Stand};
use super::{gate, strike};

/// No try takes longer: the server's silence, and what a client asks for after that.
const END: Duration = Duration::from_secs(170);

/// How a try ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// `new` or `old`: what runs.
    pub runs: &'static str,
    /// What shipit ended with.
    pub code: i32,
    /// How long it took, from the strike until shipit and the server were done.
    pub took: Duration,
}

/// A deploy or a rollback that a fault will meet.
pub struct Try<'a> {
    pub stand: &'a Stand,
    pub flow: Flow,
    /// The commit that is to go live.
    pub new: &'a str,
    pub fault: Fault,
}

/// What was there in the end, for what only one cell asks.
pub struct Found {
    pub before: Before,
    pub after: Now,
    pub ran: Ran,
    /// The decision was there before the fault: on a busy machine it may strike later than it was meant to.
    pub late: bool,
}

impl Try<'_> {
    /// Starts shipit, strikes when `reach` returns, waits until all is still, looks at everything, and deploys once more.
    /// `reach` also says what may lie in .shipit until then.
    pub fn run(&self, reach: impl FnOnce(&mut Watched) -> &'static [&'static str]) -> (Ended, Found) {
        let Try { stand, flow, new, fault } = *self;
        let (server, world) = (&stand.site.server, &stand.site.world);
        strike::prepare(fault, server);
        let before = Before::of(&stand.site);
        let (ended, found) = std::thread::scope(|scope| {
            let eyes = Eyes::open(scope, server);
            let words: &[&str] = if flow == Flow::Rollback { &["rollback", new] } else { &["deploy"] };
            let mut deploy = Watched::start(world, words);
            let may_stay = reach(&mut deploy);
            let struck = Instant::now();
            strike::strike(fault, server, world, &mut deploy);
            let late = deploy.events().iter().any(|event| event["type"] == "kept");
            if fault != Fault::Crash {
                gate::open(server);
            }
            strike::then(fault, server);
            let ran = deploy.wait(END);
            if ran.code == 137 {
                stand.owes_masters();
            }
            strike::repair(fault, server);
            // Where the disk was full, the journal's line waits for the next one who has the lock.
            let may_stay = [may_stay, if fault == Fault::DiskRoot { &["end."] } else { &[] }].concat();
            let tried = Tried { new, ran: &ran, may_stay: &may_stay };
            let after = checks::settled(stand, &tried);
            let took = struck.elapsed();
            checks::seen(&before, &tried, &eyes.shut());
            let runs = checks::agrees(stand, &before, &tried, &after);
            (Ended { runs, code: ran.code, took }, Found { before, after, ran, late })
        });
        stand.configure(Config::USUAL);
        stand.good();
        (ended, found)
    }
}

/// Tries the cell on the stand, and panics at the first thing that is not as it has to be.
pub fn trial(stand: &Stand, cell: Cell) -> Ended {
    let Cell { flow, step, fault } = cell;
    let (site, server) = (&stand.site, &stand.site.server);
    let lasts = matches!(step, Step::Restarted | Step::Checking);
    let new = match flow {
        Flow::Rollback if lasts => stand.slow(),
        Flow::Rollback => stand.before(),
        Flow::Deploy if lasts => site.commit(SLOW),
        Flow::Deploy if step == Step::Connected => site.commit("slow-build 2"),
        Flow::Deploy => site.commit("ok"),
    };
    let settle = if step == Step::Keeping { "4s" } else { Config::USUAL.settle };
    let keep = if step == Step::Pruning { 1 } else { Config::USUAL.keep };
    stand.configure(Config { keep, settle, hook: step == Step::Hook, ..Config::USUAL });
    let gated = gate::close(server, step, flow == Flow::Rollback);
    let (ended, found) = Try { stand, flow, new: &new, fault }.run(|deploy| {
        reach(server, deploy, step, gated);
        // What was being removed when the halves were killed.
        if step == Step::Pruning { &["incoming"] } else { &[] }
    });
    if let Ok(ends) = cell.expects() {
        let right = match ends {
            Ends::Either => true,
            Ends::New => ended.runs == "new" && matches!(ended.code, 0 | 9 | 137),
            Ends::Old => ended.runs == "old" || (found.late && !gated),
        };
        let Ran { code, stdout, stderr, .. } = &found.ran;
        assert!(right, "{ends:?} had to run: {} does, exit {code}\n{stdout}\n{stderr}", ended.runs);
    }
    if fault == Fault::Clock {
        checks::clock_went_back(&found.before, &found.after);
    }
    ended
}

/// Waits for the step.
fn reach(server: &Server, deploy: &mut Watched, step: Step, gated: bool) {
    if gated {
        return gate::reached(server, deploy);
    }
    match step {
        Step::Connected => drop(deploy.until("connected")),
        Step::Restarted => drop(deploy.until("started")),
        Step::Checking => drop(deploy.until_it("answered", |event| event["healthy"] == false)),
        Step::Keeping => drop(deploy.until_it("answered", |event| event["healthy"] == true)),
        _ => panic!("{} has a gate", step.name()),
    }
}
