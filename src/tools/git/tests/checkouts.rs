//! Clones as CI makes them: cut off, detached, without branches; and commits that do not have all they speak of.

use super::*;

#[tokio::test]
async fn a_shallow_clone_tells_only_what_is_sure() {
    let it = Try::new().await;
    it.commit("1").await;
    let second = it.commit("2").await;
    it.git(&["checkout", "-q", "-b", "branch"]).await;
    it.commit("a").await;
    it.commit("b").await;
    it.git(&["checkout", "-q", "main"]).await;
    let third = it.commit("3").await;
    it.git(&["merge", "-q", "--no-ff", "-m", "merged", "branch"]).await;
    let merged = head(&repository(&it.path()).await.unwrap()).await.unwrap();
    it.git(&["checkout", "-q", third.as_str()]).await;
    let fourth = it.commit("4").await;
    let fifth = it.commit("5").await;

    let told = async |folder: &Path, from: &Commit, to: &Commit| {
        let it = between(&repository(folder).await.unwrap(), from, to, 9).await.unwrap();
        (it.relation, it.shallow, it.coming.count, it.leaving.count)
    };
    let unknown = (Relation::Unknown, true, 0, 0);
    assert_eq!(told(&it.path(), &third, &merged).await, (Relation::Ahead, false, 3, 0));
    // Git counts 2 with a depth of 2: what the branch has before them was cut. That 3 is right with 3 is luck.
    for depth in ["1", "2", "3"] {
        let clone = checkout(&it, depth, &[merged.as_str()]).await;
        assert_eq!(told(&clone, &third, &merged).await, unknown, "{depth}");
        // What is deployed is there.
        if depth != "1" {
            assert_eq!(told(&clone, &merged, &third).await, unknown, "{depth}");
        }
    }
    let clone = checkout(&it, "3", &[fifth.as_str()]).await;
    assert_eq!(told(&clone, &third, &fifth).await, (Relation::Ahead, false, 2, 0));
    assert_eq!(told(&clone, &fifth, &fourth).await, (Relation::Behind, false, 0, 1));
    assert_eq!(told(&clone, &second, &fifth).await, unknown, "it is not there");
    assert_eq!(told(&clone, &fifth, &fifth).await, (Relation::Same, false, 0, 0));
    // Each alone: they seem to have nothing in common.
    let clone = checkout(&it, "1", &[third.as_str(), fifth.as_str()]).await;
    assert_eq!(told(&clone, &third, &fifth).await, unknown);
}

#[tokio::test]
async fn a_tag_names_its_commit_and_a_name_of_two_is_known_to_be_one() {
    let it = Try::new().await;
    let first = it.commit("one").await;
    it.git(&["tag", "-a", "-m", "a tag", "v1.2"]).await;
    it.git(&["tag", "-a", "-m", "a tag of a tag", "release", "v1.2"]).await;
    let second = it.commit("two").await;
    let repo = repository(&it.path()).await.unwrap();
    let sure = |commit: &Commit| Meant { commit: commit.clone(), ambiguous: false };
    for rev in ["v1.2", "release", "tags/v1.2", "refs/tags/release", "v1.2^0"] {
        assert_ne!(it.git(&["rev-parse", rev.trim_end_matches("^0")]).await, first.as_str(), "a tag object");
        assert_eq!(meant(&repo, rev).await.unwrap(), sure(&first), "{rev}");
    }
    // What git takes, also where the user does not want to hear of it.
    it.git(&["branch", "v1.2", second.as_str()]).await;
    it.git(&["branch", first.short(), second.as_str()]).await;
    it.git(&["config", "core.warnAmbiguousRefs", "false"]).await;
    let doubtful = |commit: &Commit| Meant { commit: commit.clone(), ambiguous: true };
    assert_eq!(meant(&repo, "v1.2").await.unwrap(), doubtful(&first));
    assert_eq!(meant(&repo, first.short()).await.unwrap(), doubtful(&second));
    assert_eq!(meant(&repo, "heads/v1.2").await.unwrap(), sure(&second));
    assert_eq!(meant(&repo, "tags/v1.2").await.unwrap(), sure(&first));
    // A tag of something else than a commit.
    it.git(&["tag", "-a", "-m", "of a tree", "tree", "HEAD^{tree}"]).await;
    assert!(matches!(meant(&repo, "tree").await, Err(GitError::UnknownRevision { .. })));
}

#[tokio::test]
async fn the_trial_merge_of_a_pull_request_is_known_by_its_ref() {
    let it = Try::new().await;
    let first = it.commit("one").await;
    let merged = it.commit("Merge a into b").await;
    for (refspec, number) in [
        (format!("+{merged}:refs/remotes/pull/12/merge"), Some(12)),
        (format!("+{merged}:refs/remotes/origin/pull/7/merge"), Some(7)),
        (format!("+{merged}:refs/pull/3/merge"), Some(3)),
        (format!("+{merged}:refs/remotes/pull/12/head"), None),
        (format!("+{merged}:refs/remotes/origin/pull/x/merge"), None),
        (format!("+{merged}:refs/remotes/origin/12/merge"), None),
        (format!("+{merged}:refs/tags/pull/12/merge"), None),
    ] {
        let repo = repository(&checkout(&it, "2", &[&refspec]).await).await.unwrap();
        assert_eq!(trial_merge(&repo, &merged).await.unwrap(), number, "{refspec}");
        assert_eq!(trial_merge(&repo, &first).await.unwrap(), None, "{refspec}");
    }
}

#[tokio::test]
async fn what_a_commit_only_points_at() {
    let it = Try::new().await;
    it.write("a/picture.png", POINTER);
    it.write("a/about lfs.md", &format!("It looks so: {POINTER}"));
    it.write("text", "text");
    let plain = it.commit("no attributes").await;
    it.write("a/.gitattributes", "*.png binary\n*.png filter=lfs diff=lfs merge=lfs -text -diff\n");
    // A submodule is a commit in the tree, with .gitmodules or without.
    it.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{plain},deep/ü b")]).await;
    it.git(&["config", "color.ui", "always"]).await;
    it.git(&["config", "grep.lineNumber", "true"]).await;
    it.git(&["add", "a"]).await;
    it.git(&["commit", "-q", "-m", "all"]).await;
    let repo = repository(&it.path()).await.unwrap();
    let all = head(&repo).await.unwrap();
    assert_eq!(submodules(&repo, &all).await.unwrap(), ["deep/ü b"]);
    assert_eq!(lfs_pointers(&repo, &all).await.unwrap(), ["a/picture.png"]);
    assert_eq!(submodules(&repo, &plain).await.unwrap(), [""; 0]);
    assert_eq!(lfs_pointers(&repo, &plain).await.unwrap(), [""; 0], "nothing says that git-lfs is used");
}
