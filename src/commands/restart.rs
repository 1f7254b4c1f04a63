//! `shipit restart`

use super::{Cx, flow};
use crate::cli::RestartArgs;
use crate::deploy::restart;
use crate::model::done::Done;
use crate::model::event::Events;
use crate::model::failure::Outcome;

/// Restarts what is live, and checks it.
pub async fn run(cx: &Cx<'_>, args: &RestartArgs, events: Events) -> Outcome<Done> {
    let (run, mut interrupts) = flow(cx, events, args.lock.wait)?;
    restart::restart(&run, &mut interrupts).await
}
