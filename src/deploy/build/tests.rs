//! Builds of small flakes, and how they fail.

use super::*;
use crate::tools::git::tests::Try;
use crate::tools::nix::tests::{flake, nix};
use source::{Wanted, find};

const MORE: &str = r#"
  broken = sh "shipit-try-broken" "for i in 1 2 3; do echo line $i; done; exit 3";
  above = derivation { name = "above"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ broken ]; };
  thrown = throw "my own words";
  other = derivation { name = "other"; system = "riscv64-linux"; builder = "/bin/sh"; };
  missing = ./not-there;
"#;

async fn source(it: &Try) -> Source {
    it.write("flake.nix", &flake(MORE));
    it.write("text", "built");
    it.commit("one").await;
    find(&it.path(), Wanted::default(), &Events::channel().0).await.unwrap()
}

async fn build_of(it: &Try, source: &Source, package: &str) -> (Outcome<Built>, Vec<Event>) {
    let (events, mut heard) = Events::channel();
    let (package, system) = (package.parse().unwrap(), "x86_64-linux".parse().unwrap());
    let built = build(&nix(), source, &package, &system, it.folder.path(), &events).await;
    let mut told = Vec::new();
    while let Ok(event) = heard.try_recv() {
        told.push(event);
    }
    (built, told)
}

#[tokio::test]
async fn a_build_is_told_from_begin_to_end() {
    let it = Try::new().await;
    let source = source(&it).await;
    let (built, told) = build_of(&it, &source, "default").await;
    let built = built.unwrap();
    assert_eq!(built.store_path.name(), "shipit-try");
    assert!(matches!(told.first(), Some(Event::Building { .. })), "{told:?}");
    assert!(matches!(told.last(), Some(Event::Built { .. })), "{told:?}");
    let again = build_of(&it, &source, "default").await.0.unwrap();
    assert_eq!((again.store_path, again.built), (built.store_path, 0));
}

#[tokio::test]
async fn a_failed_build_shows_whose_log_and_how_to_see_all_of_it() {
    let it = Try::new().await;
    let source = source(&it).await;
    for package in ["broken", "above"] {
        let failure = build_of(&it, &source, package).await.0.unwrap_err();
        assert_eq!(failure.kind, Kind::Build);
        assert_eq!(failure.error.to_string(), "the build of shipit-try-broken failed");
        let detail = failure.detail.unwrap();
        assert_eq!(detail.lines, ["line 1", "line 2", "line 3"]);
        assert_eq!(detail.title, "the last 3 lines of the log of shipit-try-broken");
        assert!(failure.hints[0].starts_with("all of the log: `nix log /nix/store/"), "{:?}", failure.hints);
    }
}

#[tokio::test]
async fn what_can_not_be_evaluated_is_explained() {
    let it = Try::new().await;
    let source = source(&it).await;
    let failure = build_of(&it, &source, "defautl").await.0.unwrap_err();
    assert_eq!(failure.error.to_string(), "the flake has no `packages.x86_64-linux.defautl`");
    assert!(failure.hints[0].starts_with("there is default:"), "{:?}", failure.hints);
    // Twice, because Nix remembers failures of a commit.
    for _ in 0..2 {
        let failure = build_of(&it, &source, "thrown").await.0.unwrap_err();
        assert_eq!(
            format!("{:#}", failure.error),
            "nix could not build `packages.x86_64-linux.thrown`: my own words"
        );
    }
    let failure = build_of(&it, &source, "other").await.0.unwrap_err();
    assert_eq!(failure.error.to_string(), "this machine can't build for x86_64-linux");
    assert_eq!(failure.hints.len(), 2);

    let nowhere = nix().with_env("PATH", "/nowhere");
    let (package, system) = ("default".parse().unwrap(), "x86_64-linux".parse().unwrap());
    let failure = build(&nowhere, &source, &package, &system, it.folder.path(), &Events::channel().0).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.error.to_string(), "Nix is not installed here, or `nix` is not on PATH");
}

#[tokio::test]
async fn an_input_without_a_lock_is_not_locked_by_a_deploy() {
    let it = Try::new().await;
    it.write(
        "flake.nix",
        "{ inputs.x = { url = \"path:/nowhere\"; flake = false; }; outputs = { x, ... }: {}; }",
    );
    std::fs::create_dir(it.folder.path().join("input")).unwrap();
    let url = format!("path:{}", it.folder.path().canonicalize().unwrap().join("input").display());
    it.write(
        "flake.nix",
        &format!("{{ inputs.x = {{ url = \"{url}\"; flake = false; }}; outputs = {{ x, ... }}: {{}}; }}"),
    );
    it.commit("one").await;
    for dirty in [false, true] {
        if dirty {
            it.write(
                "flake.nix",
                &format!("{{ inputs.x = {{ url = \"{url}\"; flake = false; }}; outputs = _: {{}}; }}"),
            );
        }
        let wanted = Wanted { rev: None, allow_dirty: true };
        let source = find(&it.path(), wanted, &Events::channel().0).await.unwrap();
        assert_eq!(source.dirty, dirty);
        let failure = build_of(&it, &source, "default").await.0.unwrap_err();
        assert!(failure.hints[0].starts_with("`nix flake lock`"), "{failure:?}");
        assert!(!it.path().join("flake.lock").exists());
    }
}
