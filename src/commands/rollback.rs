//! `shipit rollback`

use super::{Cx, flow};
use crate::cli::RollbackArgs;
use crate::deploy::rollback;
use crate::model::done::Done;
use crate::model::event::Events;
use crate::model::failure::Outcome;

/// Goes back to an earlier release.
pub async fn run(cx: &Cx<'_>, args: &RollbackArgs, events: Events) -> Outcome<Done> {
    let (run, mut interrupts) = flow(cx, events, args.lock.wait)?;
    rollback::rollback(&run, args.release.as_deref(), &mut interrupts).await
}
