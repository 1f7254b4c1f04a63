//! Finds out what is deployed, and refuses what would surprise: changes that are not in the commit.

use std::path::Path;

use crate::model::difference::DEEPEN;
use crate::model::event::{Event, Events};
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::Commit;
use crate::tools::cmd::quoted;
use crate::tools::git::{self, GitError, Meant, Repo};
use crate::tools::source::Source;

mod remarks;

pub use remarks::tracked_key;

#[cfg(test)]
mod tests;

/// How many changed files a refusal lists.
const LISTED_CHANGES: usize = 10;
/// How many untracked files the warning lists.
const LISTED_UNTRACKED: usize = 5;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The REV of the command line; none: HEAD.
    pub rev: Option<&'a str>,
    /// `--allow-dirty`: the working tree as it is.
    pub allow_dirty: bool,
}

/// The source in `folder`, judged. Tells `Event::Source`, and a warning for untracked files.
pub async fn find(folder: &Path, wanted: Wanted<'_>, events: &Events) -> Outcome<Source> {
    let folder = folder.canonicalize().map_err(|error| {
        Failure::new(
            Kind::Usage,
            anyhow::Error::new(error).context(format!("can't open the folder {}", folder.display())),
        )
    })?;
    let source = match git::repository(&folder).await {
        Ok(repo) => in_repository(folder, repo, wanted, events).await?,
        Err(error @ (GitError::Missing | GitError::NotARepository { .. })) => {
            without_git(folder, wanted, error)?
        }
        Err(error) => return Err(explain(error, None)),
    };
    events.tell(Event::Source {
        commit: source.commit.clone(),
        subject: source.subject.clone(),
        dirty: source.dirty,
    });
    Ok(source)
}

async fn in_repository(
    folder: std::path::PathBuf,
    repo: Repo,
    wanted: Wanted<'_>,
    events: &Events,
) -> Outcome<Source> {
    let fail = |error| explain(error, Some(&repo));
    if let Some(rev) = wanted.rev {
        let Meant { commit, ambiguous } = match git::meant(&repo, rev).await {
            Ok(meant) => meant,
            Err(error) => return Err(remarks::elsewhere(&repo, rev, fail(error)).await),
        };
        if ambiguous {
            remarks::ambiguous(rev, &commit, events);
        }
        return committed(folder, repo, commit, events).await;
    }
    let head = match git::head(&repo).await {
        Ok(commit) => Some(commit),
        Err(GitError::NoCommit) if wanted.allow_dirty => None,
        Err(error) => return Err(fail(error)),
    };
    let mut changes = git::changes(&repo).await.map_err(fail)?;
    if !changes.untracked.is_empty() {
        events.warn(format!(
            "Nix does not see files that git does not track: {}",
            listed(&changes.untracked, LISTED_UNTRACKED).join(", ")
        ));
    }
    let Some(head) = head else {
        return working_tree(folder, repo, None).await;
    };
    // shipit.toml always comes from the folder, so a change of it is no reason to refuse the commit.
    let settings = Source::in_repo(&repo, "shipit.toml");
    if changes.tracked.contains(&settings) && !wanted.allow_dirty {
        changes.tracked.retain(|file| *file != settings);
        events.warn("shipit.toml has changes that are not committed: the commit is deployed with the settings as they lie here");
    }
    if changes.tracked.is_empty() {
        return committed(folder, repo, head, events).await;
    }
    if wanted.allow_dirty {
        remarks::submodules(&repo, &head, events).await;
        return working_tree(folder, repo, Some(head)).await;
    }
    let count = changes.tracked.len();
    let files = if count == 1 { "file differs" } else { "files differ" };
    Err(Failure::msg(
        Kind::Usage,
        format!("{count} {files} from commit {}, which would be deployed", head.short()),
    )
    .detail("changed and not committed", listed(&changes.tracked, LISTED_CHANGES))
    .hint("commit the changes, then deploy again")
    .hint("`--allow-dirty` deploys the working tree as it is")
    .hint(format!("`shipit deploy {}` deploys the commit without them", head.short())))
}

