//! What a commit only points at, and does not have: the files of submodules, and those that git-lfs keeps.

use super::{GitError, QUESTION, Repo, ask, git, parts};
use crate::model::names::Commit;
use crate::tools::cmd::Cmd;
use crate::tools::process::End;

/// The first line of a file that git-lfs keeps elsewhere, <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
pub const LFS_POINTER: &str = "version https://git-lfs.github.com/spec/v1";

/// The submodules of a commit, from the top folder.
pub async fn submodules(repo: &Repo, commit: &Commit) -> Result<Vec<String>, GitError> {
    tree(repo, commit, |mode, _| mode == "160000").await
}

/// The files of a commit that git-lfs keeps, from the top folder. All files are read for it, and so only where the
/// commit's own .gitattributes speak of git-lfs.
pub async fn lfs_pointers(repo: &Repo, commit: &Commit) -> Result<Vec<String>, GitError> {
    let attributes = tree(repo, commit, |_, path| path.rsplit('/').next() == Some(".gitattributes")).await?;
    let speak_of_it =
        |cmd: Cmd| cmd.args(["-F", "-e", "filter=lfs", commit.as_str(), "--"]).args(&attributes);
    if attributes.is_empty() || holding(repo, commit, speak_of_it).await?.is_empty() {
        return Ok(Vec::new());
    }
    let first = format!("^{}$", LFS_POINTER.replace('.', "\\."));
    let are_pointers = |cmd: Cmd| {
        cmd.args(["--all-match", "-E", "-e", &first, "-e", "^oid sha256:[0-9a-f]{64}$", commit.as_str()])
    };
    holding(repo, commit, are_pointers).await
}

/// The paths of a commit that are wanted, by mode and name. Names that are not UTF-8 are left out.
async fn tree(
    repo: &Repo,
    commit: &Commit,
    wanted: impl Fn(&str, &str) -> bool,
) -> Result<Vec<String>, GitError> {
    let cmd = git(&repo.toplevel, QUESTION).args(["ls-tree", "-r", "-z", "--full-tree", commit.as_str()]);
    let answer = ask(&repo.toplevel, cmd).await?.stdout;
    let path = |part| {
        let (facts, path) = std::str::from_utf8(part).ok()?.split_once('\t')?;
        wanted(facts.split(' ').next()?, path).then(|| path.to_owned())
    };
    Ok(parts(&answer).filter_map(path).collect())
}

/// The files of a commit that `git grep` finds.
async fn holding(
    repo: &Repo,
    commit: &Commit,
    what: impl FnOnce(Cmd) -> Cmd,
) -> Result<Vec<String>, GitError> {
    // A user's grep.* and color.* do not change the answer, nor does what the attributes call binary.
    let cmd = git(&repo.toplevel, QUESTION)
        .args(["grep", "--no-color", "--no-recurse-submodules", "--text", "--full-name"])
        .args(["--files-with-matches", "-z"]);
    let answer = match ask(&repo.toplevel, what(cmd)).await {
        Ok(output) => output.stdout,
        Err(GitError::Command(error)) if matches!(error.end, End::Code(1)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // `<commit>:<path>`
    let before = commit.as_str().len() + 1;
    let path = |part: &[u8]| Some(std::str::from_utf8(part.get(before..)?).ok()?.to_owned());
    Ok(parts(&answer).filter_map(path).collect())
}
