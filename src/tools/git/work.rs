//! The files of the working tree, and what they differ in from the commit.

use super::{GitError, QUESTION, Repo, ask, git, parts, utf8};

/// What differs between the commit and the working tree, relative to the top folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Tracked files that were changed, staged or not.
    pub tracked: Vec<String>,
    /// Files and folders that git does not know and does not ignore.
    pub untracked: Vec<String>,
}

/// What the working tree has that HEAD has not. Changes inside submodules do not count: Nix does not see them.
pub async fn changes(repo: &Repo) -> Result<Changes, GitError> {
    let cmd = git(&repo.toplevel, QUESTION).args([
        "status",
        "--porcelain=v2",
        "-z",
        "--no-renames",
        "--untracked-files=normal",
        "--ignore-submodules=dirty",
    ]);
    parse_status(&ask(&repo.toplevel, cmd).await?.stdout)
}

pub(crate) fn parse_status(bytes: &[u8]) -> Result<Changes, GitError> {
    let mut changes = Changes::default();
    let mut parts = parts(bytes);
    while let Some(part) = parts.next() {
        // Only for people to read, so a name in another encoding does no harm here.
        let line = String::from_utf8_lossy(part);
        let (fields, list) = match line.as_bytes()[0] {
            b'1' => (8, &mut changes.tracked),
            b'2' => (9, &mut changes.tracked),
            b'u' => (10, &mut changes.tracked),
            b'?' => (1, &mut changes.untracked),
            _ => continue,
        };
        let path = line.splitn(fields + 1, ' ').nth(fields);
        let path = path.ok_or_else(|| GitError::Odd(format!("a status line {line:?}")))?;
        list.push(path.to_owned());
        if line.starts_with('2') {
            parts.next();
        }
    }
    Ok(changes)
}

/// The files of the working tree at or below these paths: tracked, and untracked but not ignored.
pub async fn working_files(repo: &Repo, paths: &[String]) -> Result<Vec<String>, GitError> {
    let cmd = git(&repo.toplevel, QUESTION)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"])
        .args(paths);
    let answer = ask(&repo.toplevel, cmd).await?.stdout;
    parts(&answer).map(utf8).collect()
}

/// Whether git tracks a file of the working tree.
pub async fn is_tracked(repo: &Repo, path: &str) -> Result<bool, GitError> {
    let cmd = git(&repo.toplevel, QUESTION).args(["ls-files", "-z", "--cached", "--", path]);
    Ok(!ask(&repo.toplevel, cmd).await?.stdout.is_empty())
}
