//! `shipit deploy`

use super::build::cache;
use super::{Cx, flow};
use crate::cli::DeployArgs;
use crate::deploy::build::source::Wanted;
use crate::deploy::pipeline::{self, Request};
use crate::model::done::Done;
use crate::model::event::Events;
use crate::model::failure::Outcome;

/// Builds a commit and makes it live.
pub async fn run(cx: &Cx<'_>, args: &DeployArgs, events: Events) -> Outcome<Done> {
    let (run, mut interrupts) = flow(cx, events, args.lock.wait)?;
    let wanted = Wanted { rev: args.rev.as_deref(), allow_dirty: args.allow_dirty };
    let from = args.from.as_deref().map(|text| cache(cx, text)).transpose()?;
    let request = Request { wanted, dry_run: args.dry_run, from: from.as_ref() };
    pipeline::deploy(&run, request, &mut interrupts).await
}
