//! The paths of the commit that lie beside `result`, as one store path. It is named by its contents: no signature is
//! needed for it, the same assets are never sent twice, and Nix checks what arrives.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::build::explain_nix;
use super::source::explain;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{AppName, AssetPath, StorePath};
use crate::tools::git::{self, Repo};
use crate::tools::nix::Nix;
use crate::tools::source::Source;

/// Puts the assets of the source into the store, as `<app>-assets`; nothing when there are none. `scratch` is the
/// private folder of this run.
pub async fn assets(
    nix: &Nix,
    source: &Source,
    app: &AppName,
    assets: &[AssetPath],
    scratch: &Path,
) -> Outcome<Option<StorePath>> {
    if assets.is_empty() {
        return Ok(None);
    }
    let work = tempfile::Builder::new()
        .prefix("assets-")
        .tempdir_in(scratch)
        .map_err(|error| local(&error, scratch))?;
    let wanted: BTreeSet<String> = assets.iter().map(clean).collect();
    let laid_out = match (&source.repo, &source.commit) {
        (Some(repo), Some(commit)) if !source.dirty => {
            check_out(source, repo, commit, &wanted, work.path()).await?
        }
        _ => copy_tree(source, &wanted, work.path()).await?,
    };
    links_stay_inside(&laid_out)?;
    // The store path takes its name from the folder.
    let named = work.path().join(format!("{app}-assets"));
    fs::rename(&laid_out, &named).map_err(|error| local(&error, &named))?;
    let path = nix.add(&named).await.map_err(|error| explain_nix(Kind::Build, error))?;
    Ok(Some(path))
}

/// `./views/.` → `views`
fn clean(asset: &AssetPath) -> String {
    asset.as_str().split('/').filter(|part| *part != ".").collect::<Vec<_>>().join("/")
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The files of the commit, written by git: as a checkout would have them.
async fn check_out(
    source: &Source,
    repo: &Repo,
    commit: &crate::model::names::Commit,
    wanted: &BTreeSet<String>,
    work: &Path,
) -> Outcome<PathBuf> {
    let paths: Vec<String> = wanted.iter().map(|path| Source::in_repo(repo, path)).collect();
    let entries = git::files(repo, commit, &paths).await.map_err(|error| explain(error, Some(repo)))?;
    for (path, asset) in paths.iter().zip(wanted) {
        if !entries.iter().any(|entry| is_at_or_below(&entry.path, path)) {
            let failure = Failure::msg(Kind::Usage, format!("commit {} has no `{asset}`", commit.short()))
                .hint("`assets` in shipit.toml names paths of the commit, relative to shipit.toml");
            return Err(if source.folder.join(asset).exists() {
                failure.hint(format!("`git add {asset}`, then commit (an ignored path needs `git add -f`)"))
            } else {
                failure
            });
        }
    }
    if let Some(entry) = entries.iter().find(|entry| entry.submodule) {
        return Err(Failure::msg(
            Kind::Usage,
            format!(
                "the asset `{}` is a submodule, whose files commit {} does not have",
                entry.path,
                commit.short()
            ),
        )
        .hint("let the flake's package bring these files, or commit them"));
    }
    let out = work.join("checkout");
    fs::create_dir(&out).map_err(|error| local(&error, &out))?;
    let files: Vec<String> = entries.into_iter().map(|entry| entry.path).collect();
    git::check_out(repo, commit, &files, &out, work).await.map_err(|error| explain(error, Some(repo)))?;
    Ok(if repo.prefix.is_empty() { out } else { out.join(&repo.prefix) })
}

/// The files of the working tree: what git tracks, and what it does not ignore; without git, all that no .gitignore
/// below the asset names.
async fn copy_tree(source: &Source, wanted: &BTreeSet<String>, work: &Path) -> Outcome<PathBuf> {
    let out = work.join("copy");
    for asset in wanted {
        let at = source.folder.join(asset);
        if fs::symlink_metadata(&at).is_err() {
            return Err(Failure::msg(
                Kind::Usage,
                format!("there is no `{asset}` in {}", source.folder.display()),
            )
            .hint("`assets` in shipit.toml names paths relative to shipit.toml"));
        }
        let files = match &source.repo {
            Some(repo) => {
                let path = Source::in_repo(repo, asset);
                let listed = git::working_files(repo, &[path]).await;
                let listed = listed.map_err(|error| explain(error, Some(repo)))?;
                let prefix = if repo.prefix.is_empty() { String::new() } else { format!("{}/", repo.prefix) };
                listed
                    .iter()
                    .filter_map(|file| file.strip_prefix(&prefix))
                    // A tracked file that was deleted is listed too.
                    .filter(|file| fs::symlink_metadata(source.folder.join(file)).is_ok())
                    .map(PathBuf::from)
                    .collect()
            }
            None => walk(&source.folder, asset)?,
        };
        if files.is_empty() {
            return Err(Failure::msg(
                Kind::Usage,
                format!("the asset `{asset}` is empty, or git ignores it"),
            )
            .hint(format!("`git add -f {asset}` adds an ignored path")));
        }
        for file in files {
            let (from, to) = (source.folder.join(&file), out.join(&file));
            copy_file(&from, &to).map_err(|error| local(&error, &from))?;
        }
    }
    Ok(out)
}

fn walk(folder: &Path, asset: &str) -> Outcome<Vec<PathBuf>> {
    let walk = ignore::WalkBuilder::new(folder.join(asset))
        .hidden(false)
        .parents(false)
        .ignore(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| {
            Failure::new(
                Kind::Usage,
                anyhow::Error::new(error).context(format!("can't read the asset `{asset}`")),
            )
        })?;
        if entry.file_type().is_some_and(|kind| kind.is_dir()) {
            continue;
        }
        if let Ok(file) = entry.path().strip_prefix(folder) {
            files.push(file.to_owned());
        }
    }
    Ok(files)
}