/// A commit, whatever the working tree looks like.
async fn committed(
    folder: std::path::PathBuf,
    repo: Repo,
    commit: Commit,
    events: &Events,
) -> Outcome<Source> {
    let fail = |error| explain(error, Some(&repo));
    let flake = Source::in_repo(&repo, "flake.nix");
    if !git::has_file(&repo, &commit, &flake).await.map_err(fail)? {
        let failure = Failure::msg(Kind::Usage, format!("commit {} has no {flake}", commit.short()));
        return Err(if folder.join("flake.nix").exists() {
            failure.hint("`git add flake.nix`, then commit: Nix sees only what git tracks")
        } else {
            failure.hint("shipit deploys a flake: flake.nix lies beside shipit.toml")
        });
    }
    let subject = git::subject(&repo, &commit).await.map_err(fail)?;
    remarks::trial_merge(&repo, &commit, events).await;
    remarks::submodules(&repo, &commit, events).await;
    remarks::lfs(&repo, &commit, events).await;
    Ok(Source { folder, repo: Some(repo), commit: Some(commit), subject: Some(subject), dirty: false })
}

/// The working tree, with what is not committed.
async fn working_tree(folder: std::path::PathBuf, repo: Repo, head: Option<Commit>) -> Outcome<Source> {
    let fail = |error| explain(error, Some(&repo));
    require_flake(&folder)?;
    if !git::is_tracked(&repo, &Source::in_repo(&repo, "flake.nix")).await.map_err(fail)? {
        return Err(Failure::msg(Kind::Usage, "git does not track flake.nix, so Nix does not see it")
            .hint("`git add flake.nix`"));
    }
    let subject = match &head {
        Some(commit) => Some(git::subject(&repo, commit).await.map_err(fail)?),
        None => None,
    };
    Ok(Source { folder, repo: Some(repo), commit: head, subject, dirty: true })
}

fn without_git(folder: std::path::PathBuf, wanted: Wanted<'_>, why: GitError) -> Outcome<Source> {
    if let Some(rev) = wanted.rev {
        let missing = matches!(why, GitError::Missing);
        let failure = Failure::new(
            Kind::Usage,
            anyhow::Error::new(why).context(format!("can't find revision `{rev}`")),
        );
        return Err(if missing { failure.hint("install git") } else { failure });
    }
    if !wanted.allow_dirty {
        let missing = matches!(why, GitError::Missing);
        let failure = Failure::new(
            Kind::Usage,
            anyhow::Error::new(why).context("there is no commit to deploy, only a folder"),
        );
        let failure = if missing {
            failure.hint("install git")
        } else {
            failure.hint("`git init`, `git add` and `git commit` make it a repository")
        };
        return Err(failure.hint("`--allow-dirty` deploys the folder as it is"));
    }
    require_flake(&folder)?;
    Ok(Source { folder, repo: None, commit: None, subject: None, dirty: true })
}

/// Without this, Nix would look for a flake in the folders above.
fn require_flake(folder: &Path) -> Outcome<()> {
    if folder.join("flake.nix").is_file() {
        return Ok(());
    }
    Err(Failure::msg(Kind::Usage, format!("there is no flake.nix in {}", folder.display()))
        .hint("shipit deploys a flake: flake.nix lies beside shipit.toml"))
}

/// At most `most` names, and how many more there are.
pub(super) fn listed(names: &[String], most: usize) -> Vec<String> {
    let mut lines: Vec<String> = names.iter().take(most).cloned().collect();
    if names.len() > most {
        lines.push(format!("and {} more", names.len() - most));
    }
    lines
}

/// An error of git with what to do about it.
pub fn explain(error: GitError, repo: Option<&Repo>) -> Failure {
    let lines = match &error {
        GitError::Command(error) => error.last_lines(10),
        _ => Vec::new(),
    };
    let hint = |text: &str| vec![text.to_owned()];
    let hints = match &error {
        GitError::Missing => hint("install git"),
        GitError::DubiousOwnership { folder } => vec![format!(
            "if you trust it: `git config --global --add safe.directory {}`",
            quoted(folder.as_os_str())
        )],
        GitError::NoCommit => hint("commit something, or deploy the working tree with `--allow-dirty`"),
        GitError::UnknownRevision { rev } if repo.is_some_and(|repo| repo.shallow) => {
            // Only a whole hash can be asked for.
            let alone = rev.parse::<Commit>().ok();
            let alone = alone.map(|it| format!("or this commit alone: `git fetch --depth=1 origin {it}`"));
            let all = format!("this is a shallow clone, which has only the newest commits: {DEEPEN}");
            std::iter::once(all).chain(alone).collect()
        }
        GitError::UnknownRevision { .. } => hint("`git fetch` if it is a commit of someone else"),
        GitError::OddName { .. } => hint("rename it, or let the flake's package bring it"),
        GitError::NotARepository { .. } | GitError::Odd(_) | GitError::Command(_) => Vec::new(),
    };
    let failure = Failure::new(Kind::Usage, error).detail("git says", lines);
    hints.into_iter().fold(failure, Failure::hint)
}
