//! What is deployed, as a value, and how Nix is told of it.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::git::Repo;
use crate::model::names::{Commit, PackageName, System};

/// What is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The folder of shipit.toml and flake.nix: absolute, links resolved.
    pub folder: PathBuf,
    /// The repository around it; none when there is none or git is not installed.
    pub repo: Option<Repo>,
    /// The commit; with `dirty`, the one that was changed. None before the first one and without git.
    pub commit: Option<Commit>,
    /// Its first line.
    pub subject: Option<String>,
    /// The working tree is deployed, with what is not committed.
    pub dirty: bool,
}

impl Source {
    /// For the screen: `3f9c2d1`, `3f9c2d1 with uncommitted changes`, or the folder.
    pub fn describe(&self) -> String {
        match (&self.commit, self.dirty) {
            (Some(commit), false) => format!("commit {}", commit.short()),
            (Some(commit), true) => format!("commit {} with uncommitted changes", commit.short()),
            (None, _) => format!("the folder {}", self.folder.display()),
        }
    }

    /// A path of this folder as git says it: from the top of the repository.
    pub fn in_repo(repo: &Repo, path: &str) -> String {
        if repo.prefix.is_empty() { path.to_owned() } else { format!("{}/{path}", repo.prefix) }
    }
}

/// A flake's output in the words of `nix build`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installable {
    /// `git+file:///src/app?rev=…#packages.x86_64-linux.default`
    pub text: String,
    /// Where `nix build` must run for it; none: anywhere.
    pub cwd: Option<PathBuf>,
    /// A link that must be there while it runs: where, and to what.
    pub link: Option<(PathBuf, PathBuf)>,
}

/// What need not be encoded in a path of a URL, for any Nix.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b'+')
    .remove(b'@');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

fn is_plain(text: &str) -> bool {
    encoded(text) == text
}

/// How Nix is told of the source. Old versions (2.8 among them) take the path of a `git+file:` URL without decoding
/// it, so a folder whose name needs encoding is reached through a link in `scratch`, a private folder with a plain
/// name:
///
/// - the folder above it, when only that has an odd name: this serves commits and working trees;
/// - the top folder itself, for a commit. A working tree can't be read through such a link, so it keeps its encoded
///   name, which newer versions understand.
pub fn installable(source: &Source, package: &PackageName, system: &System, scratch: &Path) -> Installable {
    let attribute =
        format!("packages.{}.{}", attribute_part(system.as_str()), attribute_part(package.as_str()));
    flake_output(source, &attribute, scratch)
}

/// The same for any output, by its attribute path.
pub fn flake_output(source: &Source, attribute: &str, scratch: &Path) -> Installable {
    let Some(repo) = &source.repo else {
        // `path:` is not decoded either; the working folder needs no name.
        let folder = source.folder.to_string_lossy();
        return if is_plain(&folder) {
            Installable { text: format!("path:{folder}#{attribute}"), cwd: None, link: None }
        } else {
            Installable { text: format!(".#{attribute}"), cwd: Some(source.folder.clone()), link: None }
        };
    };

    let (path, link) = plain_path(&repo.toplevel, source.dirty, scratch);
    let mut query = Vec::new();
    if !source.dirty {
        if let Some(commit) = &source.commit {
            query.push(format!("rev={commit}"));
        }
        // Newer versions refuse a shallow clone without it; elsewhere it would take `self.revCount` away.
        if repo.shallow {
            query.push("shallow=1".to_owned());
        }
    }
    if !repo.prefix.is_empty() {
        query.push(format!("dir={}", encoded(&repo.prefix)));
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    Installable { text: format!("git+file://{path}{query}#{attribute}"), cwd: None, link }
}

/// The path to write into the URL, and the link that makes it true.
fn plain_path(toplevel: &Path, dirty: bool, scratch: &Path) -> (String, Option<(PathBuf, PathBuf)>) {
    let text = toplevel.to_string_lossy();
    let link = scratch.join("source");
    if is_plain(&text) || !is_plain(&link.to_string_lossy()) {
        return (encoded(&text), None);
    }
    let name = toplevel.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    match toplevel.parent() {
        Some(parent) if is_plain(&name) => {
            (link.join(name.as_ref()).to_string_lossy().into_owned(), Some((link, parent.to_owned())))
        }
        _ if dirty => (encoded(&text), None),
        _ => (link.to_string_lossy().into_owned(), Some((link, toplevel.to_owned()))),
    }
}

/// One part of an attribute path. Nix splits at dots, unless they are quoted.
fn attribute_part(name: &str) -> String {
    if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "2b96440391956cf3793812b854f166fd3ab761f5";

    fn told(toplevel: &str, prefix: &str, shallow: bool, dirty: bool) -> Installable {
        let repo = Repo { toplevel: toplevel.into(), prefix: prefix.into(), shallow };
        let source = Source {
            folder: Path::new(toplevel).join(prefix),
            repo: Some(repo),
            commit: Some(COMMIT.parse().unwrap()),
            subject: None,
            dirty,
        };
        tell(&source, "default")
    }

    fn tell(source: &Source, package: &str) -> Installable {
        installable(source, &package.parse().unwrap(), &"x86_64-linux".parse().unwrap(), Path::new("/run/x"))
    }

    #[test]
    fn a_commit_is_named_by_its_hash() {
        let out = "#packages.x86_64-linux.default";
        assert_eq!(told("/src/app", "", false, false).text, format!("git+file:///src/app?rev={COMMIT}{out}"));
        assert_eq!(
            told("/src/app", "a b/ü&c", true, false).text,
            format!("git+file:///src/app?rev={COMMIT}&shallow=1&dir=a%20b/%C3%BC%26c{out}")
        );
        assert_eq!(told("/src/app", "", true, true).text, format!("git+file:///src/app{out}"));
        assert_eq!(told("/src/app", "sub", false, true).text, format!("git+file:///src/app?dir=sub{out}"));
    }

    #[test]
    fn an_odd_folder_is_reached_through_a_link() {
        let link = |to: &str| Some((PathBuf::from("/run/x/source"), PathBuf::from(to)));
        let by_parent = told("/my src/app", "", false, true);
        assert_eq!(by_parent.text, "git+file:///run/x/source/app#packages.x86_64-linux.default");
        assert_eq!(by_parent.link, link("/my src"));
        let itself = told("/src/my%20app", "", false, false);
        assert!(itself.text.starts_with("git+file:///run/x/source?rev="), "{}", itself.text);
        assert_eq!(itself.link, link("/src/my%20app"));
        let dirty = told("/src/my app", "", false, true);
        assert_eq!((dirty.text.split('#').next(), dirty.link), (Some("git+file:///src/my%20app"), None));
    }

    #[test]
    fn without_git_it_is_the_folder() {
        let mut source =
            Source { folder: "/src/app".into(), repo: None, commit: None, subject: None, dirty: true };
        assert_eq!(tell(&source, "a.b").text, "path:/src/app#packages.x86_64-linux.\"a.b\"");
        source.folder = "/src/my app".into();
        let odd = tell(&source, "default");
        assert_eq!(
            (odd.text.as_str(), odd.cwd),
            (".#packages.x86_64-linux.default", Some("/src/my app".into()))
        );
    }
}
