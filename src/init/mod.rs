//! What a folder tells about its deploys, written down as a shipit.toml that says where each value comes from.
//!
//! `walk` finds the files that tell something, `found_unit`, `script` and `source_code` read them, `flake` asks Nix,
//! `draft` decides between what they say, and `text` writes it. `unit` and `github` write what goes with it. Nothing here
//! needs a server.

use std::path::{Path, PathBuf};

use crate::config::nearest;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{AppName, AssetPath, PackageName, RootPath, UnitName};
use crate::tools::cmd::quoted;
use crate::tools::git::{self, Repo};
use crate::tools::source::Source;
use flake::Flake;
use found_unit::FoundUnit;
use key::Key;
use script::Script;
use source_code::SourceCode;

pub mod draft;
pub mod flake;
mod found_unit;
pub mod github;
pub mod key;
mod script;
mod source_code;
pub mod text;
pub mod unit;
mod variables;
mod walk;
pub mod write;

/// What the command line says: it is believed before anything that is found.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--app`
    pub app: Option<AppName>,
    /// `--package`
    pub package: Option<PackageName>,
    /// `--root`
    pub root: Option<RootPath>,
    /// `--unit-name`
    pub unit: Option<UnitName>,
    /// `--asset`, each.
    pub assets: Vec<AssetPath>,
    /// `--health`
    pub health: Option<String>,
    /// `--port`
    pub port: Option<u16>,
    /// The key that closures are signed with.
    pub key: Option<Key>,
    /// Its public half, where a workflow's second job has to know it.
    pub public_key: Option<String>,
}

/// What was found in a folder.
#[derive(Debug, Default)]
pub struct Clues {
    /// The folder's own name.
    folder: String,
    /// What Nix says of the flake.
    pub flake: Flake,
    /// The repository's remote, without what logs in.
    remote: Option<String>,
    /// The branch that is checked out.
    branch: Option<String>,
    units: Vec<FoundUnit>,
    scripts: Vec<Script>,
    code: SourceCode,
    /// Folders of the commit that apps read at run time, by their names.
    folders: Vec<String>,
}

/// Looks at a folder that has a flake.nix.
///
/// # Errors
/// Only where the folder can't be read at all: whatever else can't be read tells nothing.
pub async fn look(folder: &Path, runtime_folder: &Path) -> Outcome<Clues> {
    let repo = git::repository(folder).await.ok();
    let found = walk::walk(folder, repo.as_ref());
    let mut clues = Clues {
        folder: folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        flake: flake::look(folder, repo.as_ref(), runtime_folder).await?,
        units: found.units.iter().filter_map(|(name, text)| FoundUnit::read(name, text)).collect(),
        scripts: found.scripts.iter().filter_map(|(name, text)| Script::read(name, text)).collect(),
        code: SourceCode::read(&found.others),
        ..Clues::default()
    };
    if let Some(repo) = &repo {
        clues.remote = git::remote(repo).await.ok().flatten().and_then(|url| without_login(&url));
        clues.branch = git::branch(repo).await.ok().flatten();
    }
    for name in walk::RUNTIME_FOLDERS {
        if is_part(folder, repo.as_ref(), name).await && clues.code.speaks_of(name) {
            clues.folders.push((*name).to_owned());
        }
    }
    for path in clues.code.nested(walk::RUNTIME_FOLDERS) {
        if is_part(folder, repo.as_ref(), &path).await {
            clues.folders.push(path);
        }
    }
    for script in &mut clues.scripts {
        let mut copied = Vec::new();
        for path in std::mem::take(&mut script.copied) {
            if is_part(folder, repo.as_ref(), &path).await {
                copied.push(path);
            }
        }
        script.copied = copied;
    }
    Ok(clues)
}

/// Whether a folder has a unit that could run an app.
pub async fn has_unit(folder: &Path) -> bool {
    let repo = git::repository(folder).await.ok();
    let found = walk::walk(folder, repo.as_ref());
    found.units.iter().any(|(name, text)| FoundUnit::read(name, text).is_some())
}

