//! With the real Nix of this machine, and builds that need nothing from the network.

use super::copy::{ssh_options, store_url};
use super::*;
use crate::tools::git::tests::{Try, git_in};
use crate::tools::source::{Source, installable};

/// A Nix that builds as whoever runs the tests, and asks no cache.
pub(crate) fn nix() -> Nix {
    Nix::new().with_env("NIX_CONFIG", "sandbox = false\nsubstituters =\nbuild-users-group =\n")
}

/// A flake whose packages need only /bin/sh. `text` is more of its packages.
pub(crate) fn flake(text: &str) -> String {
    format!(
        r#"{{ outputs = {{ self }}: let
  sh = name: script: derivation {{ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" script ]; }};
in {{ packages.x86_64-linux = rec {{
  default = sh "shipit-try" "echo ${{./text}} > $out; : ${{self.rev or "none"}}";
  "a.b" = sh "shipit-try-dotted" "echo dotted > $out";
{text}
}}; }}; }}
"#
    )
}

async fn build(source: &Source, package: &str, scratch: &Path) -> Result<String, String> {
    let installable =
        installable(source, &package.parse().unwrap(), &"x86_64-linux".parse().unwrap(), scratch);
    if let Some((link, to)) = &installable.link {
        let _ = std::fs::remove_file(link);
        std::os::unix::fs::symlink(to, link).unwrap();
    }
    let mut lines = Vec::new();
    let built = nix().build(&installable, Evaluation::Remembered, |line| lines.push(line.to_owned())).await;
    let built = built.map_err(|error| format!("{error}\n{}", lines.join("\n")))?;
    let text = std::fs::read_to_string(built.as_str()).unwrap();
    let text = text.trim();
    Ok(if text.starts_with('/') { std::fs::read_to_string(text).unwrap() } else { text.to_owned() })
}

/// Nix is told of each kind of source in each kind of folder, and builds just that.
#[tokio::test]
async fn every_kind_of_source_builds() {
    let it = Try::new().await;
    for (folder, dir) in
        [("plain", ""), ("odd ü %20 #1?x&y", ""), ("plain2", "sub dir/ü"), ("par ent/app", "d")]
    {
        let top = it.folder.path().canonicalize().unwrap().join(folder);
        let inner = top.join(dir);
        std::fs::create_dir_all(&inner).unwrap();
        git_in(&top, &["init", "-q", "-b", "trunk"]).await;
        let commit = async |text: &str| {
            std::fs::write(inner.join("flake.nix"), flake("")).unwrap();
            std::fs::write(inner.join("text"), text).unwrap();
            git_in(&top, &["add", "-A"]).await;
            git_in(&top, &["commit", "-q", "-m", text]).await;
            git_in(&top, &["rev-parse", "HEAD"]).await
        };
        let one = commit("one").await;
        git_in(&top, &["checkout", "-q", "-b", "other"]).await;
        let elsewhere = commit("elsewhere").await;
        git_in(&top, &["checkout", "-q", "--detach", &one]).await;
        let detached = commit("detached").await;

        let repo = crate::tools::git::repository(&inner).await.unwrap();
        let mut source =
            Source { folder: inner.clone(), repo: Some(repo), commit: None, subject: None, dirty: false };
        let scratch = tempfile::tempdir().unwrap();
        for (commit, text) in [(one, "one"), (elsewhere, "elsewhere"), (detached, "detached")] {
            source.commit = Some(commit.parse().unwrap());
            assert_eq!(build(&source, "default", scratch.path()).await.as_deref(), Ok(text), "{folder}");
        }
        assert_eq!(build(&source, "a.b", scratch.path()).await.as_deref(), Ok("dotted"), "{folder}");

        std::fs::write(inner.join("text"), "not committed").unwrap();
        assert_eq!(build(&source, "default", scratch.path()).await.as_deref(), Ok("detached"), "{folder}");
        source.dirty = true;
        if !folder.starts_with("odd") {
            // 2.8 can't read a working tree whose own folder has such a name.
            let built = build(&source, "default", scratch.path()).await;
            assert_eq!(built.as_deref(), Ok("not committed"), "{folder}");
        }

        std::fs::remove_dir_all(top.join(".git")).unwrap();
        source.repo = None;
        let built = build(&source, "default", scratch.path()).await;
        assert_eq!(built.as_deref(), Ok("not committed"), "{folder}");
    }
}

