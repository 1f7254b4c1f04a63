//! Git, asked about one folder. Only facts; what they mean for a deploy is said elsewhere.
//!
//! No command here writes to the repository, runs its fsmonitor or its hooks, or follows a GIT_DIR or
//! GIT_INDEX_FILE that shipit was started with (a git hook has them set).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cmd::Cmd;
use super::process::{CmdError, Output, run};
use crate::model::difference::{Commits, Named, Relation, Side};
use crate::model::names::{BadName, Commit};

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

/// Why git could not tell.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git on PATH.
    #[error("git is not installed here, or not on PATH")]
    Missing,
    /// No repository around the folder.
    #[error("{} is not in a git repository", folder.display())]
    NotARepository {
        /// Which folder.
        folder: PathBuf,
    },
    /// A repository of another user, which git does not read.
    #[error("git does not read the repository of {}, because another user owns it", folder.display())]
    DubiousOwnership {
        /// Which folder.
        folder: PathBuf,
    },
    /// Nothing was committed yet.
    #[error("the git repository has no commit yet")]
    NoCommit,
    /// No such revision here.
    #[error("git knows no commit `{rev}` here")]
    UnknownRevision {
        /// As it was typed.
        rev: String,
    },
    /// A file's name that is not UTF-8.
    #[error("the name of `{shown}` in the git repository is not UTF-8, and shipit deploys no such file")]
    OddName {
        /// With U+FFFD in place of what is not.
        shown: String,
    },
    /// Another thing that can't be told to Nix.
    #[error("git answered with something unexpected: {0}")]
    Odd(String),
    /// Anything else.
    #[error(transparent)]
    Command(CmdError),
}

impl From<BadName> for GitError {
    fn from(error: BadName) -> Self {
        GitError::Odd(error.to_string())
    }
}

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

/// What differs between the commit and the working tree, relative to the top folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Tracked files that were changed, staged or not.
    pub tracked: Vec<String>,
    /// Files and folders that git does not know and does not ignore.
    pub untracked: Vec<String>,
}

/// One file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its path from the top folder.
    pub path: String,
    /// It is a submodule: a commit of another repository, whose files this one does not have.
    pub submodule: bool,
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
const LONGEST_SUBJECT: usize = 300;

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

/// The address of the remote `origin`, or of the only one. What logs in may be part of it.
pub async fn remote(repo: &Repo) -> Result<Option<String>, GitError> {
    let names = ask(&repo.toplevel, git(&repo.toplevel, QUESTION).arg("remote")).await?.text();
    let names: Vec<&str> = names.lines().collect();
    let Some(name) =
        names.iter().find(|name| **name == "origin").or(names.first().filter(|_| names.len() == 1))
    else {
        return Ok(None);
    };
    let cmd = git(&repo.toplevel, QUESTION).args(["remote", "get-url", "--", name]);
    Ok(ask(&repo.toplevel, cmd).await?.text().lines().next().map(str::to_owned))
}

