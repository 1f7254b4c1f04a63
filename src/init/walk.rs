//! Finds the files of a folder that may tell something, by the rules of git, and not without end.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use crate::tools::git::Repo;

/// Folders that apps read at run time, beside their program.
pub const RUNTIME_FOLDERS: &[&str] = &["views", "templates", "static", "public", "locales"];

/// Deeper than this no deploy script and no unit lies.
const DEEPEST: usize = 6;
/// So many files are looked at: a look at a folder takes no minutes.
const MOST_FILES: usize = 20_000;
/// So many of the app's own files are read.
const MOST_READ: usize = 2_000;
/// Larger files are not written by hand.
const LARGEST: u64 = 256 * 1024;
/// What others made, where no .gitignore says so.
const NOT_OURS: &[&str] = &[".git", ".direnv", "node_modules", "vendor", "target", "result", "dist"];
const LANGUAGES: &[&str] = &[
    "c", "cc", "clj", "cpp", "cr", "cs", "ex", "exs", "go", "hs", "java", "js", "kt", "lua", "mjs", "ml",
    "nim", "php", "pl", "py", "rb", "rs", "scala", "ts", "zig",
];

/// Names (from the folder) and texts.
#[derive(Debug, Default)]
pub struct Found {
    /// systemd services.
    pub units: Vec<(String, String)>,
    /// What may be a deploy script or a workflow.
    pub scripts: Vec<(String, String)>,
    /// The app's own code, and Dockerfile and fly.toml.
    pub others: Vec<(String, String)>,
}

enum What {
    Unit,
    Script,
    Other,
}

/// Walks through a folder. In a repository of several apps, also through the workflows at its top that name this one.
pub fn walk(folder: &Path, repo: Option<&Repo>) -> Found {
    let mut found = Found::default();
    collect(folder, folder, &mut found);
    if let Some(repo) = repo.filter(|repo| !repo.prefix.is_empty()) {
        let mut above = Found::default();
        collect(&repo.toplevel, &repo.toplevel.join(".github/workflows"), &mut above);
        found.scripts.extend(above.scripts.into_iter().filter(|(_, text)| text.contains(&repo.prefix)));
    }
    found
}

/// The folders below this one that have a flake: at most a handful, and no flake within another.
pub fn flakes(folder: &Path) -> Vec<PathBuf> {
    let names = |name: &std::ffi::OsStr| NOT_OURS.iter().any(|other| name == *other);
    let walk = WalkBuilder::new(folder)
        .require_git(false)
        .max_depth(Some(4))
        .sort_by_file_name(std::cmp::Ord::cmp)
        .filter_entry(move |entry| !names(entry.file_name()))
        .build();
    let flakes =
        walk.filter_map(Result::ok).take(MOST_FILES).filter(|entry| entry.file_name() == "flake.nix");
    flakes.filter_map(|entry| entry.path().parent().map(Path::to_owned)).take(5).collect()
}

/// What lies in the folder in which a path would.
pub fn beside(folder: &Path, path: &str) -> Vec<String> {
    let above = path.rsplit_once('/').map_or("", |(above, _)| above);
    let entries = std::fs::read_dir(folder.join(above)).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.map(|name| if above.is_empty() { name } else { format!("{above}/{name}") }).collect()
}

fn collect(names_from: &Path, folder: &Path, found: &mut Found) {
    let top = folder.to_owned();
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .require_git(false)
        .max_depth(Some(DEEPEST))
        .sort_by_file_name(std::cmp::Ord::cmp)
        .filter_entry(move |entry| is_ours(&top, entry))
        .build();
    for entry in walk.filter_map(Result::ok).take(MOST_FILES) {
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Some(name) = entry.path().strip_prefix(names_from).ok().and_then(Path::to_str) else { continue };
        let Some(what) = what(name) else { continue };
        let list = match what {
            What::Unit => &mut found.units,
            What::Script => &mut found.scripts,
            What::Other => &mut found.others,
        };
        if list.len() < MOST_READ
            && let Some(text) = read(entry.path())
        {
            list.push((name.to_owned(), text));
        }
    }
}

/// Not what others made, and not another app of the same repository.
fn is_ours(top: &Path, entry: &DirEntry) -> bool {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    let other =
        || NOT_OURS.iter().any(|name| entry.file_name() == *name) || entry.path().join("flake.nix").exists();
    !(is_folder && entry.path() != top && other())
}

fn what(name: &str) -> Option<What> {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let workflow = folder == ".github/workflows" || file == ".gitlab-ci.yml";
    if ending == "service" {
        return Some(What::Unit);
    }
    let scripts = ["Makefile", "justfile", "deploy", "Taskfile.yml"];
    if scripts.contains(&file)
        || ["sh", "bash"].contains(&ending)
        || workflow && ["yml", "yaml"].contains(&ending)
    {
        return Some(What::Script);
    }
    let test = name.to_lowercase().contains("test");
    let code = LANGUAGES.contains(&ending) && !test;
    (code || ["Dockerfile", "Containerfile", "fly.toml"].contains(&name)).then_some(What::Other)
}

/// The text of a small file; none where it is something else.
fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > LARGEST || bytes.contains(&0) {
        return None;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_made_is_passed_by() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "text").unwrap();
        };
        for name in [
            ".gitignore",
            "flake.nix",
            "deploy.sh",
            "ops/server.service",
            ".github/workflows/deploy.yml",
            "main.go",
            "main_test.go",
            "node_modules/x/index.js",
            "other/flake.nix",
            "other/deploy.sh",
            "text/ignored.sh",
            "Dockerfile",
            "README.md",
        ] {
            write(name);
        }
        std::fs::write(folder.path().join("binary.sh"), b"a\0b").unwrap();
        let found = walk(folder.path(), None);
        let names = |list: &[(String, String)]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&found.units), ["ops/server.service"]);
        assert_eq!(names(&found.scripts), [".github/workflows/deploy.yml", "deploy.sh"]);
        assert_eq!(names(&found.others), ["Dockerfile", "main.go"]);
    }
}