/// The first of these assets that is no part of what is deployed from a folder.
///
/// # Errors
/// [`Kind::Usage`]: it is not there, or git ignores it.
pub async fn are_part(folder: &Path, assets: &[AssetPath]) -> Outcome<()> {
    let repo = git::repository(folder).await.ok();
    for asset in assets {
        if is_part(folder, repo.as_ref(), asset.as_str()).await {
            continue;
        }
        if folder.join(asset.as_str()).exists() {
            return Err(Failure::msg(Kind::Usage, format!("no commit has `{asset}`: git ignores it"))
                .hint(format!("to deploy it all the same: git add -f {}", quoted(asset.as_str().as_ref()))));
        }
        let failure = Failure::msg(Kind::Usage, format!("there is no `{asset}` in {}", folder.display()));
        let there = walk::beside(folder, asset.as_str());
        return Err(match nearest(asset.as_str(), there.iter().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean `--asset {near}`?")),
            None => {
                failure.hint("--asset names a file or folder of the commit, from the folder of shipit.toml")
            }
        });
    }
    Ok(())
}

/// Folders near one without a flake that have one: below it, or else above it as far as its repository goes.
pub fn flakes_near(folder: &Path) -> Vec<PathBuf> {
    let below = walk::flakes(folder);
    if !below.is_empty() {
        return below;
    }
    for above in folder.ancestors() {
        if above.join("flake.nix").is_file() {
            return vec![above.to_owned()];
        }
        if above.join(".git").symlink_metadata().is_ok() {
            break;
        }
    }
    Vec::new()
}

/// Whether a path belongs to what is deployed, or will when it is committed: there is something that git does not ignore.
async fn is_part(folder: &Path, repo: Option<&Repo>, path: &str) -> bool {
    match repo {
        _ if path.parse::<AssetPath>().is_err() || !folder.join(path).exists() => false,
        Some(repo) => {
            let files = git::working_files(repo, &[Source::in_repo(repo, path)]).await;
            files.is_ok_and(|files| !files.is_empty())
        }
        None => true,
    }
}

/// A remote's address as one may show it: `github.com/anna/server`. A token can stand before an `@`.
fn without_login(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path_at = rest.find(['/', ':']).unwrap_or(rest.len());
    let rest = match rest[..path_at].rfind('@') {
        Some(at) => &rest[at + 1..],
        // `user:token@host/…`
        None => {
            rest.split_once('@').map_or(rest, |(login, host)| if login.contains('/') { rest } else { host })
        }
    };
    let rest = rest.trim_end_matches('/');
    let rest = rest.strip_suffix(".git").unwrap_or(rest).replacen(':', "/", 1);
    let plain = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || "._/-~+".contains(c));
    plain.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_shown_without_what_logs_in() {
        for (url, shown) in [
            ("git@github.com:anna/server.git", Some("github.com/anna/server")),
            ("https://anna:s3cr3t@git.example/anna/server.git", Some("git.example/anna/server")),
            ("https://s3cr3t@git.example/server/", Some("git.example/server")),
            ("ssh://git@git.example:2222/server", Some("git.example/2222/server")),
            ("/srv/git/server.git", Some("/srv/git/server")),
            ("../server", Some("../server")),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(without_login(url).as_deref(), shown, "{url}");
        }
    }

    #[tokio::test]
    async fn an_asset_that_is_named_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("web/views")).unwrap();
        let asked = async |path: &str| are_part(folder.path(), &[path.parse().unwrap()]).await;
        asked("web/views").await.unwrap();
        for (path, hint) in [
            ("web/veiws", "did you mean `--asset web/views`?"),
            ("wep", "did you mean `--asset web`?"),
            ("nope", "--asset names a file or folder of the commit, from the folder of shipit.toml"),
        ] {
            let failure = asked(path).await.unwrap_err();
            assert_eq!((failure.kind, failure.hints[0].as_str()), (Kind::Usage, hint));
        }
    }
}