#[tokio::test]
async fn a_shallow_clone_builds() {
    let it = Try::new().await;
    it.write("flake.nix", &flake(""));
    it.write("text", "first");
    it.commit("first").await;
    it.write("text", "second");
    let second = it.commit("second").await;
    let clone = it.folder.path().canonicalize().unwrap().join("clone");
    let url = format!("file://{}", it.path().display());
    git_in(&it.path(), &["clone", "-q", "--depth=1", &url, clone.to_str().unwrap()]).await;
    let repo = crate::tools::git::repository(&clone).await.unwrap();
    assert!(repo.shallow);
    let source =
        Source { folder: clone, repo: Some(repo), commit: Some(second), subject: None, dirty: false };
    assert_eq!(build(&source, "default", it.folder.path()).await.as_deref(), Ok("second"));
}

#[tokio::test]
async fn the_store_answers() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("shipit-try-assets");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("a"), format!("{:?}", folder.path())).unwrap();
    let added = nix().add(&tree).await.unwrap();
    assert_eq!(added.name(), "shipit-try-assets");
    assert_eq!(nix().closure(std::slice::from_ref(&added)).await.unwrap(), std::slice::from_ref(&added));
    let infos = nix().closure_infos(std::slice::from_ref(&added)).await.unwrap();
    assert_eq!((&infos[0].path, infos[0].content_addressed), (&added, true));
    assert!(infos[0].size > 100);
    assert_eq!(nix().closure(&[]).await.unwrap(), []);
    let gone: StorePath = "/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr9-gone".parse().unwrap();
    assert!(matches!(nix().closure_infos(std::slice::from_ref(&gone)).await, Err(NixError::Command(_))));
    assert!(matches!(nix().closure(&[gone]).await, Err(NixError::Command(_))));
    let nowhere = nix().with_env("PATH", "/nowhere");
    assert!(matches!(nowhere.add(&tree).await, Err(NixError::Missing { .. })));
}

#[test]
fn long_lists_are_split() {
    let path: StorePath =
        format!("/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr9-{}", "x".repeat(150)).parse().unwrap();
    let many = vec![path; 5000];
    let pieces = split(&many);
    assert!(pieces.len() > 1 && pieces.iter().all(|piece| !piece.is_empty() && piece.len() < 1000));
    assert_eq!(pieces.iter().map(|piece| piece.len()).sum::<usize>(), 5000);
    assert!(split(&[]).is_empty());
}

#[test]
fn the_url_names_the_server_and_the_program() {
    let url = |host: &str| {
        store_url(&Destination {
            host: host.parse().unwrap(),
            socket: "/run/x y/s".into(),
            daemon: "/nix/var/nix/profiles/default/bin/nix-daemon".into(),
        })
    };
    let query =
        "?remote-program=%2Fnix%2Fvar%2Fnix%2Fprofiles%2Fdefault%2Fbin%2Fnix%2Ddaemon&max-connections=1";
    assert_eq!(url("deploy@web-1.example"), format!("ssh-ng://web-1.example{query}"));
    assert_eq!(url("ssh://me@[::1]:22"), format!("ssh-ng://server{query}"));
    assert!(ssh_options(Path::new("/run/x y/s%1")).contains("-oControlPath=./s%%1 "));
    assert_eq!(ssh_options(Path::new("/a b/s")).split_whitespace().count(), 7);
}
