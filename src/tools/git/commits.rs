//! Commits: which one is meant, what its first line says, and what lies between two.

use super::{GitError, QUESTION, Repo, ask, git, parts};
use crate::model::difference::{Commits, Named, Relation, Side};
use crate::model::names::Commit;

/// What git takes a revision for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// The commit: of a tag, the tagged one.
    pub commit: Commit,
    /// The name is that of something else too, such as a tag and a branch.
    pub ambiguous: bool,
}

/// The commit that a revision names.
pub async fn commit(repo: &Repo, rev: &str) -> Result<Commit, GitError> {
    Ok(meant(repo, rev).await?.commit)
}

/// … and whether it names another one as well.
pub async fn meant(repo: &Repo, rev: &str) -> Result<Meant, GitError> {
    // `:/text` reads all that follows as its text, and means a commit anyway.
    let peeled = if rev.starts_with(":/") { rev.to_owned() } else { format!("{rev}^{{commit}}") };
    let cmd = git(&repo.toplevel, QUESTION)
        .args(["-c", "core.warnAmbiguousRefs=true", "rev-parse", "--verify", "--end-of-options"])
        .arg(peeled);
    match ask(&repo.toplevel, cmd).await {
        Ok(output) => Ok(Meant {
            // `^HEAD` is a revision to git, and no commit.
            commit: output.text().parse().map_err(|_| GitError::UnknownRevision { rev: rev.to_owned() })?,
            ambiguous: output.stderr.contains("is ambiguous"),
        }),
        // A prefix of several hashes is another mistake, and git's own words list them.
        Err(GitError::Command(error)) if error.stderr.contains("is ambiguous") => {
            Err(GitError::Command(error))
        }
        Err(GitError::Command(_)) => Err(GitError::UnknownRevision { rev: rev.to_owned() }),
        Err(error) => Err(error),
    }
}

/// The commit that is checked out.
pub async fn head(repo: &Repo) -> Result<Commit, GitError> {
    commit(repo, "HEAD").await.map_err(|error| match error {
        GitError::UnknownRevision { .. } => GitError::NoCommit,
        other => other,
    })
}

/// The number of the pull request that a commit is GitHub's trial merge of: `refs/pull/12/merge`, which actions/checkout
/// fetches as `refs/remotes/pull/12/merge`.
pub async fn trial_merge(repo: &Repo, commit: &Commit) -> Result<Option<u64>, GitError> {
    let cmd = git(&repo.toplevel, QUESTION).args([
        "for-each-ref",
        "--format=%(refname)",
        &format!("--points-at={commit}"),
        "refs/pull",
        "refs/remotes",
    ]);
    let names = ask(&repo.toplevel, cmd).await?.text();
    let number = |name: &str| {
        let (before, number) = name.strip_suffix("/merge")?.rsplit_once('/')?;
        if before.ends_with("/pull") { number.parse().ok() } else { None }
    };
    Ok(names.lines().find_map(number))
}

/// As much of a commit's first line as is told and kept: some are a page.
pub(super) const LONGEST_SUBJECT: usize = 300;

/// A commit's first line, or its beginning. One in an encoding that the commit does not name comes with U+FFFD.
pub async fn subject(repo: &Repo, commit: &Commit) -> Result<String, GitError> {
    let cmd =
        // What a user's log.showSignature or log.showNotes adds is none of it.
        git(&repo.toplevel, QUESTION)
            .args(["show", "--no-patch", "--no-show-signature", "--no-notes", "--encoding=UTF-8"])
            .args(["--format=%s", commit.as_str(), "--"]);
    Ok(shortened(&ask(&repo.toplevel, cmd).await?.text()))
}

fn shortened(subject: &str) -> String {
    let mut chars = subject.chars();
    let mut short: String = chars.by_ref().take(LONGEST_SUBJECT).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// What lies between two commits, the newest few of each side named. `from` may be one that is not here.
pub async fn between(repo: &Repo, from: &Commit, to: &Commit, most: usize) -> Result<Commits, GitError> {
    let told = |relation, coming, leaving| {
        let shallow = repo.shallow && relation == Relation::Unknown;
        Commits { from: from.clone(), to: to.clone(), relation, shallow, coming, leaving }
    };
    let unknown = || told(Relation::Unknown, Side::default(), Side::default());
    if from == to {
        return Ok(told(Relation::Same, Side::default(), Side::default()));
    }
    match commit(repo, from.as_str()).await {
        Ok(_) => {}
        Err(GitError::UnknownRevision { .. }) => return Ok(unknown()),
        Err(error) => return Err(error),
    }
    let coming = side(repo, from, to, most).await?;
    let leaving = side(repo, to, from, most).await?;
    let (relation, known) = match (coming.count, leaving.count) {
        (_, 0) => (Relation::Ahead, is_whole(repo, from, to, &coming).await?),
        (0, _) => (Relation::Behind, is_whole(repo, to, from, &leaving).await?),
        // Where the history was cut, both may only seem to have commits of their own.
        _ => (Relation::Diverged, !repo.shallow),
    };
    Ok(if known { told(relation, coming, leaving) } else { unknown() })
}

/// Whether these are all commits from `old` to its descendant `new`, and no others. In a shallow clone that is sure of
/// descendants of `old` alone: one without its parents may have more before it, and any other may be an ancestor of
/// `old` by a way that was cut.
async fn is_whole(repo: &Repo, old: &Commit, new: &Commit, side: &Side) -> Result<bool, GitError> {
    Ok(!repo.shallow || count(repo, &["--ancestry-path"], &format!("{old}..{new}")).await? == side.count)
}

/// The commits that `to` has and `without` has not.
async fn side(repo: &Repo, without: &Commit, to: &Commit, most: usize) -> Result<Side, GitError> {
    let range = format!("{without}..{to}");
    let count = count(repo, &[], &range).await?;
    let cmd = git(&repo.toplevel, QUESTION)
        .args(["log", "-z", "--no-show-signature", "--no-notes", "--encoding=UTF-8", "--format=%H %s"])
        .args([&format!("--max-count={most}"), &range, "--"]);
    let answer = ask(&repo.toplevel, cmd).await?.stdout;
    let named = |line: &[u8]| {
        let line = String::from_utf8_lossy(line);
        let (commit, subject) = line.split_once(' ').unwrap_or((&line, ""));
        Ok(Named { commit: commit.parse()?, subject: shortened(subject) })
    };
    Ok(Side { count, newest: parts(&answer).map(named).collect::<Result<_, GitError>>()? })
}

async fn count(repo: &Repo, options: &[&str], range: &str) -> Result<u64, GitError> {
    let cmd = git(&repo.toplevel, QUESTION).args(["rev-list", "--count"]).args(options).args([range, "--"]);
    let count = ask(&repo.toplevel, cmd).await?.text();
    count.parse().map_err(|_| GitError::Odd(format!("a count of commits {count:?}")))
}
