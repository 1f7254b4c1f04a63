//! The files of a commit.

use std::path::Path;

use super::{CHECKOUT, GitError, QUESTION, Repo, ask, git, parts, utf8};
use crate::model::names::Commit;
use crate::tools::cmd::Cmd;

/// One file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its path from the top folder.
    pub path: String,
    /// It is a submodule: a commit of another repository, whose files this one does not have.
    pub submodule: bool,
}

/// Whether a commit has this file. The path is relative to the top folder.
pub async fn has_file(repo: &Repo, commit: &Commit, path: &str) -> Result<bool, GitError> {
    Ok(files(repo, commit, &[path.to_owned()]).await?.iter().any(|entry| entry.path == path))
}

/// A file of a commit, as text. The path is relative to the top folder.
pub async fn text(repo: &Repo, commit: &Commit, path: &str) -> Result<String, GitError> {
    let cmd = git(&repo.toplevel, QUESTION).args(["cat-file", "blob"]).arg(format!("{commit}:{path}"));
    Ok(ask(&repo.toplevel, cmd).await?.text())
}

/// The files of a commit at or below these paths, which are relative to the top folder.
pub async fn files(repo: &Repo, commit: &Commit, paths: &[String]) -> Result<Vec<TreeEntry>, GitError> {
    let cmd = git(&repo.toplevel, QUESTION)
        .args(["ls-tree", "-r", "-z", "--full-tree", commit.as_str(), "--"])
        .args(paths);
    parse_tree(&ask(&repo.toplevel, cmd).await?.stdout)
}

pub(crate) fn parse_tree(bytes: &[u8]) -> Result<Vec<TreeEntry>, GitError> {
    parts(bytes)
        .map(|part| {
            let tab = part.iter().position(|byte| *byte == b'\t');
            let (facts, path) =
                part.split_at(tab.ok_or_else(|| {
                    GitError::Odd(format!("a tree line {:?}", String::from_utf8_lossy(part)))
                })?);
            Ok(TreeEntry { path: utf8(&path[1..])?, submodule: facts.starts_with(b"160000") })
        })
        .collect()
}

/// Writes files of a commit below a folder, each at its path from the top, as a checkout would: links stay links,
/// modes stay, attributes and filters (git-lfs) are applied. `scratch` is a private folder for an index of its own,
/// so that the user's index is not touched.
pub async fn check_out(
    repo: &Repo,
    commit: &Commit,
    files: &[String],
    to: &Path,
    scratch: &Path,
) -> Result<(), GitError> {
    let index = scratch.join("index");
    let with_index = |cmd: Cmd| cmd.env("GIT_INDEX_FILE", &index);
    let cmd = with_index(git(&repo.toplevel, QUESTION)).args(["read-tree", commit.as_str()]);
    ask(&repo.toplevel, cmd).await?;

    let mut prefix = to.as_os_str().to_owned();
    prefix.push("/");
    let mut argument = std::ffi::OsString::from("--prefix=");
    argument.push(prefix);
    let names = files.iter().flat_map(|file| [file.as_bytes(), b"\0"]).collect::<Vec<_>>().concat();
    let cmd = with_index(git(&repo.toplevel, CHECKOUT))
        // The server runs Linux, whatever the laptop's habits are.
        .args(["-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.symlinks=true"])
        .args(["checkout-index", "-z", "--stdin"])
        .arg(argument)
        // Attributes of the commit, not of the working tree (git 2.41 and later know this).
        .env("GIT_ATTR_SOURCE", commit.as_str())
        .stdin(names);
    ask(&repo.toplevel, cmd).await?;
    Ok(())
}
