//! What is to be done: a function of what is wished and of what there is. A step is a verb of `setup.sh` with its words,
//! and what people are shown of it.

use serde::Serialize;

use super::facts::Facts;
use super::{Wishes, refusals};
use crate::model::boot_unit;
use crate::model::failure::Outcome;

mod people;
mod rights;
mod unit;

#[cfg(test)]
mod tests;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// In words.
    pub does: String,
    /// The file that it writes or adds to.
    pub file: Option<String>,
    /// What it writes there.
    pub text: Option<String>,
    /// The verb and its words.
    #[serde(skip)]
    pub words: Vec<String>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Plan {
    /// In their order.
    pub steps: Vec<Step>,
    /// What stays as it is.
    pub notes: Vec<String>,
    /// What a person has to see to.
    pub warnings: Vec<String>,
    /// No key of the administrator's lets anybody in as who deploys: a deploy from here is likely to be refused.
    pub shut_out: bool,
}

/// Where sudo and systemd look.
const UNITS: &str = "/etc/systemd/system";
/// The same for the units of a login's own systemd, below its home.
const OWN_UNITS: &str = ".config/systemd/user";
/// Below a home.
pub const AUTHORIZED_KEYS: &str = ".ssh/authorized_keys";
/// The word of `setup` that lets in whoever types it, as most keys are called.
pub const OWN_KEY: &str = "--key ~/.ssh/id_ed25519.pub";

/// Decides.
///
/// # Errors
/// [`NotReady`](crate::model::failure::Kind::NotReady) where something is in the way that is not for setup to move.
pub fn plan(wishes: &Wishes<'_>, facts: &Facts) -> Outcome<Plan> {
    refusals::check(wishes, facts)?;
    let mut plan = Planner { wishes, facts, login: wishes.login.as_str(), plan: Plan::default() };
    plan.users()?;
    plan.groups();
    plan.folders();
    if wishes.own_unit {
        plan.own_unit();
    } else {
        plan.unit();
        plan.rights();
    }
    plan.nix();
    plan.boot();
    Ok(plan.plan)
}

struct Planner<'a> {
    wishes: &'a Wishes<'a>,
    facts: &'a Facts,
    login: &'a str,
    plan: Plan,
}

impl Planner<'_> {
    fn step(&mut self, does: String, words: &[&str]) {
        self.plan.steps.push(Step { does, file: None, text: None, words: owned(words) });
    }

    fn write(&mut self, does: String, file: &str, text: &str, words: &[&str]) {
        let (file, text) = (Some(file.to_owned()), Some(text.trim_end().to_owned()));
        self.plan.steps.push(Step { does, file, text, words: owned(words) });
    }

    fn note(&mut self, text: String) {
        self.plan.notes.push(text);
    }

    fn warn(&mut self, text: String) {
        self.plan.warnings.push(text);
    }

    fn is_root(&self) -> bool {
        self.login == "root"
    }
}

/// The paths that the look is asked for: `file=` and `home_file=`.
pub fn paths(wishes: &Wishes<'_>) -> Vec<String> {
    let (unit, boot) = (&wishes.settings.unit, boot_unit::name(&wishes.settings.unit));
    vec![
        format!("file={UNITS}/{unit}"),
        format!("file={UNITS}/{boot}"),
        format!("file={}", boot_unit::SCRIPT),
        format!("home_file={OWN_UNITS}/{unit}"),
        format!("home_file={OWN_UNITS}/{boot}"),
        format!("home_file={AUTHORIZED_KEYS}"),
    ]
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
