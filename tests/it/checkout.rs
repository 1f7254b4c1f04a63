//! What a CI runner checks out: one commit, cut off from its history, on no branch or on one of its own.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::source::hasty;
use crate::support::facts::{current, listing, page};
use crate::support::lab::{Server, Variant};
use crate::support::world::World;

/// A checkout as actions/checkout makes it: this commit under this name, and nothing else.
fn checkout(world: &World, commit: &str, name: &str) -> PathBuf {
    let folder = world.file(&format!("runner-{}", &commit[..7]));
    fs::create_dir(&folder).expect("a folder");
    let git = |words: &[&str]| world.git(&[&["-C", folder.to_str().unwrap()], words].concat());
    git(&["init", "-q"]);
    git(&["remote", "add", "origin", &format!("file://{}", world.app().display())]);
    git(&["fetch", "-q", "--no-tags", "--prune", "--depth=1", "origin", &format!("+{commit}:{name}")]);
    match name.strip_prefix("refs/remotes/origin/") {
        Some(branch) => git(&["checkout", "-q", "--force", "-B", branch, name]),
        None => git(&["checkout", "-q", "--force", name]),
    };
    folder
}

/// A file that git-lfs keeps, as it is committed.
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:\
    4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

#[test]
fn a_runners_checkout_is_deployed_as_what_it_is() {
    let server = Server::boot(Variant::Debian);
    let world = hasty(&server);
    let old = world.commit("1", "ok");
    world.deploy();
    let live = |commit: &str, version: &str| {
        assert_eq!(current(&server), format!("releases/{commit}"));
        assert!(page(&server).contains(&format!("version: {version}\nrev: {commit}\n")), "{}", page(&server));
    };

    // A push. That it has one commit says nothing of how many are new.
    world.commit("2", "ok");
    let new = world.commit("3", "ok");
    let push = checkout(&world, &new, "refs/remotes/origin/main");
    let ran = world.shipit_in(&push, &["deploy", "--json"]).expect(0);
    live(&new, "3");
    let mut told = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let commits = told.find(|event| event["type"] == "commits").expect("commits");
    assert_eq!((&commits["relation"], &commits["shallow"]), (&"unknown".into(), &true.into()), "{commits}");
    assert_eq!((&commits["coming"]["count"], &commits["leaving"]["count"]), (&0.into(), &0.into()));
    assert_eq!(ran.stderr, "");

    // An older commit is not there, until it is fetched as the hint says.
    let before = listing(&server);
    let fetch = format!("git fetch --depth=1 origin {old}");
    world.shipit_in(&push, &["deploy", &old]).expect(2).says(&["shallow clone", "fetch-depth: 0", &fetch]);
    world.git(&["-C", push.to_str().unwrap(), "fetch", "-q", "--depth=1", "origin", &old]);
    let plan = |folder: &Path, words: &[&str], commit: &str| {
        let ran = world.shipit_in(folder, &[&["deploy", "--dry-run"], words].concat()).expect(0);
        assert!(ran.stdout.contains(&format!(" → {}", &commit[..7])), "{}", ran.stdout);
        ran
    };
    let ran = plan(&push, &[&old], &old);
    assert!(ran.stdout.contains("is not known in this shallow clone: "), "{}", ran.stdout);

    // Submodules and files of git-lfs, on a tag whose object is no commit.
    world.write(".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n");
    world.write("logo.png", POINTER);
    world.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{old},theme")]);
    world.git(&["add", "logo.png", ".gitattributes"]);
    world.git(&["commit", "-q", "-m", "pointers"]);
    world.git(&["tag", "-a", "-m", "a tag", "v1.2"]);
    let (tag, commit) = (world.git(&["rev-parse", "v1.2"]), world.git(&["rev-parse", "HEAD"]));
    let tagged = checkout(&world, &tag, "refs/tags/v1.2");
    let ran = plan(&tagged, &["v1.2"], &commit);
    ran.says(&["without the files of submodules: theme; ", "git-lfs keeps: logo.png; "]);

    // Among the assets visitors would see them.
    world.write("views/logo.png", POINTER);
    world.git(&["add", "views/logo.png"]);
    world.git(&["commit", "-q", "-m", "a picture"]);
    let folder = checkout(&world, &world.git(&["rev-parse", "HEAD"]), "refs/remotes/origin/main");
    let ran = world.shipit_in(&folder, &["deploy"]).expect(2);
    ran.says(&["`views/logo.png` is a pointer of git-lfs", "`git lfs install`", "`lfs: true`"]);
    assert_eq!(listing(&server), before);

    // A pull request, merged on trial.
    world.git(&["checkout", "-q", "-b", "feature", &old]);
    world.commit("feature", "ok");
    world.git(&["checkout", "-q", "--detach", &new]);
    world.git(&["merge", "-q", "--no-ff", "-X", "theirs", "-m", "Merge feature into main", "feature"]);
    let merged = world.git(&["rev-parse", "HEAD"]);
    let trial = checkout(&world, &merged, "refs/remotes/pull/12/merge");
    world.shipit_in(&trial, &["deploy"]).expect(0).says(&[
        "trial merge of pull request 12",
        &merged[..7],
        "commits  not known in this shallow clone: ",
    ]);
    live(&merged, "feature");
}
