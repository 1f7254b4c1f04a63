//! What differs between what is live and what is deployed, as values: commits, and what is in the closures.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::names::{Commit, StorePath};

/// How a shallow clone gets the history that it lacks.
pub const DEEPEN: &str = "`git fetch --unshallow`, or `fetch-depth: 0` in actions/checkout, brings the rest";

/// How the new commit stands to the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// It is the same one.
    Same,
    /// It came after it.
    Ahead,
    /// It came before it.
    Behind,
    /// Each has commits that the other has not.
    Diverged,
    /// The live one is not in this repository, or the clone is shallow and its history ends too early.
    Unknown,
}

/// A commit and its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Which.
    pub commit: Commit,
    /// Its first line.
    pub subject: String,
}

/// Commits of one side: how many, and the newest of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// How many.
    pub count: u64,
    /// The newest ones.
    pub newest: Vec<Named>,
}

/// What lies between two commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commits {
    /// The live one.
    pub from: Commit,
    /// The new one.
    pub to: Commit,
    /// How they stand.
    pub relation: Relation,
    /// With `Unknown`: the clone is shallow, and more of the history may tell.
    pub shallow: bool,
    /// What comes.
    pub coming: Side,
    /// What goes.
    pub leaving: Side,
}

/// A path of a closure and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    /// Which path.
    pub path: StorePath,
    /// Its size as a NAR.
    pub bytes: u64,
}

/// What happened to all paths of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The name without its version: `openssl`.
    pub name: String,
    /// The versions before; none: the name is new.
    pub before: Option<Vec<String>>,
    /// The versions after; none: the name is gone. The same as before: it was built anew.
    pub after: Option<Vec<String>>,
    /// By how much its paths grew.
    pub bytes: i64,
}

/// Two closures compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Closures {
    /// The size of the live one.
    pub before: u64,
    /// The size of the new one.
    pub after: u64,
    /// What changed, what grew or shrank most first.
    pub changes: Vec<Change>,
}

/// The paths of one name in one closure.
#[derive(Default)]
struct Group<'a> {
    paths: BTreeSet<&'a StorePath>,
    versions: BTreeSet<&'a str>,
    bytes: u64,
}

/// Compares, name by name. Names whose paths are the same are left out.
pub fn compare(before: &[Sized], after: &[Sized]) -> Closures {
    let (old, new) = (groups(before), groups(after));
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let mut changes: Vec<Change> = names
        .into_iter()
        .filter(|name| old.get(name).map(|group| &group.paths) != new.get(name).map(|group| &group.paths))
        .map(|name| Change {
            name: name.to_owned(),
            before: old.get(name).map(Group::versions),
            after: new.get(name).map(Group::versions),
            bytes: size(new.get(name)) - size(old.get(name)),
        })
        .collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.bytes.unsigned_abs()));
    let all = |paths: &[Sized]| paths.iter().map(|path| path.bytes).sum();
    Closures { before: all(before), after: all(after), changes }
}

fn groups(paths: &[Sized]) -> BTreeMap<&str, Group<'_>> {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for Sized { path, bytes } in paths {
        let (name, version) = parts(path.name());
        let group = groups.entry(name).or_default();
        group.paths.insert(path);
        group.versions.insert(version);
        group.bytes += bytes;
    }
    groups
}

fn size(group: Option<&Group<'_>>) -> i64 {
    group.map_or(0, |group| i64::try_from(group.bytes).unwrap_or(i64::MAX))
}

impl Group<'_> {
    fn versions(&self) -> Vec<String> {
        self.versions
            .iter()
            .filter(|version| !version.is_empty())
            .map(|version| (*version).to_owned())
            .collect()
    }
}

/// `openssl` and `3.0.13` of `openssl-3.0.13-bin`, by Nix's own rule: the version begins behind the first dash that no
/// letter follows. The outputs of one package count as one.
fn parts(name: &str) -> (&str, &str) {
    const OUTPUTS: [&str; 7] = ["-bin", "-dev", "-lib", "-man", "-doc", "-info", "-data"];
    let begins = |(at, _): &(usize, &str)| name[at + 1..].starts_with(|c: char| !c.is_ascii_alphabetic());
    let Some((at, _)) = name.match_indices('-').find(begins) else { return (name, "") };
    let version = &name[at + 1..];
    let version = OUTPUTS.iter().find_map(|output| version.strip_suffix(output)).unwrap_or(version);
    (&name[..at], version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closure(paths: &[(&str, u64)]) -> Vec<Sized> {
        let path = |(text, bytes): &(&str, u64)| {
            let (hash, name) = text.split_once(' ').unwrap();
            let path = format!("/nix/store/{}-{name}", hash.repeat(32)).parse().unwrap();
            Sized { path, bytes: *bytes }
        };
        paths.iter().map(path).collect()
    }

    fn said(change: &Change) -> String {
        let side =
            |side: &Option<Vec<String>>| side.as_ref().map_or("none".to_owned(), |list| list.join("+"));
        format!("{} {} → {} {}", change.name, side(&change.before), side(&change.after), change.bytes)
    }

    #[test]
    fn names_are_compared_by_version_and_by_what_they_are() {
        let before = closure(&[
            ("a glibc-2.40-66", 1000),
            ("b glibc-2.40-66-bin", 100),
            ("c zlib-1.3", 50),
            ("d server-0.1.0", 10),
            ("e busybox", 7),
            ("f content", 5),
        ]);
        let after = closure(&[
            ("a glibc-2.40-66", 1000),
            ("1 glibc-2.40-66-bin", 130),
            ("2 server-0.2.0", 12),
            ("e busybox", 7),
            ("3 content", 5),
            ("4 sqlite-3.46.1", 900),
            ("5 sqlite-3.45", 800),
        ]);
        let closures = compare(&before, &after);
        let lines: Vec<String> = closures.changes.iter().map(said).collect();
        assert_eq!(
            lines,
            [
                "sqlite none → 3.45+3.46.1 1700",
                "zlib 1.3 → none -50",
                "glibc 2.40-66 → 2.40-66 30",
                "server 0.1.0 → 0.2.0 2",
                "content  →  0",
            ]
        );
        assert_eq!((closures.before, closures.after), (1172, 2854));
        assert_eq!(compare(&before, &before).changes, []);
    }

    #[test]
    fn a_version_begins_where_nix_says() {
        for (name, parted) in [
            ("server", ("server", "")),
            ("openssl-3.0.13-dev", ("openssl", "3.0.13")),
            ("python3.12-foo-1.0", ("python3.12-foo", "1.0")),
            ("source", ("source", "")),
            ("a-b-c", ("a-b-c", "")),
            ("gcc-13.2.0-lib", ("gcc", "13.2.0")),
            ("x-", ("x-", "")),
        ] {
            assert_eq!(parts(name), parted, "{name}");
        }
    }
}
