//! The scripts of shipit's own release, run outside of GitHub: what they refuse, and what comes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::world::copy;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The scripts in a repository of their own, with this changelog.
struct Project(tempfile::TempDir);

impl Project {
    fn new(changelog: &str) -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = Project(tempfile::tempdir().unwrap());
        fs::create_dir_all(project.path(".github/release")).unwrap();
        fs::create_dir(project.path("docs")).unwrap();
        copy(&own.join(".github/release"), &project.path(".github/release"));
        fs::copy(own.join("Cargo.toml"), project.path("Cargo.toml")).unwrap();
        fs::write(project.path("docs/changelog.md"), changelog).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, script: &str, words: &[&str]) -> Output {
        let mut command = Command::new(self.path(".github/release").join(script));
        command
            .args(words)
            .current_dir(self.0.path())
            .output()
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// What it says on stdout; it succeeds.
    fn says(&self, script: &str, words: &[&str]) -> String {
        let output = self.run(script, words);
        assert!(output.status.success(), "{script} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// It fails, and says this.
    fn refuses(&self, script: &str, words: &[&str], why: &str) {
        let output = self.run(script, words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{script} {words:?}: {said}");
        assert!(output.stdout.is_empty(), "{script} {words:?} says something all the same");
    }
}

#[test]
fn the_notes_are_the_section_of_the_tag() {
    let tag = format!("v{VERSION}");
    let changelog = format!(
        "# Changes\n\n## {VERSION}0\n\nOlder by name alone.\n\n## {VERSION}\n\nNew.\n\n### Mended\n\n- a\n\n## 0.0.1\n\nOld.\n"
    );
    let project = Project::new(&changelog);
    assert_eq!(project.says("notes", &[&tag]), "New.\n\n### Mended\n\n- a\n");
    project.refuses("notes", &["v0.0.1"], &format!("Cargo.toml has version {VERSION}"));
    project.refuses("notes", &[VERSION], "the tag is");
    for empty in [
        format!("## {VERSION}\n\n## 0.0.1\n\nOld.\n"),
        "# Changes\n".to_owned(),
        format!("### {VERSION}\n\nx\n"),
    ] {
        fs::write(project.path("docs/changelog.md"), &empty).unwrap();
        project.refuses("notes", &[&tag], "has nothing under");
    }
    // Ours has what the next release needs.
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/changelog.md")).unwrap();
    fs::write(project.path("docs/changelog.md"), own).unwrap();
    assert!(!project.says("notes", &[&tag]).trim().is_empty());
}

#[test]
fn the_sums_are_of_four_binaries_and_nothing_else() {
    let project = Project::new("");
    let folder = project.path("release");
    fs::create_dir(&folder).unwrap();
    let names = ["aarch64-linux", "aarch64-macos", "x86_64-linux", "x86_64-macos"]
        .map(|name| format!("shipit-{name}"));
    for name in &names[..3] {
        fs::write(folder.join(name), name).unwrap();
    }
    project.refuses("sums", &["release"], "shipit-x86_64-macos; here there is");
    fs::write(folder.join(&names[3]), "x").unwrap();
    project.says("sums", &["release"]);
    project.says("sums", &["release"]);
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let named: Vec<&str> =
        sums.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name).collect();
    assert_eq!(named, names);
    let check = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(check.status.success());
    fs::write(folder.join("notes.md"), "").unwrap();
    project.refuses("sums", &["release"], "notes.md");
}

#[test]
fn a_major_tag_moves_to_the_newest_release_of_its_kind() {
    let project = Project::new("");
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(words);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        assert!(command.current_dir(project.0.path()).status().unwrap().success(), "{words:?}");
    };
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    for tag in ["v0.9.0", "v1.2.0", "v1.10.0", "v1.11.0-rc.1", "v2.0.0", "v1"] {
        git(&["tag", tag]);
    }
    for (tag, moved) in [
        ("v1.10.0", "v1\n"),
        ("v1.10.1", "v1\n"),
        // A fix for those who stay on an old one.
        ("v1.2.1", ""),
        ("v1.11.0-rc.1", ""),
        ("v2.0.0", "v2\n"),
        ("v10.0.0", "v10\n"),
        ("v0.9.0", ""),
        ("v1", ""),
        ("1.0.0", ""),
    ] {
        assert_eq!(project.says("major", &[tag]), moved, "{tag}");
    }
}

#[test]
fn a_binary_of_an_unknown_kind_is_not_built() {
    let project = Project::new("");
    project.refuses("build", &["riscv64-linux-musl", "binaries"], "no release has a riscv64-linux-musl");
}
