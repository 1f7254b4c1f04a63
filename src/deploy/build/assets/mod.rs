//! The paths of the commit that lie beside `result`, as one store path. It is named by its contents: no signature is
//! needed for it, the same assets are never sent twice, and Nix checks what arrives.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::nix_says::explain_nix;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{AppName, AssetPath, StorePath};
use crate::tools::nix::Nix;
use crate::tools::source::Source;
use commit::check_out;
use links::links_stay_inside;
use pointers::no_pointers;
use tree::copy_tree;

mod commit;
mod links;
mod pointers;
mod tree;

#[cfg(test)]
mod tests;

/// Puts the assets of the source into the store, as `<app>-assets`; nothing when there are none. `scratch` is the
/// private folder of this run.
pub async fn assets(
    nix: &Nix,
    source: &Source,
    app: &AppName,
    assets: &[AssetPath],
    scratch: &Path,
) -> Outcome<Option<StorePath>> {
    if assets.is_empty() {
        return Ok(None);
    }
    let work = tempfile::Builder::new()
        .prefix("assets-")
        .tempdir_in(scratch)
        .map_err(|error| local(&error, scratch))?;
    let wanted: BTreeSet<String> = assets.iter().map(clean).collect();
    let laid_out = match (&source.repo, &source.commit) {
        (Some(repo), Some(commit)) if !source.dirty => {
            check_out(source, repo, commit, &wanted, work.path()).await?
        }
        _ => copy_tree(source, &wanted, work.path()).await?,
    };
    links_stay_inside(&laid_out)?;
    no_pointers(&laid_out)?;
    // The store path takes its name from the folder.
    let named = work.path().join(format!("{app}-assets"));
    fs::rename(&laid_out, &named).map_err(|error| local(&error, &named))?;
    let path = nix.add(&named).await.map_err(|error| explain_nix(Kind::Build, error))?;
    Ok(Some(path))
}

/// `./views/.` → `views`
fn clean(asset: &AssetPath) -> String {
    asset.as_str().split('/').filter(|part| *part != ".").collect::<Vec<_>>().join("/")
}

fn local(error: &io::Error, path: &Path) -> Failure {
    Failure::msg(Kind::Usage, format!("{}: {error}", path.display()))
}
