//! `shipit rollback`

use super::hold::reason;
use super::{Cx, flow};
use crate::cli::RollbackArgs;
use crate::deploy::rollback::{self, Request};
use crate::model::done::Done;
use crate::model::event::Events;
use crate::model::failure::Outcome;

/// Goes back to an earlier release.
pub async fn run(cx: &Cx<'_>, args: &RollbackArgs, events: Events) -> Outcome<Done> {
    let (run, mut interrupts) = flow(cx, events, args.lock.wait)?;
    let hold = args.hold.as_deref().map(reason);
    let request = Request { name: args.release.as_deref(), hold: hold.as_ref().map(Option::as_deref) };
    rollback::rollback(&run, request, &mut interrupts).await
}
