//! `deploy`

use super::Cx;
use crate::cli::DeployArgs;
use crate::model::done::Done;
use crate::model::event::Events;
use crate::model::failure::{Failure, Kind, Outcome};

/// Runs it.
pub async fn run(_cx: &Cx<'_>, _args: &DeployArgs, _events: Events) -> Outcome<Done> {
    Err(Failure::msg(Kind::Bug, "`deploy` is not connected to the command line yet"))
}
