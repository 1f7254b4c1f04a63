//! Commits: which one is meant, what its first line says, and what lies between two.

use super::{GitError, QUESTION, Repo, ask, git, parts};
use crate::model::difference::{Commits, Named, Relation, Side};
use crate::model::names::Commit;

/// The commit that a revision names.
pub async fn commit(repo: &Repo, rev: &str) -> Result<Commit, GitError> {
    // `:/text` reads all that follows as its text, and means a commit anyway.
    let peeled = if rev.starts_with(":/") { rev.to_owned() } else { format!("{rev}^{{commit}}") };
    let cmd = git(&repo.toplevel, QUESTION).args(["rev-parse", "--verify", "--end-of-options"]).arg(peeled);
    match ask(&repo.toplevel, cmd).await {
        // `^HEAD` is a revision to git, and no commit.
        Ok(output) => output.text().parse().map_err(|_| GitError::UnknownRevision { rev: rev.to_owned() }),
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
    let told =
        |relation, coming, leaving| Commits { from: from.clone(), to: to.clone(), relation, coming, leaving };
    if from == to {
        return Ok(told(Relation::Same, Side::default(), Side::default()));
    }
    match commit(repo, from.as_str()).await {
        Ok(_) => {}
        Err(GitError::UnknownRevision { .. }) => {
            return Ok(told(Relation::Unknown, Side::default(), Side::default()));
        }
        Err(error) => return Err(error),
    }
    let coming = side(repo, from, to, most).await?;
    let leaving = side(repo, to, from, most).await?;
    let relation = match (coming.count, leaving.count) {
        (_, 0) => Relation::Ahead,
        (0, _) => Relation::Behind,
        // Where the history was cut, both may only seem to have commits of their own.
        _ if repo.shallow => return Ok(told(Relation::Unknown, Side::default(), Side::default())),
        _ => Relation::Diverged,
    };
    Ok(told(relation, coming, leaving))
}

/// The commits that `to` has and `without` has not.
async fn side(repo: &Repo, without: &Commit, to: &Commit, most: usize) -> Result<Side, GitError> {
    let range = format!("{without}..{to}");
    let cmd = git(&repo.toplevel, QUESTION).args(["rev-list", "--count", &range, "--"]);
    let count = ask(&repo.toplevel, cmd).await?.text();
    let count = count.parse().map_err(|_| GitError::Odd(format!("a count of commits {count:?}")))?;
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
