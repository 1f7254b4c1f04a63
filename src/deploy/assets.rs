//! The paths of the commit that lie beside `result`, as one store path. It is named by its contents: no signature is
//! needed for it, the same assets are never sent twice, and Nix checks what arrives.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
        if let Some(link) = link_above(&source.folder, Path::new(asset)) {
            return Err(Failure::msg(
                Kind::Usage,
                format!("the asset `{asset}` lies behind the link `{}`", link.display()),
            )
            .hint("name the folder that the link leads to, if it is one below shipit.toml"));
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
                    .map(PathBuf::from)
                    // A tracked file that was deleted is listed too, and one whose folder has become a link.
                    .filter(|file| fs::symlink_metadata(source.folder.join(file)).is_ok())
                    .filter(|file| link_above(&source.folder, file).is_none())
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

/// The nearest folder on the way to a path, itself not counted, that is a link: what lies behind it may be anywhere.
fn link_above(folder: &Path, path: &Path) -> Option<PathBuf> {
    let above: Vec<&Path> = path.ancestors().skip(1).filter(|part| !part.as_os_str().is_empty()).collect();
    above.into_iter().rev().find(|part| folder.join(part).is_symlink()).map(Path::to_owned)
}

fn walk(folder: &Path, asset: &str) -> Outcome<Vec<PathBuf>> {
    // The walk would follow a link that it begins with.
    if folder.join(asset).is_symlink() {
        return Ok(vec![PathBuf::from(asset)]);
    }
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

/// More links than this on one way, and the kernel gives up as well.
const MOST_LINKS: usize = 40;

/// Goes the link's way part by part, through the links on it, as the kernel does on the server. What is not there is
/// taken for a folder: it may be one there.
fn leaves(root: &Path, link: &Path, target: &Path) -> bool {
    let parts = |path: &Path| -> Vec<OsString> {
        // From the last to the first, so that the next one is popped.
        path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
    };
    let folder = link.parent().and_then(|folder| folder.strip_prefix(root).ok()).unwrap_or(Path::new(""));
    let mut place = folder.to_owned();
    let mut way = parts(target);
    let mut links = 0;
    while let Some(part) = way.pop() {
        if part == "/" {
            return true;
        }
        if part == ".." {
            if !place.pop() {
                return true;
            }
            continue;
        }
        if part == "." {
            continue;
        }
        place.push(&part);
        if let Ok(further) = fs::read_link(root.join(&place)) {
            links += 1;
            if links > MOST_LINKS {
                // A ring leads nowhere.
                return false;
            }
            place.pop();
            way.extend(parts(&further));
        }
    }
    false
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
        // The last ones climb nowhere by their text alone: `up` is the folder that it lies in.
        for target in [
            "/etc/passwd",
            "../../x",
            "../views/../../x",
            "up/../x",
            "up/up/../../x",
            "up/up/up/../../../../etc",
        ] {
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

    #[tokio::test]
    async fn nothing_behind_a_link_is_read() {
        let it = app().await;
        it.commit("one").await;
        it.write("app ü/flake.nix", "{ }");
        let secrets = it.folder.path().join("secrets");
        fs::create_dir(&secrets).unwrap();
        fs::write(secrets.join("a.html"), "a secret\n").unwrap();
        let folder = it.path().join("app ü");
        let refused = async |asset: &str, why: &str| {
            let failure = take(&it, true, &[asset]).await.unwrap_err();
            assert_eq!(failure.kind, Kind::Usage);
            assert!(failure.error.to_string().contains(why), "{asset}: {}", failure.error);
        };
        // With git and without: an asset behind a link, one that is a link, one whose folder has become a link.
        for git in [true, false] {
            if !git {
                fs::remove_dir_all(it.path().join(".git")).unwrap();
            }
            symlink(&secrets, folder.join("behind")).unwrap();
            refused("behind/a.html", "the asset `behind/a.html` lies behind the link `behind`").await;
            refused("behind", "the asset `behind` is a link to /").await;
            fs::rename(folder.join("views"), folder.join("real")).unwrap();
            symlink(&secrets, folder.join("views")).unwrap();
            refused("views", "the asset `views` is a link to /").await;
            refused("views/a.html", "lies behind the link `views`").await;
            for link in ["views", "behind"] {
                fs::remove_file(folder.join(link)).unwrap();
            }
            fs::rename(folder.join("real"), folder.join("views")).unwrap();
            // A ring leads nowhere, and is a link like another.
            symlink("ring", folder.join("views/ring")).unwrap();
            let path = take(&it, true, &["views"]).await.unwrap().unwrap();
            assert!(tree(&path).contains(&"views/ring -> ring".to_owned()));
            fs::remove_file(folder.join("views/ring")).unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_no_file_is_refused_before_it_is_opened() {
        let it = app().await;
        it.commit("one").await;
        let pipe = it.path().join("app ü/views/a.html");
        fs::remove_file(&pipe).unwrap();
        let made = crate::tools::cmd::Cmd::new("mkfifo", std::time::Duration::from_secs(10)).arg(&pipe);
        crate::tools::process::run(&made).await.unwrap();
        for git in [true, false] {
            if !git {
                fs::remove_dir_all(it.path().join(".git")).unwrap();
            }
            let failure = take(&it, true, &["views"]).await.unwrap_err();
            let text = failure.error.to_string();
            assert!(text.ends_with("views/a.html: is neither a file, a folder nor a link"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_of_any_bytes_arrives_or_is_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        let it = app().await;
        let odd =
            ["-rf", "$(touch pwned)", "`x`", "a\nb", "it's \"so\"", "a\\b", "\u{1b}[2J", &"l".repeat(250)];
        for name in odd {
            it.write(&format!("app ü/views/{name}"), name);
        }
        it.commit("one").await;
        let taken = tree(&take(&it, false, &["views"]).await.unwrap().unwrap());
        for name in odd {
            assert!(taken.contains(&format!("views/{name} {name}")), "{name:?} is not in {taken:#?}");
        }
        // A name that is no text: said with what can be read of it.
        let latin = std::ffi::OsStr::from_bytes(b"gr\xfcn");
        fs::write(it.path().join("app ü/views").join(latin), "x").unwrap();
        it.commit("two").await;
        for allow_dirty in [false, true] {
            let failure = take(&it, allow_dirty, &["views"]).await.unwrap_err();
            let text = failure.error.to_string();
            assert!(text.contains("views/gr\u{fffd}n` in the git repository is not UTF-8"), "{text}");
        }
        take(&it, false, &["public"]).await.unwrap();
    }
}
