//! `rollback`

use super::Cx;
use crate::cli::RollbackArgs;
use crate::model::done::Done;
use crate::model::event::Events;
use crate::model::failure::{Failure, Kind, Outcome};

/// Runs it.
pub async fn run(_cx: &Cx<'_>, _args: &RollbackArgs, _events: Events) -> Outcome<Done> {
    Err(Failure::msg(Kind::Bug, "`rollback` is not connected to the command line yet"))
}
