//! `shipit build`

use serde::Serialize;

use super::{Cx, listen};
use crate::cli::BuildArgs;
use crate::deploy::build::source::Wanted;
use crate::deploy::export::{self, Request};
use crate::deploy::run;
use crate::deploy::server::connect;
use crate::model::event::Events;
use crate::model::failure::{Failed as _, Failure, Kind, Outcome};
use crate::model::names::{Commit, StorePath};
use crate::model::store_url::StoreUrl;
use crate::tools::signals::Wish;
use crate::ui::json;

#[derive(Serialize)]
struct Said<'a> {
    version: u32,
    commit: Option<&'a Commit>,
    store_path: &'a StorePath,
    paths: u64,
    to: Option<&'a StoreUrl>,
    signed_by: Option<&'a str>,
}

/// Builds a commit for whoever deploys it.
pub async fn run(cx: &Cx<'_>, args: &BuildArgs) -> Outcome<()> {
    let to = args.to.as_deref().map(|text| target(cx, text)).transpose()?;
    let wanted = Wanted { rev: args.rev.as_deref(), allow_dirty: args.allow_dirty };
    let mut interrupts = listen()?;
    let options = connect::options(&cx.settings, &cx.context, false);
    let scratch = run::scratch(&options)?;
    let (events, receiver) = Events::channel();
    let environment_on_github = options.environment_on_github.as_deref();
    let request = Request { wanted, to: to.as_ref(), environment_on_github };
    let work = async {
        let events = events;
        let work = export::export(&cx.settings, scratch.path(), request, &events);
        interrupts.or_stop(work, Wish::early).await
    };
    let built = cx.ui.follow(receiver, work).await?;
    let said = Said {
        version: json::VERSION,
        commit: built.commit.as_ref(),
        store_path: &built.store_path,
        paths: built.paths,
        to: to.as_ref(),
        signed_by: built.signed_by.as_deref(),
    };
    cx.ui.answer_text(&format!("{}\n", built.store_path), &said)?;
    if let (Some(to), Some(commit)) = (&args.to, &built.commit) {
        cx.ui.say(format!("deploy it: {}", cx.ui.command(format!("deploy {} --from {to}", commit.short()))));
    }
    Ok(())
}

/// What `--to` names. A folder is tried before anything is built: one that takes no files would be found out last of all.
fn target(cx: &Cx<'_>, text: &str) -> Outcome<StoreUrl> {
    let wrong = |why: String| Failure::msg(Kind::Usage, format!("--to {text}: {why}"));
    let url = StoreUrl::parse(text, &cx.context.cwd).map_err(wrong)?;
    let Some(folder) = url.folder() else { return Ok(url) };
    // Nix makes what is not there yet.
    let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(folder);
    if !there.is_dir() {
        return Err(wrong(format!("{} is no folder", there.display())));
    }
    // Only a file that was made tells: of a disk mounted to be read the modes say nothing.
    tempfile::tempfile_in(there)
        .failed(Kind::Usage, format!("--to {text}: nothing can be written into {}", there.display()))?;
    Ok(url)
}

/// What `--from` names. A folder has to be there, and to be a cache.
///
/// # Errors
/// [`Kind::Usage`] otherwise.
pub fn cache(cx: &Cx<'_>, text: &str) -> Outcome<StoreUrl> {
    let wrong = |why: String| Failure::msg(Kind::Usage, format!("--from {text}: {why}"));
    let url = StoreUrl::parse(text, &cx.context.cwd).map_err(wrong)?;
    match url.folder() {
        Some(folder) if !folder.is_dir() => Err(wrong(format!("there is no folder {}", folder.display()))),
        Some(folder) if !folder.join("nix-cache-info").is_file() => {
            Err(wrong("the folder is no binary cache: it has no nix-cache-info".to_owned())
                .hint(format!("what makes one: {}", cx.ui.command(format!("build --to {text}")))))
        }
        _ => Ok(url),
    }
}
