//! What a person should know of the commit that is deployed, and that stops nothing. Where git can't tell, nothing is said.

use std::path::Path;

use super::listed;
use crate::model::event::Events;
use crate::model::failure::Failure;
use crate::model::names::Commit;
use crate::tools::git::{self, Repo};
use crate::tools::source::Source;

/// How many submodules or files a warning lists.
const LISTED: usize = 5;

/// A secret that git tracks is none: whoever reads the code has it, and so has everybody who can read the store.
pub async fn tracked_key(source: &Source, key_file: &Path, events: &Events) {
    let Some(repo) = &source.repo else { return };
    let file = key_file.canonicalize().unwrap_or_else(|_| key_file.to_owned());
    let Some(below) = file.strip_prefix(&repo.toplevel).ok().and_then(Path::to_str) else { return };
    if git::is_tracked(repo, below).await.unwrap_or(false) {
        events.warn(format!(
            "git tracks the signing key {below}, so whoever can read the repository can sign: make another one outside of it, and \
             trust this one nowhere"
        ));
    }
}

/// Git has taken one of several things that a name stands for.
pub(super) fn ambiguous(rev: &str, commit: &Commit, events: &Events) {
    events.warn(format!(
        "`{rev}` names more than one thing here, of which git takes {}; `refs/heads/…` or `refs/tags/…` names only one",
        commit.short()
    ));
}

/// A branch that was fetched and never checked out, as all of them are in CI, is not known by its bare name.
pub(super) async fn elsewhere(repo: &Repo, rev: &str, failure: Failure) -> Failure {
    match git::commit(repo, &format!("refs/remotes/origin/{rev}")).await {
        Ok(_) => failure.hint(format!("there is a branch of that name at the remote: `origin/{rev}`")),
        Err(_) => failure,
    }
}

/// What is live then is in no branch, and GitHub drops it sooner or later.
pub(super) async fn trial_merge(repo: &Repo, commit: &Commit, events: &Events) {
    if let Ok(Some(number)) = git::trial_merge(repo, commit).await {
        events.warn(format!(
            "{} is GitHub's trial merge of pull request {number}: no branch has this commit, and the real merge will \
             be another one",
            commit.short()
        ));
    }
}

/// Only a warning, because many a submodule is not needed by the build, and a build that needs one fails without its
/// files. They are not asked for by `submodules=1`: Nix would fetch each from where .gitmodules says, and not from the
/// checkout, without the credentials that it was made with.
pub(super) async fn submodules(repo: &Repo, commit: &Commit, events: &Events) {
    let found = git::submodules(repo, commit).await.unwrap_or_default();
    if !found.is_empty() && !asks_for(repo, commit, "submodules").await {
        events.warn(format!(
            "Nix builds without the files of submodules: {}; `inputs.self.submodules = true` in flake.nix asks for them \
             (Nix 2.27 and later)",
            listed(&found, LISTED).join(", ")
        ));
    }
}

/// Old versions of Nix give the build what a checkout would have, newer ones what is in the commit.
pub(super) async fn lfs(repo: &Repo, commit: &Commit, events: &Events) {
    let found = git::lfs_pointers(repo, commit).await.unwrap_or_default();
    if !found.is_empty() && !asks_for(repo, commit, "lfs").await {
        events.warn(format!(
            "Nix may build with pointers in place of files that git-lfs keeps: {}; `inputs.self.lfs = true` in flake.nix \
             asks for the files (Nix 2.27 and later)",
            listed(&found, LISTED).join(", ")
        ));
    }
}

/// Whether the flake itself asks for more than Nix takes by default. A Nix that does not know how refuses it.
async fn asks_for(repo: &Repo, commit: &Commit, word: &str) -> bool {
    let flake = git::text(repo, commit, &Source::in_repo(repo, "flake.nix")).await.unwrap_or_default();
    flake.split_whitespace().collect::<String>().contains(&format!("{word}=true"))
}
