//! What a deploy brings in place of what is live: the commits between them, and what the closures differ by. Found beside
//! the copy and the switch, never before them.

use std::path::Path;
use std::time::Duration;

use super::before::Prepared;
use crate::model::difference::{Closures, Commits, Relation, Sized, compare};
use crate::model::event::Event;
use crate::model::names::{Commit, ReleaseId, StorePath};
use crate::remote::{self, Script};
use crate::tools::git;
use crate::tools::nix::Nix;
use crate::tools::nix::json::PathInfo;
use crate::tools::source::Source;
use crate::tools::ssh::Connection;

/// So many commits are named.
const NAMED: usize = 10;
/// How long the server may take to tell of a closure.
const ASKED: Duration = Duration::from_secs(130);
/// How long a plan waits for it.
pub const LONGEST: Duration = Duration::from_secs(150);
/// How long the end of a deploy waits for it: the release is live by then.
pub const GRACE: Duration = Duration::from_secs(5);

/// What is compared.
#[derive(Debug, Clone)]
pub struct Subject {
    source: Source,
    store_path: StorePath,
    closure: Vec<Sized>,
    live: Option<ReleaseId>,
    live_path: Option<StorePath>,
    nix_bin: String,
}

/// What came out; what could not be found out is left out.
#[derive(Debug, Clone, Default)]
pub struct News {
    live: Option<ReleaseId>,
    commits: Option<Commits>,
    closures: Option<Closures>,
}

impl Subject {
    /// What is ready to be made live, and what is now.
    pub fn new(prepared: &Prepared) -> Self {
        let Prepared { source, store_path, assets, state, sending } = prepared;
        // The assets need nothing, and nothing needs them.
        let built = sending.closure.iter().filter(|info| Some(&info.path) != assets.as_ref());
        Subject {
            source: source.clone(),
            store_path: store_path.clone(),
            closure: sized(built.cloned()),
            live: state.current.release().cloned(),
            live_path: state.current_store_path.clone(),
            nix_bin: state.nix_bin.clone().unwrap_or_default(),
        }
    }

    /// Compares.
    pub async fn compare(&self, nix: &Nix, connection: &Connection) -> News {
        let (commits, closures) = tokio::join!(self.commits(), self.closures(nix, connection));
        News { live: self.live.clone(), commits, closures }
    }

    async fn commits(&self) -> Option<Commits> {
        let (repo, to) = (self.source.repo.as_ref()?, self.source.commit.as_ref()?);
        let from = commit_of(self.live.as_ref()?)?;
        git::between(repo, &from, to, NAMED).await.ok()
    }

    async fn closures(&self, nix: &Nix, connection: &Connection) -> Option<Closures> {
        let live = self.live_path.as_ref()?;
        if live == &self.store_path {
            return Some(compare(&self.closure, &self.closure));
        }
        // Who deployed it from this machine has it still, and no server has to be asked.
        let old = match here(nix, live).await {
            Some(old) => old,
            None => there(connection, &self.nix_bin, live).await?,
        };
        Some(compare(&old, &self.closure))
    }
}

/// What a rollback leaves behind, where it is run in the app's repository: it needs none.
pub async fn undone(folder: &Path, live: Option<ReleaseId>, to: ReleaseId) -> Option<Event> {
    let (from, to) = (commit_of(&live?)?, commit_of(&to)?);
    let repo = git::repository(folder).await.ok()?;
    let commits = git::between(&repo, &from, &to, NAMED).await.ok()?;
    let is_known = commits.relation != Relation::Unknown || commits.shallow;
    is_known.then_some(Event::Commits { planned: false, commits })
}

impl News {
    /// As events. What was compared with another release than the one that was live in the end, is not told.
    pub fn events(self, live: Option<&ReleaseId>, planned: bool) -> Vec<Event> {
        if self.live.as_ref() != live {
            return Vec::new();
        }
        let commits = self.commits.map(|commits| Event::Commits { planned, commits });
        let closures = self.closures.map(|closures| Event::Closure { planned, closures });
        commits.into_iter().chain(closures).collect()
    }
}

/// The commit that a release is made of, uncommitted changes or not; none for a folder without git.
fn commit_of(release: &ReleaseId) -> Option<Commit> {
    let name = release.as_str();
    name.split('-').next()?.parse().ok()
}

/// A closure of this machine's store.
async fn here(nix: &Nix, path: &StorePath) -> Option<Vec<Sized>> {
    let infos = nix.closure_infos(std::slice::from_ref(path)).await.ok()?;
    Some(sized(infos.into_iter()))
}

fn sized(infos: impl Iterator<Item = PathInfo>) -> Vec<Sized> {
    infos.map(|info| Sized { path: info.path, bytes: info.size }).collect()
}

/// A closure of the server's.
async fn there(connection: &Connection, nix_bin: &str, path: &StorePath) -> Option<Vec<Sized>> {
    let words = [nix_bin, path.as_str()];
    let lines = connection.ask(Script::Closure, &words, b"", ASKED).await.ok()?;
    pairs(&lines)
}

/// The lines of `closure.sh`: all paths, then as many sizes.
fn pairs(lines: &[String]) -> Option<Vec<Sized>> {
    let words = || lines.iter().filter_map(|line| remote::parse(line));
    let all = |word: &'static str| words().filter(move |(first, _)| *first == word).map(|(_, rest)| rest);
    let paths: Vec<StorePath> = all("path").map(str::parse).collect::<Result<_, _>>().ok()?;
    let sizes: Vec<u64> = all("size").map(str::parse).collect::<Result<_, _>>().ok()?;
    (!paths.is_empty() && paths.len() == sizes.len())
        .then(|| paths.into_iter().zip(sizes).map(|(path, bytes)| Sized { path, bytes }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_tells_its_commit() {
        let hash = "3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a";
        for (name, commit) in [
            (hash, Some(hash)),
            (&format!("{hash}-dirty-0123abcd"), Some(hash)),
            (&format!("{hash}-0123abcd"), Some(hash)),
            ("tree-0123abcd", None),
            ("adopted-20261122T140305Z", None),
        ] {
            assert_eq!(commit_of(&name.parse().unwrap()).as_ref().map(Commit::as_str), commit, "{name}");
        }
    }

    #[test]
    fn half_an_answer_is_none() {
        let path = "/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-ab";
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let whole = format!("@ path {path}\n@ size 12\n");
        assert_eq!(pairs(&lines(&whole)).unwrap()[0].bytes, 12);
        for half in ["", &format!("@ path {path}\n"), &format!("{whole}@ size 1\n"), "@ path x\n@ size 1\n"] {
            assert_eq!(pairs(&lines(half)), None, "{half}");
        }
    }

    #[test]
    fn what_was_compared_with_something_else_is_not_told() {
        let closures = Some(Closures::default());
        let news = |live: &str| News { live: live.parse().ok(), commits: None, closures: closures.clone() };
        let live: ReleaseId = "aaaa".parse().unwrap();
        assert_eq!(news("aaaa").events(Some(&live), false).len(), 1);
        assert_eq!(news("bbbb").events(Some(&live), false), []);
        assert_eq!(news("bbbb").events(None, false), []);
    }
}
