//! The assets of a commit.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::local;
use crate::deploy::build::source::explain;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::Commit;
use crate::tools::git::{self, Repo};
use crate::tools::source::Source;

/// The files of the commit, written by git: as a checkout would have them.
pub(super) async fn check_out(
    source: &Source,
    repo: &Repo,
    commit: &Commit,
    wanted: &BTreeSet<String>,
    work: &Path,
) -> Outcome<PathBuf> {
    let paths: Vec<String> = wanted.iter().map(|path| Source::in_repo(repo, path)).collect();
    let entries = git::files(repo, commit, &paths).await.map_err(|error| explain(error, Some(repo)))?;
    for (path, asset) in paths.iter().zip(wanted) {
        if !entries.iter().any(|entry| is_at_or_below(&entry.path, path)) {
            let submodules = git::submodules(repo, commit).await.unwrap_or_default();
            if let Some(submodule) = submodules.iter().find(|submodule| is_at_or_below(path, submodule)) {
                return Err(in_submodule(asset, submodule, commit));
            }
            let failure = Failure::msg(Kind::Usage, format!("commit {} has no `{asset}`", commit.short()))
                .hint("`assets` in shipit.toml names paths of the commit, relative to shipit.toml");
            return Err(if source.folder.join(asset).exists() {
                failure.hint(format!("`git add {asset}`, then commit (an ignored path needs `git add -f`)"))
            } else {
                failure
            });
        }
    }
    if let Some(entry) = entries.iter().find(|entry| entry.submodule) {
        return Err(in_submodule(&entry.path, &entry.path, commit));
    }
    let out = work.join("checkout");
    fs::create_dir(&out).map_err(|error| local(&error, &out))?;
    let files: Vec<String> = entries.into_iter().map(|entry| entry.path).collect();
    git::check_out(repo, commit, &files, &out, work).await.map_err(|error| explain(error, Some(repo)))?;
    Ok(if repo.prefix.is_empty() { out } else { out.join(&repo.prefix) })
}

fn in_submodule(asset: &str, submodule: &str, commit: &Commit) -> Failure {
    let place = if asset == submodule {
        "is a submodule".to_owned()
    } else {
        format!("lies in the submodule `{submodule}`")
    };
    let short = commit.short();
    Failure::msg(
        Kind::Usage,
        format!("the asset `{asset}` {place}, whose files commit {short} does not have"),
    )
    .hint("let the flake's package bring these files, or commit them")
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