/// The branch that is checked out, before its first commit too; none: a commit is.
pub async fn branch(repo: &Repo) -> Result<Option<String>, GitError> {
    let cmd = git(&repo.toplevel, QUESTION).args(["symbolic-ref", "--short", "--quiet", "HEAD"]);
    match ask(&repo.toplevel, cmd).await {
        Ok(output) => Ok(Some(output.text())),
        Err(GitError::Command(_)) => Ok(None),
        Err(error) => Err(error),
    }
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

/// Whether a commit has this file. The path is relative to the top folder.
pub async fn has_file(repo: &Repo, commit: &Commit, path: &str) -> Result<bool, GitError> {
    Ok(files(repo, commit, &[path.to_owned()]).await?.iter().any(|entry| entry.path == path))
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A repository to try things on; dropped with its folder.
    pub(crate) struct Try {
        pub(crate) folder: tempfile::TempDir,
    }

    impl Try {
        pub(crate) async fn new() -> Self {
            let it = Try { folder: tempfile::tempdir().unwrap() };
            std::fs::create_dir(it.path()).unwrap();
            it.git(&["init", "-q", "-b", "main"]).await;
            it
        }

        pub(crate) fn path(&self) -> PathBuf {
            self.folder.path().canonicalize().unwrap().join("repo")
        }

        pub(crate) fn write(&self, path: &str, text: &str) {
            let path = self.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        pub(crate) async fn git(&self, args: &[&str]) -> String {
            git_in(&self.path(), args).await
        }

        pub(crate) async fn commit(&self, subject: &str) -> Commit {
            self.git(&["add", "-A"]).await;
            self.git(&["commit", "-q", "--allow-empty", "-m", subject]).await;
            self.git(&["rev-parse", "HEAD"]).await.parse().unwrap()
        }
    }

    pub(crate) async fn git_in(folder: &Path, args: &[&str]) -> String {
        let cmd = git(folder, QUESTION)
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"])
            .args(["-c", "protocol.file.allow=always"])
            .args(args);
        run(&cmd).await.unwrap_or_else(|error| panic!("{error}\n{}", error.stderr)).text()
    }

    #[tokio::test]
    async fn a_folder_in_a_repository() {
        let it = Try::new().await;
        it.write("deploy/ü b/flake.nix", "{}");
        let repo = repository(&it.path().join("deploy/ü b")).await.unwrap();
        assert_eq!(repo, Repo { toplevel: it.path(), prefix: "deploy/ü b".into(), shallow: false });
        assert!(matches!(head(&repo).await, Err(GitError::NoCommit)));
        let first = it.commit("One\nline").await;
        assert_eq!(head(&repo).await.unwrap(), first);
        assert_eq!(subject(&repo, &first).await.unwrap(), "One line");
        assert!(has_file(&repo, &first, "deploy/ü b/flake.nix").await.unwrap());
        assert!(!has_file(&repo, &first, "deploy").await.unwrap());
        for rev in ["nope", "-x", "--all", "", "HEAD:deploy", "HEAD..HEAD"] {
            let error = commit(&repo, rev).await.unwrap_err();
            assert!(matches!(error, GitError::UnknownRevision { .. }), "{rev}: {error}");
        }
        assert_eq!(commit(&repo, "main").await.unwrap(), first);
        // What git understands means what it means to git, and no word becomes an option or a command.
        assert_eq!(commit(&repo, ":/One").await.unwrap(), first);
        for rev in [
            "--upload-pack=touch x",
            "HEAD;touch x",
            "$(touch x)",
            "`touch x`",
            "HEAD\ntouch x",
            ":/nope",
            "@{-1}",
            "a..b",
            "^HEAD",
        ] {
            let error = commit(&repo, rev).await.unwrap_err();
            assert!(matches!(error, GitError::UnknownRevision { .. }), "{rev}: {error}");
        }
        assert!(!it.path().join("x").exists());

        let clone = it.folder.path().join("clone");
        it.commit("two").await;
        let url = format!("file://{}", it.path().display());
        git_in(&it.path(), &["clone", "-q", "--depth", "1", &url, clone.to_str().unwrap()]).await;
        assert!(repository(&clone).await.unwrap().shallow);
    }

    #[tokio::test]
    async fn a_subject_is_one_line_of_text_whatever_it_is() {
        let it = Try::new().await;
        let repo = async || repository(&it.path()).await.unwrap();
        let long = "x".repeat(100_000);
        for (written, read) in [
            ("$(touch x) `y` 'z' \"q\"", "$(touch x) `y` 'z' \"q\"".to_owned()),
            ("-n --format=%H", "-n --format=%H".to_owned()),
            ("\u{1b}[2Jcleared", "\u{1b}[2Jcleared".to_owned()),
            (&long, format!("{}…", "x".repeat(LONGEST_SUBJECT))),
        ] {
            let made = it.commit(written).await;
            assert_eq!(subject(&repo().await, &made).await.unwrap(), read);
        }
        // In another encoding, as the commit says.
        let file = it.folder.path().join("message");
        std::fs::write(&file, b"gr\xfcn\n").unwrap();
        let words = ["-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-F"];
        it.git(&[&words[..], &[file.to_str().unwrap()]].concat()).await;
        let repo = repo().await;
        assert_eq!(subject(&repo, &head(&repo).await.unwrap()).await.unwrap(), "grün");
    }

    #[tokio::test]
    async fn where_it_comes_from_and_what_is_checked_out() {
        let it = Try::new().await;
        let repo = repository(&it.path()).await.unwrap();
        assert_eq!(
            (branch(&repo).await.unwrap().as_deref(), remote(&repo).await.unwrap()),
            (Some("main"), None)
        );
        it.commit("one").await;
        it.git(&["remote", "add", "upstream", "https://a.example/x"]).await;
        assert_eq!(remote(&repo).await.unwrap().as_deref(), Some("https://a.example/x"));
        it.git(&["remote", "add", "other", "https://b.example/x"]).await;
        assert_eq!(remote(&repo).await.unwrap(), None);
        it.git(&["remote", "add", "origin", "git@c.example:x"]).await;
        assert_eq!(remote(&repo).await.unwrap().as_deref(), Some("git@c.example:x"));
        it.git(&["checkout", "-q", "--detach"]).await;
        assert_eq!(branch(&repo).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_lies_between_two_commits() {
        let it = Try::new().await;
        let first = it.commit("one").await;
        let repo = repository(&it.path()).await.unwrap();
        let second = it.commit("two -- \u{1b}[2J").await;
        let third = it.commit("three").await;
        let told = async |from: &Commit, to: &Commit| {
            let it = between(&repo, from, to, 2).await.unwrap();
            let names =
                |side: &Side| side.newest.iter().map(|named| named.subject.clone()).collect::<Vec<_>>();
            (it.relation, it.coming.count, names(&it.coming), it.leaving.count)
        };
        assert_eq!(told(&first, &first).await.0, Relation::Same);
        let ahead = (Relation::Ahead, 2, vec!["three".to_owned(), "two -- \u{1b}[2J".to_owned()], 0);
        assert_eq!(told(&first, &third).await, ahead);
        assert_eq!(told(&third, &first).await, (Relation::Behind, 0, vec![], 2));
        it.git(&["checkout", "-q", second.as_str()]).await;
        let other = it.commit("other").await;
        assert_eq!(told(&third, &other).await, (Relation::Diverged, 1, vec!["other".to_owned()], 1));
        let nowhere = "0123456789012345678901234567890123456789".parse().unwrap();
        assert_eq!(told(&nowhere, &third).await.0, Relation::Unknown);
        for number in 0..5 {
            it.commit(&number.to_string()).await;
        }
        let newest = head(&repo).await.unwrap();
        let (_, count, names, _) = told(&other, &newest).await;
        assert_eq!((count, names), (5, vec!["4".to_owned(), "3".to_owned()]));
    }

    #[tokio::test]
    async fn no_repository() {
        let folder = tempfile::tempdir().unwrap();
        let error = repository(folder.path()).await.unwrap_err();
        assert!(matches!(error, GitError::NotARepository { .. }), "{error}");
        git_in(folder.path(), &["init", "-q", "--bare"]).await;
        let error = repository(folder.path()).await.unwrap_err();
        assert!(matches!(error, GitError::NotARepository { .. }), "{error}");
    }

    #[tokio::test]
    async fn changes_of_all_kinds_are_seen() {
        let it = Try::new().await;
        for name in ["kept", "edited", "staged", "gone", "moved", ".gitignore"] {
            it.write(name, &format!("ignored\n{name}\n"));
        }
        it.commit("one").await;
        let repo = repository(&it.path()).await.unwrap();
        assert_eq!(changes(&repo).await.unwrap(), Changes::default());
        it.write("edited", "x");
        it.write("staged", "x");
        it.write("added ü", "x");
        it.git(&["add", "staged", "added ü"]).await;
        it.git(&["mv", "moved", "to there"]).await;
        std::fs::remove_file(it.path().join("gone")).unwrap();
        it.write("new one", "x");
        it.write("folder/a", "x");
        it.write("ignored", "x");
        let mut seen = changes(&repo).await.unwrap();
        seen.tracked.sort();
        assert_eq!(seen.tracked, ["added ü", "edited", "gone", "moved", "staged", "to there"]);
        assert_eq!(seen.untracked, ["folder/", "new one"]);
    }

    #[test]
    fn a_status_with_renames_and_conflicts_is_read() {
        let text = b"# branch.oid x\x001 .M N... 100644 100644 100644 a b a b\x002 R. N... 100644 100644 100644 a b R100 to x\0from\0u UU N... 1 2 3 4 a b c both\0? new\0! ign\0";
        let seen = parse_status(text).unwrap();
        assert_eq!(seen.tracked, ["a b", "to x", "both"]);
        assert_eq!(seen.untracked, ["new"]);
        assert!(parse_status(b"1 short\0").is_err());
    }
}
