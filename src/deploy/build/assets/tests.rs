use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::deploy::build::source::{Wanted, find};
use crate::model::event::Events;
use crate::tools::git::tests::{POINTER, Try};
use crate::tools::nix::tests::nix;

async fn take(it: &Try, allow_dirty: bool, wanted: &[&str]) -> Outcome<Option<StorePath>> {
    let rev = if allow_dirty { None } else { Some("HEAD") };
    let folder = it.path().join("app ü");
    let wanted: Vec<AssetPath> = wanted.iter().map(|text| text.parse().unwrap()).collect();
    let source = find(&folder, Wanted { rev, allow_dirty }, &Events::channel().0).await.unwrap();
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
    let path = take(&it, false, &["./views", "public/.well-known", "public/y.bin"]).await.unwrap().unwrap();
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
    for target in
        ["/etc/passwd", "../../x", "../views/../../x", "up/../x", "up/up/../../x", "up/up/up/../../../../etc"]
    {
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
    let odd = ["-rf", "$(touch pwned)", "`x`", "a\nb", "it's \"so\"", "a\\b", "\u{1b}[2J", &"l".repeat(250)];
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

#[tokio::test]
async fn a_pointer_of_git_lfs_is_no_asset() {
    let it = app().await;
    it.write("app ü/views/b.png", POINTER);
    it.write("app ü/views/c.png", POINTER);
    it.write("app ü/views/about.txt", &format!("A pointer:\n{POINTER}"));
    it.write("app ü/views/large.txt", &format!("{POINTER}{}", "x".repeat(1024)));
    let refused = async |allow_dirty| {
        let failure = take(&it, allow_dirty, &["views"]).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        let text = failure.error.to_string();
        assert_eq!(text, "the asset `views/b.png` is a pointer of git-lfs, not the file itself");
        assert_eq!(failure.detail.unwrap().lines, ["views/c.png"]);
    };
    it.commit("one").await;
    refused(false).await;
    it.write("app ü/flake.nix", "{ }");
    refused(true).await;
    it.git(&["checkout", "-q", "."]).await;
    // Where git has a filter for them, the files are there.
    it.write("app ü/.gitattributes", "*.png filter=lfs\n");
    it.commit("two").await;
    refused(false).await;
    it.git(&["config", "filter.lfs.smudge", "sed -n s/^size/picture/p"]).await;
    it.git(&["config", "filter.lfs.clean", "cat"]).await;
    let path = take(&it, false, &["views"]).await.unwrap().unwrap();
    assert!(tree(&path).contains(&"views/b.png picture 12345\n".to_owned()), "{:#?}", tree(&path));
}

#[tokio::test]
async fn what_lies_in_a_submodule_is_no_asset() {
    let it = app().await;
    let first = it.commit("one").await;
    let index = format!("160000,{first},app ü/theme");
    it.git(&["update-index", "--add", "--cacheinfo", &index]).await;
    it.git(&["commit", "-q", "-m", "two"]).await;
    it.write("app ü/theme/css/a.css", "checked out\n");
    for (asset, place) in [
        ("theme", "the asset `app ü/theme` is a submodule"),
        ("theme/css/a.css", "the asset `theme/css/a.css` lies in the submodule `app ü/theme`"),
        ("views3", "has no `views3`"),
    ] {
        let failure = take(&it, false, &[asset]).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert!(failure.error.to_string().contains(place), "{}", failure.error);
    }
}
