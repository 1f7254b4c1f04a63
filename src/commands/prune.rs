//! `prune`: old releases go now.

use anstyle::Style;
use serde::Serialize;

use super::{Cx, flow};
use crate::cli::PruneArgs;
use crate::deploy::prune::{self, Collected, Request};
use crate::model::event::Events;
use crate::model::failure::Outcome;
use crate::model::names::ReleaseId;
use crate::model::stays::Stay;
use crate::ui::json;
use crate::ui::style::{GOOD, NOW, PLAIN};
use crate::ui::table::{self, Cell};
use crate::ui::text::{bytes, count};

#[derive(Serialize)]
struct Said<'a> {
    version: u32,
    environment: &'a str,
    host: &'a str,
    dry_run: bool,
    removed: &'a [ReleaseId],
    stay: Vec<&'a ReleaseId>,
    collected: Option<Collected>,
}

/// Runs it.
pub async fn run(cx: &Cx<'_>, args: &PruneArgs) -> Outcome<()> {
    let (events, receiver) = Events::channel();
    let (run, mut interrupts) = flow(cx, events, args.lock.wait)?;
    let settings = &cx.settings;
    let request = Request { keep: args.keep.unwrap_or(settings.keep), dry_run: args.dry_run, gc: args.gc };
    let pruned = cx.ui.follow(receiver, prune::prune(&run, request, &mut interrupts)).await?;
    let word = if args.dry_run { "would remove" } else { "removed" };
    let names = pruned.removed.iter().map(ReleaseId::short).collect();
    let mut rows = vec![row(if args.dry_run { NOW } else { GOOD }, word, listed(names))];
    if !pruned.stay.is_empty() {
        let word = if args.dry_run { "would stay" } else { "stay" };
        rows.push(row(PLAIN, word, listed(pruned.stay.iter().map(reason).collect())));
    }
    if let Some(Collected { paths, bytes: freed }) = pruned.collected {
        rows.push(row(GOOD, "freed", format!("{} in the store ({})", bytes(freed), count(paths, "path"))));
    } else if args.gc {
        rows.push(row(NOW, "would collect", "what nothing in the store refers to then".to_owned()));
    }
    let said = Said {
        version: json::VERSION,
        environment: settings.environment.as_str(),
        host: settings.host.as_str(),
        dry_run: args.dry_run,
        removed: &pruned.removed,
        stay: pruned.stay.iter().map(|(release, _)| release).collect(),
        collected: pruned.collected,
    };
    // Nothing of a list of names is cut off: the terminal folds it.
    cx.ui.answer_text(&table::lines(&rows, None), &said)?;
    if pruned.collected.is_none() && !pruned.removed.is_empty() && !args.gc {
        cx.ui.say(format!("what they had in the store goes with: {}", cx.ui.command("prune --gc")));
    }
    Ok(())
}

fn row(style: Style, word: &str, text: String) -> Vec<Cell> {
    vec![Cell::new(style, word), Cell::new(PLAIN, text)]
}

fn listed(names: Vec<String>) -> String {
    match names.len() as u64 {
        0 => "nothing".to_owned(),
        some => format!("{}: {}", count(some, "release"), names.join(", ")),
    }
}

/// `3f9c2d1 (live)`
fn reason((release, why): &(ReleaseId, Stay)) -> String {
    let why = why.why().map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{}{why}", release.short())
}