/// One file: a link stays a link, the executable bit stays (`fs::copy` keeps the mode). Sockets and the like are not
/// what anybody deploys.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)
    } else if kind.is_file() {
        fs::copy(from, to).map(|_| ())
    } else if kind.is_dir() {
        // A submodule or a repository of its own, as git lists it.
        Err(io::Error::other("is a git repository of its own, whose files are not deployed"))
    } else {
        Err(io::Error::other("is neither a file, a folder nor a link"))
    }
}

/// A link that leaves the assets would point at another thing on the server than here.
fn links_stay_inside(root: &Path) -> Outcome<()> {
    let walk = ignore::WalkBuilder::new(root).standard_filters(false).build();
    for entry in walk {
        let entry = entry.map_err(|error| Failure::new(Kind::Bug, error))?;
        if !entry.path_is_symlink() {
            continue;
        }
        let target = fs::read_link(entry.path()).map_err(|error| local(&error, entry.path()))?;
        let place = entry.path().strip_prefix(root).unwrap_or(entry.path());
        if leaves(root, entry.path(), &target) {
            return Err(Failure::msg(
                Kind::Usage,
                format!(
                    "the asset `{}` is a link to {}, outside of the assets",
                    place.display(),
                    target.display()
                ),
            )
            .hint("make it a relative link to a path below shipit.toml, or a file"));
        }
    }
    Ok(())
}

/// By its text, which must not climb above the top; and, where it leads to something, by where that is.
fn leaves(root: &Path, link: &Path, target: &Path) -> bool {
    let mut depth = link.strip_prefix(root).map_or(0, |place| place.components().count()).saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Prefix(_) | Component::RootDir => return true,
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
        }
    }
    match (link.canonicalize(), root.canonicalize()) {
        (Ok(there), Ok(root)) => !there.starts_with(root),
        _ => false,
    }
}

