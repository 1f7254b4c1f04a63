//! Finds out what is deployed, and refuses what would surprise: changes that are not in the commit.

use std::path::Path;

use crate::model::event::{Event, Events};
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::Commit;
use crate::tools::cmd::quoted;
use crate::tools::git::{self, GitError, Repo};
use crate::tools::source::Source;

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
        let commit = git::commit(&repo, rev).await.map_err(fail)?;
        return committed(folder, repo, commit).await;
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
        return committed(folder, repo, head).await;
    }
    if wanted.allow_dirty {
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
async fn committed(folder: std::path::PathBuf, repo: Repo, commit: Commit) -> Outcome<Source> {
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
fn listed(names: &[String], most: usize) -> Vec<String> {
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
    let hint = match &error {
        GitError::Missing => Some("install git".to_owned()),
        GitError::DubiousOwnership { folder } => Some(format!(
            "if you trust it: `git config --global --add safe.directory {}`",
            quoted(folder.as_os_str())
        )),
        GitError::NoCommit => {
            Some("commit something, or deploy the working tree with `--allow-dirty`".to_owned())
        }
        GitError::UnknownRevision { .. } if repo.is_some_and(|repo| repo.shallow) => Some(
            "this is a shallow clone, which has only the newest commits: `git fetch --unshallow`, or \
             `fetch-depth: 0` in actions/checkout"
                .to_owned(),
        ),
        GitError::UnknownRevision { .. } => Some("`git fetch` if it is a commit of someone else".to_owned()),
        GitError::OddName { .. } => Some("rename it, or let the flake's package bring it".to_owned()),
        GitError::NotARepository { .. } | GitError::Odd(_) | GitError::Command(_) => None,
    };
    let failure = Failure::new(Kind::Usage, error).detail("git says", lines);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::git::tests::Try;

    async fn find_in(folder: &Path, rev: Option<&str>, allow_dirty: bool) -> (Outcome<Source>, Vec<Event>) {
        let (events, mut heard) = Events::channel();
        let found = find(folder, Wanted { rev, allow_dirty }, &events).await;
        let mut told = Vec::new();
        while let Ok(event) = heard.try_recv() {
            told.push(event);
        }
        (found, told)
    }

    #[tokio::test]
    async fn uncommitted_changes_refuse_a_deploy_of_head_only() {
        let it = Try::new().await;
        it.write("flake.nix", "{}");
        it.write("code", "1");
        let first = it.commit("First").await;
        let (source, told) = find_in(&it.path(), None, false).await;
        let source = source.unwrap();
        assert_eq!((source.commit.as_ref(), source.dirty), (Some(&first), false));
        assert_eq!(
            told,
            [Event::Source { commit: Some(first.clone()), subject: Some("First".into()), dirty: false }]
        );

        it.write("code", "2");
        for n in 0..7 {
            it.write(&format!("new{n}"), "");
        }
        let failure = find_in(&it.path(), None, false).await.0.unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert_eq!(failure.detail.unwrap().lines, ["code"]);
        let (source, told) = find_in(&it.path(), None, true).await;
        assert!(source.unwrap().dirty);
        let Event::Warning { text } = &told[0] else { panic!("{told:?}") };
        assert!(text.ends_with("new0, new1, new2, new3, new4, and 2 more"), "{text}");
        let (source, told) = find_in(&it.path(), Some("main"), false).await;
        assert!(!source.unwrap().dirty);
        assert_eq!(told.len(), 1);
    }

    #[tokio::test]
    async fn what_is_not_there_is_said_with_a_way_out() {
        let it = Try::new().await;
        it.write("flake.nix", "{}");
        let failure = find_in(&it.path(), None, false).await.0.unwrap_err();
        assert_eq!(failure.error.to_string(), "the git repository has no commit yet");
        let failure = find_in(&it.path(), None, true).await.0.unwrap_err();
        assert_eq!(failure.hints, ["`git add flake.nix`"]);
        it.git(&["add", "-A"]).await;
        let source = find_in(&it.path(), None, true).await.0.unwrap();
        assert_eq!((source.commit, source.dirty), (None, true));

        it.git(&["reset", "-q"]).await;
        std::fs::rename(it.path().join("flake.nix"), it.folder.path().join("flake.nix")).unwrap();
        it.write("other", "1");
        it.commit("no flake").await;
        let failure = find_in(&it.path(), None, false).await.0.unwrap_err();
        assert!(failure.error.to_string().ends_with("has no flake.nix"), "{}", failure.error);
        let failure = find_in(&it.path(), Some("v9"), false).await.0.unwrap_err();
        assert_eq!(failure.error.to_string(), "git knows no commit `v9` here");
        assert!(failure.hints[0].contains("git fetch"));

        let plain = it.folder.path();
        let failure = find_in(plain, None, false).await.0.unwrap_err();
        assert!(failure.hints.iter().any(|hint| hint.contains("--allow-dirty")));
        assert!(find_in(plain, Some("v9"), true).await.0.is_err());
        let source = find_in(plain, None, true).await.0.unwrap();
        assert_eq!((source.repo, source.dirty), (None, true));
        assert!(find_in(&plain.join("nowhere"), None, true).await.0.is_err());
    }
}
