use std::path::{Path, PathBuf};

use super::commits::LONGEST_SUBJECT;
use super::*;
use crate::model::difference::{Relation, Side};
use crate::model::names::Commit;

mod checkouts;

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

/// A clone of these commits with so much of their history, as actions/checkout makes it: no branch but its own.
pub(crate) async fn checkout(it: &Try, depth: &str, refspecs: &[&str]) -> PathBuf {
    let clone = tempfile::Builder::new().tempdir_in(it.folder.path()).unwrap().keep();
    git_in(&clone, &["init", "-q", "-b", "none"]).await;
    let url = format!("file://{}", it.path().display());
    git_in(&clone, &[&["fetch", "-q", "--no-tags", "--depth", depth, &url], refspecs].concat()).await;
    git_in(&clone, &["checkout", "-q", "--detach", "FETCH_HEAD"]).await;
    clone
}

/// A file of git-lfs as it is committed.
pub(crate) const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:\
    4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

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
    assert_eq!((branch(&repo).await.unwrap().as_deref(), remote(&repo).await.unwrap()), (Some("main"), None));
    it.commit("one").await;
    it.git(&["remote", "add", "upstream", "https://a.example/x"]).await;
    assert_eq!(remote(&repo).await.unwrap().as_deref(), Some("https://a.example/x"));
    it.git(&["remote", "add", "other", "https://b.example/x"]).await;
    assert_eq!(remote(&repo).await.unwrap(), None);
    it.git(&["remote", "add", "origin", "git@c.example:x"]).await;
    assert_eq!(remote(&repo).await.unwrap().as_deref(), Some("git@c.example:x"));
    let all = ["git@c.example:x", "https://b.example/x", "https://a.example/x"];
    assert_eq!(remotes(&repo).await.unwrap(), all);
    assert_eq!(default_branch(&repo).await.unwrap(), None);
    it.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/re/lease"]).await;
    assert_eq!(default_branch(&repo).await.unwrap().as_deref(), Some("re/lease"));
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
        let names = |side: &Side| side.newest.iter().map(|named| named.subject.clone()).collect::<Vec<_>>();
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
