//! shipit's own flake, evaluated against a nixpkgs of a few lines: what it offers, and that it is well-formed.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::lab;

/// Just enough of nixpkgs: each package is a derivation with nothing in it but its arguments' names.
const NIXPKGS: &str = r#"{
  outputs = { self }:
    let
      lib = {
        genAttrs = names: f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) names);
        makeBinPath = builtins.concatStringsSep ":";
        licenses.mit = "MIT";
      };
      for = system:
        let
          package = name: derivation { inherit name system; builder = "/bin/sh"; };
          packages = builtins.listToAttrs (map (name: { inherit name; value = package name; })
            [ "makeWrapper" "git" "openssh" "cargo" "rustc" "clippy" "rustfmt" "just" "shellcheck" "nix" ]);
        in
        packages // {
          inherit lib system;
          rustPlatform.buildRustPackage = a:
            assert builtins.pathExists a.cargoLock.lockFile;
            (package "${a.pname}-${a.version}") // { inherit (a) meta version env; };
          mkShell = a: builtins.seq (map (p: p.drvPath) a.packages) (package "shell");
          runCommand = name: env: script: derivation { inherit name system script; builder = "/bin/sh"; };
        };
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
    in
    { inherit lib; legacyPackages = lib.genAttrs systems for; };
}
"#;

#[test]
fn the_flake_offers_a_package_an_app_a_shell_and_checks() {
    let folder = tempfile::Builder::new().prefix("shipit-flake-").tempdir().unwrap();
    let (here, stub) = (folder.path().join("shipit"), folder.path().join("nixpkgs"));
    fs::create_dir(&here).unwrap();
    fs::create_dir(&stub).unwrap();
    fs::write(stub.join("flake.nix"), NIXPKGS).unwrap();
    let run = |program: &str, at: &Path, words: &[&str]| -> String {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(at)
            .env("XDG_CACHE_HOME", folder.path().join("cache"))
            .envs(lab::nix_env());
        command.env("HOME", folder.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {words:?}:\n{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    // What git tracks, in a repository without the rest: that is all that Nix sees of it.
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tracked = run("git", source, &["-c", "safe.directory=*", "ls-files", "-z"]);
    for file in tracked.split_terminator('\0').filter(|file| source.join(file).is_file()) {
        let to = here.join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(source.join(file), to).unwrap();
    }
    run("git", &here, &["init", "-q"]);
    run("git", &here, &["add", "-A", "-f"]);

    let with = format!("path:{}", stub.display());
    let with = ["--no-write-lock-file", "--override-input", "nixpkgs", with.as_str()];
    run("nix", &here, &[&["flake", "check", "--no-build"], &with[..]].concat());
    let shown: Value =
        serde_json::from_str(&run("nix", &here, &[&["flake", "show", "--json"], &with[..]].concat()))
            .unwrap();
    let names = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(names(&shown), ["apps", "checks", "devShells", "packages"]);
    for output in ["apps", "checks", "devShells", "packages"] {
        let systems = names(&shown[output]);
        assert_eq!(systems, ["aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux"], "{output}");
        for system in systems {
            let expected: &[&str] = if output == "checks" { &["package", "shell"] } else { &["default"] };
            assert_eq!(names(&shown[output][&system]), expected, "{output}.{system}");
        }
    }
    let ask = |attribute: &str| -> String {
        run("nix", &here, &[&["eval", "--raw"], &with[..], &[&format!(".#{attribute}")]].concat())
    };
    assert_eq!(ask("packages.x86_64-linux.default.name"), concat!("shipit-", env!("CARGO_PKG_VERSION")));
    assert_eq!(ask("packages.x86_64-linux.default.meta.mainProgram"), "shipit");
    let program = ask("apps.x86_64-linux.default.program");
    assert!(program.starts_with("/nix/store/") && program.ends_with("/bin/shipit"), "{program}");

    // A build of a commit knows which: `init --github` pins the action to it. One of uncommitted changes does not. An input
    // that is overridden makes a flake an uncommitted one, so its outputs are asked as the function that they are.
    let commit_of = |rev: &str| -> String {
        let flake = |folder: &Path| format!("(import {}/flake.nix).outputs", folder.display());
        let expression = format!(
            "({} {{ self = {{ outPath = {}; {rev} }}; nixpkgs = {} {{ self = {{}}; }}; }}).packages.x86_64-linux.default.env.SHIPIT_COMMIT",
            flake(&here),
            here.display(),
            flake(&stub)
        );
        run("nix", &here, &["eval", "--impure", "--raw", "--expr", &expression])
    };
    assert_eq!(commit_of("rev = \"0123\";"), "0123");
    assert_eq!(commit_of("dirtyRev = \"0123-dirty\";"), "");

    // The lock names a commit of nixpkgs, by hash.
    let lock: Value = serde_json::from_str(&fs::read_to_string(source.join("flake.lock")).unwrap()).unwrap();
    let node = lock["root"].as_str().unwrap();
    let nixpkgs = lock["nodes"][node]["inputs"]["nixpkgs"].as_str().unwrap();
    let locked = &lock["nodes"][nixpkgs]["locked"];
    assert_eq!((&locked["owner"], &locked["repo"]), (&"NixOS".into(), &"nixpkgs".into()));
    let is_commit = |text: &str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(locked["rev"].as_str().is_some_and(is_commit), "{locked}");
    assert!(locked["narHash"].as_str().is_some_and(|hash| hash.starts_with("sha256-")), "{locked}");
}
