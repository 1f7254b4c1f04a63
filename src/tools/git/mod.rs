//! Git, asked about one folder. Only facts; what they mean for a deploy is said elsewhere.
//!
//! No command here writes to the repository, runs its fsmonitor or its hooks, or follows a GIT_DIR or
//! GIT_INDEX_FILE that shipit was started with (a git hook has them set).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cmd::Cmd;
use super::process::{Output, run};

mod commits;
mod error;
mod pointers;
mod tree;
mod work;

#[cfg(test)]
pub(crate) mod tests;

pub use commits::{Meant, between, commit, head, meant, subject, trial_merge};
pub use error::GitError;
pub use pointers::{LFS_POINTER, lfs_pointers, submodules};
pub use tree::{TreeEntry, check_out, files, has_file, text};
pub use work::{Changes, changes, is_tracked, working_files};
#[cfg(test)]
pub(crate) use {tree::parse_tree, work::parse_status};

/// How long a question to git may take. A status of a large tree on a slow disk is the slowest of them.
const QUESTION: Duration = Duration::from_secs(120);
/// How long it may take to write out a commit's files: filters (git-lfs) may fetch them.
const CHECKOUT: Duration = Duration::from_secs(900);

/// The variables that point git at another repository, index or history than the folder's own. GIT_CONFIG_* are
/// not among them: CI systems set `safe.directory` that way.
pub const REDIRECTIONS: [&str; 14] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INDEX_VERSION",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_IMPLICIT_WORK_TREE",
];

/// A folder inside a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repo {
    /// The repository's top folder, absolute, links resolved.
    pub toplevel: PathBuf,
    /// The folder, relative to the top; empty when it is the top. No `/` at the end.
    pub prefix: String,
    /// The history was cut when it was cloned.
    pub shallow: bool,
}

/// A git command in this folder.
fn git(folder: &Path, deadline: Duration) -> Cmd {
    let cmd = Cmd::new("git", deadline)
        .arg("-C")
        .arg(folder)
        .args(["--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
        // Its messages are told apart by their text, and a question must not take the index's lock.
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0");
    REDIRECTIONS.iter().fold(cmd, |cmd, name| cmd.env_remove(name))
}

async fn ask(folder: &Path, cmd: Cmd) -> Result<Output, GitError> {
    run(&cmd).await.map_err(|error| {
        if error.is_not_found() {
            GitError::Missing
        } else if error.stderr.contains("dubious ownership") {
            GitError::DubiousOwnership { folder: folder.to_owned() }
        } else if error.stderr.contains("not a git repository")
            || error.stderr.contains("must be run in a work tree")
        {
            GitError::NotARepository { folder: folder.to_owned() }
        } else {
            GitError::Command(error)
        }
    })
}

fn utf8(bytes: &[u8]) -> Result<String, GitError> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| GitError::OddName { shown: String::from_utf8_lossy(bytes).into_owned() })
}

/// The NUL-terminated parts of an answer.
fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}

/// The repository around a folder.
pub async fn repository(folder: &Path) -> Result<Repo, GitError> {
    let cmd = git(folder, QUESTION).args([
        "rev-parse",
        "--is-shallow-repository",
        "--show-prefix",
        "--show-toplevel",
    ]);
    let answer = ask(folder, cmd).await?.stdout;
    let answer = String::from_utf8(answer)
        .map_err(|_| GitError::Odd(format!("the path of the folder {} is not UTF-8", folder.display())))?;
    let lines: Vec<&str> = answer.lines().collect();
    match lines[..] {
        [shallow, prefix, toplevel] => Ok(Repo {
            toplevel: toplevel.into(),
            prefix: prefix.trim_end_matches('/').to_owned(),
            shallow: shallow == "true",
        }),
        _ => Err(GitError::Odd(format!("the repository's folder in {} lines", lines.len()))),
    }
}

/// Its version: `2.47.3`.
pub async fn version() -> Result<String, GitError> {
    let output = ask(Path::new("/"), Cmd::new("git", QUESTION).arg("--version")).await?;
    Ok(output.text().split_whitespace().nth(2).unwrap_or_default().to_owned())
}

/// The remote `origin`, or the only one.
async fn remote_name(repo: &Repo) -> Result<Option<String>, GitError> {
    let names = ask(&repo.toplevel, git(&repo.toplevel, QUESTION).arg("remote")).await?.text();
    let names: Vec<&str> = names.lines().collect();
    let name = names.iter().find(|name| **name == "origin").or(names.first().filter(|_| names.len() == 1));
    Ok(name.map(|name| (*name).to_owned()))
}

/// The address of the remote `origin`, or of the only one. What logs in may be part of it.
pub async fn remote(repo: &Repo) -> Result<Option<String>, GitError> {
    let Some(name) = remote_name(repo).await? else { return Ok(None) };
    let cmd = git(&repo.toplevel, QUESTION).args(["remote", "get-url", "--", &name]);
    Ok(ask(&repo.toplevel, cmd).await?.text().lines().next().map(str::to_owned))
}

/// The addresses of all remotes. What logs in may be part of them.
pub async fn remotes(repo: &Repo) -> Result<Vec<String>, GitError> {
    let said = ask(&repo.toplevel, git(&repo.toplevel, QUESTION).args(["remote", "-v"])).await?.text();
    let fetched = said.lines().filter_map(|line| line.split_once('\t')?.1.split_once(" (fetch)"));
    Ok(fetched.map(|(url, _)| url.to_owned()).collect())
}

/// The branch that is checked out, before its first commit too; none: a commit is.
pub async fn branch(repo: &Repo) -> Result<Option<String>, GitError> {
    link(repo, "HEAD", "refs/heads/").await
}

/// The branch that the remote gives to whoever clones it, as far as this clone was told.
pub async fn default_branch(repo: &Repo) -> Result<Option<String>, GitError> {
    let Some(name) = remote_name(repo).await? else { return Ok(None) };
    link(repo, &format!("refs/remotes/{name}/HEAD"), &format!("refs/remotes/{name}/")).await
}

/// What a symbolic name stands for, below this.
async fn link(repo: &Repo, name: &str, below: &str) -> Result<Option<String>, GitError> {
    let cmd = git(&repo.toplevel, QUESTION).args(["symbolic-ref", "--quiet", name]);
    match ask(&repo.toplevel, cmd).await {
        Ok(output) => Ok(output.text().strip_prefix(below).map(str::to_owned)),
        Err(GitError::Command(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
