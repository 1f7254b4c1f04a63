//! How a release is called. The name tells the commit, and differs whenever what is deployed differs.

use sha2::{Digest, Sha256};

use crate::model::names::{Commit, ReleaseId, StorePath};
use crate::model::server::ServerState;
use crate::tools::source::Source;

/// The release's name: the commit's, unless the server knows that name with another closure or other assets.
pub fn choose_id(
    source: &Source,
    store_path: &StorePath,
    assets: Option<&StorePath>,
    state: &ServerState,
) -> ReleaseId {
    let usual = release_id(source, store_path, assets);
    let with = assets.map_or("", StorePath::as_str);
    let mut known = state.history.entries.iter().filter(|entry| entry.release.as_ref() == Some(&usual));
    let other = known.any(|entry| {
        entry.store_path.as_ref().is_some_and(|path| path != store_path)
            || entry.assets.as_ref().is_some_and(|assets| assets != with)
    });
    match &source.commit {
        Some(commit) if other => other_output_id(commit, store_path, assets),
        _ => usual,
    }
}

/// A commit's hash; `<hash>-dirty-<8>` for uncommitted changes; `tree-<8>` where there is no commit. The eight
/// characters depend on the output and on the assets, so that other assets make another release too.
fn release_id(source: &Source, store_path: &StorePath, assets: Option<&StorePath>) -> ReleaseId {
    match (&source.commit, source.dirty) {
        (Some(commit), false) => known(commit.to_string()),
        (Some(commit), true) => known(format!("{commit}-dirty-{}", output_hash(store_path, assets))),
        (None, _) => known(format!("tree-{}", output_hash(store_path, assets))),
    }
}

/// `<hash>-<8>`: for a commit that was live with another output (another `package` or `system`).
fn other_output_id(commit: &Commit, store_path: &StorePath, assets: Option<&StorePath>) -> ReleaseId {
    known(format!("{commit}-{}", output_hash(store_path, assets)))
}

/// The first eight hexadecimal digits of the SHA-256 over the paths, a line each.
fn output_hash(store_path: &StorePath, assets: Option<&StorePath>) -> String {
    let mut hash = Sha256::new();
    for path in std::iter::once(store_path).chain(assets) {
        hash.update(path.as_str());
        hash.update("\n");
    }
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[expect(clippy::expect_used, reason = "hexadecimal digits and dashes are a release's name by its rules")]
fn known(text: String) -> ReleaseId {
    text.parse().expect("a hash with a suffix is a release's name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_commits_and_outputs_apart() {
        let commit: Commit = "2b96440391956cf3793812b854f166fd3ab761f5".parse().unwrap();
        let path: StorePath = "/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-ab".parse().unwrap();
        let assets: StorePath = "/nix/store/z98r657p9cv63xjm7k33pwwnlylm1bjr-ab-assets".parse().unwrap();
        let mut source = Source {
            folder: "/x".into(),
            repo: None,
            commit: Some(commit.clone()),
            subject: None,
            dirty: false,
        };
        assert_eq!(release_id(&source, &path, Some(&assets)).as_str(), commit.as_str());
        source.dirty = true;
        let dirty = release_id(&source, &path, None);
        // printf '/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-ab\n' | sha256sum
        assert_eq!(dirty.as_str(), format!("{commit}-dirty-492adebd"));
        assert_ne!(dirty, release_id(&source, &path, Some(&assets)));
        assert_eq!(other_output_id(&commit, &path, None).as_str(), format!("{commit}-492adebd"));
        source.commit = None;
        assert_eq!(release_id(&source, &path, None).as_str(), "tree-492adebd");
    }
}
