//! Found out on the laptop: shipit.toml, the assets, the build.

use std::os::unix::fs::symlink;

use crate::support::site::{Failed, Site};
use crate::support::world::{SHIPIT, run};

#[test]
fn a_build_that_fails_shows_the_end_of_its_log() {
    let site = Site::new();
    site.commit("fail-build");
    let says =
        ["the build of content failed", "boom: part 30 does not compile", "lines of the log of content"];
    let failed = site.untouched(&["deploy"], 4, &says);
    // The command for all of it is one that can be pasted.
    let command = failed.hinted("all of the log: `", "`");
    let log = site.world.command("sh").args(["-c", &command]).output().expect("sh");
    assert!(String::from_utf8_lossy(&log.stdout).contains("compiling part 1 of 30"), "{command}: {log:?}");
    // The same on the screen.
    site.world.shipit(&["deploy"]).expect(4).says(&[
        "error: the build of content failed\n",
        "    boom: part 30 does not compile\n",
        "hint: all of the log: `nix log /nix/store/",
    ]);
    site.good();
}

#[test]
fn what_can_not_be_evaluated_is_named() {
    let site = Site::new();
    let flake = std::fs::read_to_string(site.world.app().join("flake.nix")).expect("flake.nix");

    site.world.edit("assets =", "package = \"serve\"\nassets =");
    let says = ["the flake has no `packages.x86_64-linux.serve`", "`nix flake show`", "`package`", "server"];
    site.untouched(&["deploy"], 4, &says);
    site.world.edit("package = \"serve\"\n", "");

    site.world.write("flake.nix", &flake.replace("default = server;", "default = throw \"no such luck\";"));
    site.commit("ok");
    // Twice: Nix remembers that it failed, and not why.
    for _ in 0..2 {
        site.untouched(&["deploy"], 4, &["`packages.x86_64-linux.default`", "no such luck", "--show-trace"]);
    }

    site.world.write("flake.nix", &flake.replace("in\n    {", "in in\n    {"));
    site.commit("ok");
    site.untouched(&["deploy"], 4, &["nix could not build", "syntax error", "flake.nix:"]);

    site.world.write("flake.nix", &flake);
    site.good();
}

#[test]
fn a_program_that_is_missing_here_is_named() {
    let site = Site::new();
    site.commit("ok");
    let before = site.now();
    for (missing, code, says) in [
        ("nix", 4, ["Nix is not installed here, or `nix", "https://nixos.org/download"]),
        ("ssh", 3, ["`ssh` is not installed here, or not on the PATH", "install the OpenSSH client"]),
        ("git", 2, ["git", "install"]),
    ] {
        let folder = site.world.file(&format!("without-{missing}"));
        std::fs::create_dir(&folder).expect("a folder");
        for program in ["nix", "ssh", "ssh-keygen", "git"].iter().filter(|program| **program != missing) {
            symlink(found(program), folder.join(program)).expect("a link");
        }
        let mut command = site.world.command(SHIPIT);
        command.env("PATH", &folder);
        let ran = run(command, &["deploy", "--json"]).wait();
        Failed::of(ran, code).says(&says);
        assert_eq!(site.now(), before);
    }
    site.good();
}

fn found(program: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").expect("PATH");
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| place.exists()).unwrap_or_else(|| panic!("no {program}"))
}

#[test]
fn an_asset_must_be_in_the_commit_and_stay_in_it() {
    let site = Site::new();
    site.world.edit("assets = [\"views\"]", "assets = [\"views\", \"public\"]");
    let commit = site.commit("ok");
    let says = [&format!("commit {} has no `public`", &commit[..7]), "`assets` in shipit.toml"];
    site.untouched(&["deploy"], 2, &says);
    // It is here, and git does not know it.
    site.world.write("public/x", "x\n");
    let failed = site.untouched(&["deploy"], 2, &says);
    assert!(
        failed.hints().iter().any(|hint| hint.starts_with("`git add public`, then commit")),
        "{failed:#?}"
    );
    site.world.git(&["add", "public"]);
    site.good();

    symlink("../../secrets", site.world.app().join("public/link")).expect("a link");
    site.commit("ok");
    let says = ["the asset `public/link` is a link to ../../secrets, outside of the assets", "relative link"];
    site.untouched(&["deploy"], 2, &says);
    std::fs::remove_file(site.world.app().join("public/link")).expect("no link");
    site.good();
}

#[test]
fn a_mistake_in_shipit_toml_has_a_place() {
    let site = Site::new();
    for (right, wrong, says) in [
        ("assets =", "asets =", ["shipit.toml:3:1: there is no key `asets`", "`assets`"]),
        ("within = \"10s\"", "within = 10", ["shipit.toml:", "invalid type: integer `10`"]),
        ("\"http://127.0.0.1:3001/\"", "\"127.0.0.1\"", ["shipit.toml:", "http"]),
        ("[health]", "[health", ["shipit.toml:", "unclosed table, expected `]`"]),
    ] {
        site.world.edit(right, wrong);
        site.untouched(&["deploy"], 2, &says);
        site.world.edit(wrong, right);
    }
    site.world.commit_all("a good one");
    site.good();
}
