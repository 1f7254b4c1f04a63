//! The assets of the working tree.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::local;
use crate::deploy::build::source::explain;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::tools::git;
use crate::tools::source::Source;

/// The files of the working tree: what git tracks, and what it does not ignore; without git, all that no .gitignore
/// below the asset names.
pub(super) async fn copy_tree(source: &Source, wanted: &BTreeSet<String>, work: &Path) -> Outcome<PathBuf> {
    let out = work.join("copy");
    for asset in wanted {
        let at = source.folder.join(asset);
        if fs::symlink_metadata(&at).is_err() {
            return Err(Failure::msg(
                Kind::Usage,
                format!("there is no `{asset}` in {}", source.folder.display()),
            )
            .hint("`assets` in shipit.toml names paths relative to shipit.toml"));
        }
        if let Some(link) = link_above(&source.folder, Path::new(asset)) {
            return Err(Failure::msg(
                Kind::Usage,
                format!("the asset `{asset}` lies behind the link `{}`", link.display()),
            )
            .hint("name the folder that the link leads to, if it is one below shipit.toml"));
        }
        let files = match &source.repo {
            Some(repo) => {
                let path = Source::in_repo(repo, asset);
                let listed = git::working_files(repo, &[path]).await;
                let listed = listed.map_err(|error| explain(error, Some(repo)))?;
                let prefix = if repo.prefix.is_empty() { String::new() } else { format!("{}/", repo.prefix) };
                listed
                    .iter()
                    .filter_map(|file| file.strip_prefix(&prefix))
                    .map(PathBuf::from)
                    // A tracked file that was deleted is listed too, and one whose folder has become a link.
                    .filter(|file| fs::symlink_metadata(source.folder.join(file)).is_ok())
                    .filter(|file| link_above(&source.folder, file).is_none())
                    .collect()
            }
            None => walk(&source.folder, asset)?,
        };
        if files.is_empty() {
            return Err(Failure::msg(
                Kind::Usage,
                format!("the asset `{asset}` is empty, or git ignores it"),
            )
            .hint(format!("`git add -f {asset}` adds an ignored path")));
        }
        for file in files {
            let (from, to) = (source.folder.join(&file), out.join(&file));
            copy_file(&from, &to).map_err(|error| local(&error, &from))?;
        }
    }
    Ok(out)
}

/// The nearest folder on the way to a path, itself not counted, that is a link: what lies behind it may be anywhere.
fn link_above(folder: &Path, path: &Path) -> Option<PathBuf> {
    let above: Vec<&Path> = path.ancestors().skip(1).filter(|part| !part.as_os_str().is_empty()).collect();
    above.into_iter().rev().find(|part| folder.join(part).is_symlink()).map(Path::to_owned)
}

fn walk(folder: &Path, asset: &str) -> Outcome<Vec<PathBuf>> {
    // The walk would follow a link that it begins with.
    if folder.join(asset).is_symlink() {
        return Ok(vec![PathBuf::from(asset)]);
    }
    let walk = ignore::WalkBuilder::new(folder.join(asset))
        .hidden(false)
        .parents(false)
        .ignore(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| {
            Failure::new(
                Kind::Usage,
                anyhow::Error::new(error).context(format!("can't read the asset `{asset}`")),
            )
        })?;
        if entry.file_type().is_some_and(|kind| kind.is_dir()) {
            continue;
        }
        if let Ok(file) = entry.path().strip_prefix(folder) {
            files.push(file.to_owned());
        }
    }
    Ok(files)
}

/// One file: a link stays a link, the executable bit stays (`fs::copy` keeps the mode). Sockets and the like are not
/// what anybody deploys.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)
    } else if kind.is_file() {
        fs::copy(from, to).map(|_| ())
    } else if kind.is_dir() {
        // A submodule or a repository of its own, as git lists it.
        Err(io::Error::other("is a git repository of its own, whose files are not deployed"))
    } else {
        Err(io::Error::other("is neither a file, a folder nor a link"))
    }
}
