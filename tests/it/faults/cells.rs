//! The matrix: which fault, at which step of which flow, and what has to come of it.

use std::fmt;

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Deploy,
    Rollback,
}

/// The moment at which the fault strikes, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The server was looked at.
    Connected,
    /// The release is built; the server is about to say what it lacks.
    Built,
    /// The closure is there; the transaction has begun and does not have its lock yet.
    Copied,
    /// It has the lock.
    Locked,
    /// The hook runs.
    Hook,
    /// `current` was moved, the unit not restarted yet.
    Relinked,
    /// The unit was started, and has said nothing yet.
    Restarted,
    /// The health check got an answer that is none yet.
    Checking,
    /// It got a healthy one: what the fault meets is the `keep` on its way.
    Keeping,
    /// `pending` was renamed to `end.kept`; nothing else knows of it yet.
    Kept,
    /// An old release is being removed.
    Pruning,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGINT to shipit.
    Int,
    /// SIGKILL to shipit.
    Kill,
    /// SIGKILL to the ssh master.
    Master,
    /// SIGKILL to both of them.
    ClientMaster,
    /// SIGKILL to the transaction on the server.
    Half,
    /// SIGKILL to its guardian.
    Guardian,
    /// SIGKILL to both of them.
    Both,
    /// The cable is cut and mended after 5 s.
    Cut5,
    /// … after 20 s.
    Cut20,
    /// … after 30 s.
    Cut30,
    /// … after shipit has given up.
    Cut,
    /// Everything on the server dies at once, and it boots again.
    Crash,
    /// sshd is restarted.
    SshdRestart,
    /// sshd is stopped, until shipit has ended.
    SshdStop,
    /// All processes of sshd are killed, those of its connections too.
    SshdKill,
    /// The disk of the root folder is full.
    DiskRoot,
    /// The disk of /nix is full.
    DiskNix,
    /// The unit has used up its start limit.
    StartLimit,
    /// The server's clock is set back an hour.
    Clock,
}

/// What has to run in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// What ran before.
    Old,
    /// The new release.
    New,
    /// Both are right, as long as everything that can be asked says which.
    Either,
}

/// One place of the matrix, named as in `deploy/checking/cut-5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub flow: Flow,
    pub step: Step,
    pub fault: Fault,
}

pub const STEPS: [Step; 11] = [
    Step::Connected,
    Step::Built,
    Step::Copied,
    Step::Locked,
    Step::Hook,
    Step::Relinked,
    Step::Restarted,
    Step::Checking,
    Step::Keeping,
    Step::Kept,
    Step::Pruning,
];

pub const FAULTS: [Fault; 19] = [
    Fault::Int,
    Fault::Kill,
    Fault::Master,
    Fault::ClientMaster,
    Fault::Half,
    Fault::Guardian,
    Fault::Both,
    Fault::StartLimit,
    Fault::Clock,
    Fault::Cut5,
    Fault::Cut20,
    Fault::Cut30,
    Fault::Cut,
    Fault::Crash,
    Fault::SshdRestart,
    Fault::SshdStop,
    Fault::SshdKill,
    Fault::DiskRoot,
    Fault::DiskNix,
];

impl Flow {
    pub const fn name(self) -> &'static str {
        match self {
            Flow::Deploy => "deploy",
            Flow::Rollback => "rollback",
        }
    }
}

impl Step {
    pub const fn name(self) -> &'static str {
        match self {
            Step::Connected => "connected",
            Step::Built => "built",
            Step::Copied => "copied",
            Step::Locked => "locked",
            Step::Hook => "hook",
            Step::Relinked => "relinked",
            Step::Restarted => "restarted",
            Step::Checking => "checking",
            Step::Keeping => "keeping",
            Step::Kept => "kept",
            Step::Pruning => "pruning",
        }
    }
}

impl Fault {
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Int => "int",
            Fault::Kill => "kill",
            Fault::Master => "master",
            Fault::ClientMaster => "kill+master",
            Fault::Half => "half",
            Fault::Guardian => "guardian",
            Fault::Both => "both",
            Fault::Cut5 => "cut-5",
            Fault::Cut20 => "cut-20",
            Fault::Cut30 => "cut-30",
            Fault::Cut => "cut",
            Fault::Crash => "crash",
            Fault::SshdRestart => "sshd-restart",
            Fault::SshdStop => "sshd-stop",
            Fault::SshdKill => "sshd-kill",
            Fault::DiskRoot => "disk-root",
            Fault::DiskNix => "disk-nix",
            Fault::StartLimit => "start-limit",
            Fault::Clock => "clock",
        }
    }

    /// Whether it needs a server whose disks can be filled.
    pub const fn is_a_full_disk(self) -> bool {
        matches!(self, Fault::DiskRoot | Fault::DiskNix)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.flow.name(), self.step.name(), self.fault.name())
    }
}

impl Cell {
    /// Every cell, also those that are left out.
    pub fn all() -> Vec<Cell> {
        let flows = [Flow::Deploy, Flow::Rollback];
        let steps = flows.into_iter().flat_map(|flow| STEPS.into_iter().map(move |step| (flow, step)));
        steps
            .flat_map(|(flow, step)| FAULTS.into_iter().map(move |fault| Cell { flow, step, fault }))
            .collect()
    }

    /// The cell of this name.
    pub fn named(name: &str) -> Option<Cell> {
        Cell::all().into_iter().find(|cell| cell.to_string() == name)
    }

    /// What has to come of it; or why it is left out.
    pub fn expects(self) -> Result<Ends, &'static str> {
        use Ends::{Either, New, Old};
        let Cell { flow, step, fault } = self;
        if flow == Flow::Rollback && matches!(step, Step::Built | Step::Copied | Step::Hook) {
            return Err("a rollback has no such step");
        }
        let (before, decided) = (step <= Step::Hook, step >= Step::Kept);
        // What ends the try, as long as nothing is decided.
        let ended = if decided { New } else { Old };
        Ok(match fault {
            Fault::Int | Fault::Kill | Fault::Master | Fault::ClientMaster => ended,
            Fault::SshdKill | Fault::Crash | Fault::Cut => ended,
            Fault::Half | Fault::Guardian | Fault::Both if step < Step::Locked => {
                return Err("there is no transaction on the server yet");
            }
            Fault::Half | Fault::Guardian | Fault::Both => ended,
            Fault::Cut5 | Fault::SshdRestart | Fault::SshdStop | Fault::Clock => New,
            // As long as the silence that the server bears: what comes first is chance.
            Fault::Cut20 if !matches!(step, Step::Checking | Step::Keeping) => {
                return Err("between 5 s and 30 s, of which both are tried");
            }
            Fault::Cut30 if decided => New,
            Fault::Cut20 | Fault::Cut30 => Either,
            // Until the intent is written there must be room for it. Later nothing needs any.
            // (The little that a rollback needs may still fit into blocks that are begun.)
            Fault::DiskRoot if before && flow == Flow::Rollback => Either,
            Fault::DiskRoot if before => Old,
            Fault::DiskRoot => New,
            Fault::DiskNix if flow == Flow::Rollback || step > Step::Hook => {
                return Err("nothing is written to /nix any more");
            }
            Fault::DiskNix if step <= Step::Built => Old,
            // The GC root's registration may find a last block.
            Fault::DiskNix => Either,
            Fault::StartLimit => match step {
                Step::Hook | Step::Relinked => New,
                Step::Checking => Old,
                Step::Locked if flow == Flow::Rollback => New,
                _ if decided => return Err("the unit is not shipit's to start any more"),
                _ => return Err("the same as at the steps beside it: the limit counts 10 s"),
            },
        })
    }
}
