use super::*;
use crate::tools::git::tests::{POINTER, Try, checkout, git_in};

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

/// The warnings of a source that is found, or the failure.
async fn warned(folder: &Path, rev: Option<&str>, allow_dirty: bool) -> (Outcome<Source>, Vec<String>) {
    let (found, told) = find_in(folder, rev, allow_dirty).await;
    let text = |event| if let Event::Warning { text } = event { Some(text) } else { None };
    (found, told.into_iter().filter_map(text).collect())
}

#[tokio::test]
async fn what_a_shallow_clone_lacks_can_be_fetched() {
    let it = Try::new().await;
    it.write("flake.nix", "{}");
    let old = it.commit("old").await;
    let new = it.commit("new").await;
    let clone = checkout(&it, "1", &[&format!("+{new}:refs/remotes/origin/main")]).await;
    let (found, warnings) = warned(&clone, None, false).await;
    assert_eq!((found.unwrap().commit, warnings), (Some(new), vec![]));
    for (rev, hints) in [(old.as_str(), 2), (old.short(), 1), ("HEAD~1", 1), ("v1", 1)] {
        let failure = warned(&clone, Some(rev), false).await.0.unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert_eq!(failure.hints.len(), hints, "{rev}: {:?}", failure.hints);
        assert!(failure.hints[0].contains("shallow clone") && failure.hints[0].contains("fetch-depth: 0"));
    }
    // A branch that nobody has checked out.
    let failure = warned(&clone, Some("main"), false).await.0.unwrap_err();
    assert!(failure.hints.last().unwrap().ends_with("`origin/main`"), "{:?}", failure.hints);
    assert!(warned(&clone, Some("origin/main"), false).await.0.is_ok());
    // The hint's own words.
    let failure = warned(&clone, Some(old.as_str()), false).await.0.unwrap_err();
    let line = failure.hints[1].split('`').nth(1).unwrap();
    git_in(&clone, &["remote", "add", "origin", &format!("file://{}", it.path().display())]).await;
    git_in(&clone, &line.split(' ').skip(1).collect::<Vec<_>>()).await;
    assert_eq!(warned(&clone, Some(old.as_str()), false).await.0.unwrap().commit, Some(old));
}

#[tokio::test]
async fn what_stops_nothing_and_should_be_known() {
    let it = Try::new().await;
    it.write("flake.nix", "{}");
    let first = it.commit("one").await;
    it.git(&["tag", "-a", "-m", "a tag", "v1"]).await;
    let second = it.commit("two").await;
    let (found, warnings) = warned(&it.path(), Some("v1"), false).await;
    assert_eq!((found.unwrap().commit, warnings), (Some(first.clone()), vec![]));
    it.git(&["branch", "v1"]).await;
    let (found, warnings) = warned(&it.path(), Some("v1"), false).await;
    assert_eq!(found.unwrap().commit, Some(first.clone()));
    let [text] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(text.contains(&format!("git takes {}", first.short())) && text.contains("refs/heads/"), "{text}");
    assert_eq!(warned(&it.path(), Some("refs/heads/v1"), false).await.1, [""; 0]);

    let clone = checkout(&it, "1", &[&format!("+{second}:refs/remotes/pull/12/merge")]).await;
    let (found, warnings) = warned(&clone, None, false).await;
    assert_eq!(found.unwrap().commit, Some(second));
    let [text] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(text.contains("trial merge of pull request 12"), "{text}");
}

#[tokio::test]
async fn what_nix_leaves_out_is_named_unless_the_flake_asks_for_it() {
    let it = Try::new().await;
    it.write("app/flake.nix", "{ }");
    it.write(".gitattributes", "*.bin filter=lfs\n");
    it.write("data.bin", POINTER);
    let first = it.commit("one").await;
    for n in 1..=7 {
        it.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{first},sub{n}")]).await;
    }
    it.git(&["commit", "-q", "-m", "submodules"]).await;
    let folder = it.path().join("app");
    let head = Some("HEAD");
    let (_, warnings) = warned(&folder, head, false).await;
    let [submodules, lfs] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(submodules.contains(": sub1, sub2, sub3, sub4, sub5, and 2 more; "), "{submodules}");
    assert!(lfs.contains(": data.bin; "), "{lfs}");
    // Of a working tree Nix takes the files as they lie there; of submodules, none.
    it.write("app/flake.nix", "{ } # changed");
    let (_, warnings) = warned(&folder, None, true).await;
    assert!(matches!(&warnings[..], [one] if one.contains("submodules")), "{warnings:?}");

    it.write("app/flake.nix", "{\n  inputs.self = { submodules = true;\n lfs=true; };\n}");
    it.git(&["commit", "-q", "-m", "asked for", "app"]).await;
    assert_eq!(warned(&folder, head, false).await.1, [""; 0]);
}

#[tokio::test]
async fn a_signing_key_that_git_tracks_is_said() {
    let it = Try::new().await;
    it.write("flake.nix", "{}");
    it.write("signing.key", "a:b");
    it.git(&["add", "flake.nix"]).await;
    it.git(&["commit", "-q", "-m", "One"]).await;
    let said = async || {
        let source = find_in(&it.path(), Some("HEAD"), false).await.0.unwrap();
        let (events, mut heard) = Events::channel();
        tracked_key(&source, &it.path().join("signing.key"), &events).await;
        tracked_key(&source, Path::new("/etc/hostname"), &events).await;
        heard.try_recv().ok()
    };
    assert_eq!(said().await, None);
    it.commit("Two").await;
    let Some(Event::Warning { text }) = said().await else { panic!("nothing is said") };
    assert!(text.starts_with("git tracks the signing key signing.key"), "{text}");
}