fn local(error: &io::Error, path: &Path) -> Failure {
    Failure::msg(Kind::Usage, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::source::{Wanted, find};
    use crate::model::event::Events;
    use crate::tools::git::tests::Try;
    use crate::tools::nix::tests::nix;
    use std::os::unix::fs::{PermissionsExt, symlink};

    async fn take(it: &Try, allow_dirty: bool, wanted: &[&str]) -> Outcome<Option<StorePath>> {
        let folder = it.path().join("app ü");
        let wanted: Vec<AssetPath> = wanted.iter().map(|text| text.parse().unwrap()).collect();
        let source = find(&folder, Wanted { rev: None, allow_dirty }, &Events::channel().0).await.unwrap();
        let scratch = tempfile::tempdir().unwrap();
        assets(&nix(), &source, &"shop".parse().unwrap(), &wanted, scratch.path()).await
    }

    /// Every file with its mode bit and text, every link with its target.
    fn tree(path: &StorePath) -> Vec<String> {
        let root = Path::new(path.as_str());
        let mut seen: Vec<String> = ignore::WalkBuilder::new(root)
            .standard_filters(false)
            .build()
            .map(Result::unwrap)
            .filter(|entry| !entry.file_type().unwrap().is_dir())
            .map(|entry| {
                let place = entry.path().strip_prefix(root).unwrap().display().to_string();
                if entry.path_is_symlink() {
                    return format!("{place} -> {}", fs::read_link(entry.path()).unwrap().display());
                }
                let mode = entry.metadata().unwrap().permissions().mode();
                let x = if mode & 0o100 == 0 { "" } else { "*" };
                format!("{place}{x} {}", fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        seen.sort();
        seen
    }

    async fn app() -> Try {
        let it = Try::new().await;
        it.write("app ü/flake.nix", "{}");
        it.write("app ü/views/a.html", "a\n");
        it.write("app ü/views/sub dir/ü", "ü\n");
        it.write("app ü/views/run", "#!\n");
        it.write("app ü/views/[x]*", "glob\n");
        it.write("app ü/views2/no", "not an asset\n");
        it.write("app ü/public/.well-known/x", "x\n");
        it.write("app ü/.gitignore", "*.tmp\n");
        it.write(".gitattributes", "*.html text eol=crlf\n*.bin export-ignore\n");
        it.write("app ü/public/y.bin", "bin\n");
        let run = it.path().join("app ü/views/run");
        fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
        symlink("../public/y.bin", it.path().join("app ü/views/link")).unwrap();
        symlink("sub dir", it.path().join("app ü/views/folder")).unwrap();
        it
    }

    #[tokio::test]
    async fn a_commits_assets_are_those_of_the_commit() {
        let it = app().await;
        it.commit("one").await;
        it.write("app ü/views/later", "not in the commit\n");
        let path =
            take(&it, false, &["./views", "public/.well-known", "public/y.bin"]).await.unwrap().unwrap();
        assert_eq!(path.name(), "shop-assets");
        assert_eq!(
            tree(&path),
            [
                "public/.well-known/x x\n",
                "public/y.bin bin\n",
                "views/[x]* glob\n",
                // What .gitattributes says holds, as in any checkout.
                "views/a.html a\r\n",
                "views/folder -> sub dir",
                "views/link -> ../public/y.bin",
                "views/run* #!\n",
                "views/sub dir/ü ü\n",
            ]
        );
        assert_eq!(it.git(&["status", "--porcelain"]).await, "?? \"app \\303\\274/views/later\"");
        assert_eq!(take(&it, false, &[]).await.unwrap(), None);

        for asset in ["views/later", "view", "nope", "*"] {
            let failure = take(&it, false, &["views", asset]).await.unwrap_err();
            assert_eq!(failure.kind, Kind::Usage);
            assert!(failure.error.to_string().ends_with(&format!("has no `{asset}`")), "{}", failure.error);
        }
    }

    #[tokio::test]
    async fn a_working_trees_assets_are_what_is_not_ignored() {
        let it = app().await;
        it.commit("one").await;
        it.write("app ü/views/later", "new\n");
        it.write("app ü/views/x.tmp", "ignored\n");
        it.write("app ü/views/a.html", "changed\n");
        fs::remove_file(it.path().join("app ü/views/run")).unwrap();
        let path = take(&it, true, &["views"]).await.unwrap().unwrap();
        let expected = [
            "views/[x]* glob\n",
            "views/a.html changed\n",
            "views/folder -> sub dir",
            "views/later new\n",
            "views/link -> ../public/y.bin",
            "views/sub dir/ü ü\n",
        ];
        assert_eq!(tree(&path), expected);
        let failure = take(&it, true, &["views/x.tmp"]).await.unwrap_err();
        assert!(failure.hints[0].contains("git add -f"), "{failure:?}");
        assert!(take(&it, true, &["nope"]).await.is_err());

        fs::remove_dir_all(it.path().join(".git")).unwrap();
        fs::copy(it.path().join("app ü/.gitignore"), it.path().join("app ü/views/.gitignore")).unwrap();
        let path = take(&it, true, &["views"]).await.unwrap().unwrap();
        assert_eq!(tree(&path)[1..], expected);
        assert_eq!(tree(&path)[0], "views/.gitignore *.tmp\n");
    }

    #[tokio::test]
    async fn links_that_leave_are_refused() {
        for target in ["/etc/passwd", "../../x", "../views/../../x", "up/../x"] {
            let it = app().await;
            symlink(".", it.path().join("app ü/views/up")).unwrap();
            symlink(target, it.path().join("app ü/views/bad")).unwrap();
            it.commit("one").await;
            let taken = take(&it, false, &["views"]).await;
            if target == "up/../x" {
                // It climbs nowhere.
                taken.unwrap();
                continue;
            }
            let failure = taken.unwrap_err();
            assert_eq!(failure.kind, Kind::Usage);
            let text = failure.error.to_string();
            assert_eq!(text, format!("the asset `views/bad` is a link to {target}, outside of the assets"));
        }
    }
}
