//! What is deployed: revisions, uncommitted changes, clones and folders of all kinds.

use std::fs;
use std::path::Path;

use crate::support::facts::{ROOT, current, events, journal, listing, page};
use crate::support::lab::{Server, Variant};
use crate::support::world::{World, copy};

/// A world whose checks are over sooner: what is deployed matters here, not how it is watched.
pub fn hasty(server: &Server) -> World {
    let world = World::new(server);
    world.edit("within = \"10s\"", "within = \"10s\"\nsettle = \"200ms\"");
    // The folder may be another one.
    world.edit("\"../ssh_config\"", &format!("{:?}", world.file("ssh_config")));
    world
}

#[test]
fn a_revision_is_whatever_git_knows() {
    let server = Server::boot(Variant::Debian);
    let world = hasty(&server);
    let tagged = world.commit("1", "ok");
    world.git(&["tag", "-a", "v1", "-m", "the first"]);
    world.git(&["checkout", "-q", "-b", "side"]);
    let side = world.commit("on the side", "ok");
    world.git(&["checkout", "-q", "main"]);
    let head = world.commit("2", "ok");
    // No branch, no tag: nothing but its hash.
    let lost = world.commit("nobody's", "ok");
    world.git(&["reset", "-q", "--hard", &head]);

    let deploy = |rev: &str, id: &str, version: &str| {
        let ran = world.shipit(&["deploy", rev]).expect(0);
        assert!(ran.stdout.contains(&id[..7]), "{}", ran.stdout);
        assert_eq!(current(&server), format!("releases/{id}"), "deploy {rev}");
        let page = page(&server);
        assert!(page.contains(&format!("version: {version}\nrev: {id}\n")), "deploy {rev}: {page}");
        assert!(page.contains(&format!("view: <h1>{version}</h1>")), "the assets of {rev}: {page}");
    };
    deploy(&head[..8], &head, "2");
    // With a revision the working tree does not matter.
    world.write("VERSION", "not committed\n");
    world.write("views/index.html", "not committed\n");
    deploy("v1", &tagged, "1");
    deploy("side", &side, "on the side");
    deploy("HEAD~1", &tagged, "1");
    deploy(&lost, &lost, "nobody's");

    let before = listing(&server);
    world.shipit(&["deploy", "nope"]).expect(2).says(&["git knows no commit `nope` here", "git fetch"]);
    world.shipit(&["deploy", "HEAD:VERSION"]).expect(2).says(&["HEAD:VERSION"]);
    let made_up = "0123456789012345678901234567890123456789";
    world.shipit(&["deploy", made_up]).expect(2).says(&[made_up]);
    assert_eq!(listing(&server), before);
}

#[test]
fn uncommitted_changes_are_refused_or_named() {
    let server = Server::boot(Variant::Debian);
    let world = hasty(&server);
    let id = world.commit("1", "ok");
    // Untracked files are named, and change nothing.
    world.write("notes.txt", "mine");
    world.deploy().says(&["notes.txt"]);
    assert_eq!(current(&server), format!("releases/{id}"));

    world.write("VERSION", "changed\n");
    let before = listing(&server);
    let refused = world.shipit(&["deploy"]).expect(2);
    let refused = refused.says(&["1 file differs", &id[..7], "    VERSION\n", "--allow-dirty", "commit"]);
    assert!(!refused.stderr.contains("    notes.txt"), "{}", refused.stderr);
    world.git(&["add", "VERSION"]);
    world.write("views/index.html", "<h1>changed</h1>\n");
    let both = ["2 files differ", "    VERSION\n", "    views/index.html\n"];
    world.shipit(&["deploy"]).expect(2).says(&both);
    assert_eq!(listing(&server), before);

    // As it is: a name of its own, and the same name for the same tree.
    let dirty = || {
        world.shipit(&["deploy", "--allow-dirty"]).expect(0);
        let current = current(&server);
        let name = current.strip_prefix("releases/").unwrap().to_owned();
        let hash = name.strip_prefix(&format!("{id}-dirty-")).unwrap_or_else(|| panic!("{name}"));
        assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        name
    };
    let one = dirty();
    assert!(page(&server).contains("version: changed\nrev: dirty\n"));
    assert!(page(&server).contains("view: <h1>changed</h1>"));
    let before = listing(&server);
    assert_eq!(dirty(), one);
    assert_eq!(listing(&server), before, "the same tree is live already");
    // The flake does not know the views: only the assets differ now.
    world.write("views/index.html", "<h1>changed again</h1>\n");
    let two = dirty();
    assert_ne!(one, two);
    assert!(page(&server).contains("view: <h1>changed again</h1>"));

    // The names can be told apart, and typed as the other commands show them.
    world.shipit(&["rollback", &id[..10]]).expect(2).says(&[&one, &two]);
    let short = |name: &str| name.replace(&id, &id[..7]);
    world.shipit(&["rollback", &short(&one)]).expect(0);
    assert_eq!(current(&server), format!("releases/{one}"));
    assert!(page(&server).contains("view: <h1>changed</h1>"));
    let subjects = journal(&server);
    assert!(subjects.iter().all(|line| line["subject"] == "1"), "{subjects:?}");
}

#[test]
fn a_shallow_clone_and_a_folder_without_git_can_be_deployed() {
    let server = Server::boot(Variant::Debian);
    let world = hasty(&server);
    let old = world.commit("1", "ok");
    let id = world.commit("2", "ok");
    let url = format!("file://{}", world.app().display());
    let clone = world.file("clone");
    world.git(&["clone", "-q", "--depth", "1", &url, clone.to_str().unwrap()]);
    world.shipit_in(&clone, &["deploy"]).expect(0);
    assert_eq!(current(&server), format!("releases/{id}"));
    assert!(page(&server).contains("version: 2"));
    world.shipit_in(&clone, &["deploy", &old]).expect(2).says(&["shallow clone", "git fetch --unshallow"]);

    fs::remove_dir_all(world.app().join(".git")).unwrap();
    let before = listing(&server);
    world.shipit(&["deploy"]).expect(2).says(&["no commit to deploy", "git init", "--allow-dirty"]);
    world.shipit(&["deploy", "v1"]).expect(2).says(&["v1", "not in a git repository"]);
    assert_eq!(listing(&server), before);
    world.write("VERSION", "no git\n");
    let tree = || {
        world.shipit(&["deploy", "--allow-dirty"]).expect(0);
        let current = current(&server);
        let hash = current.strip_prefix("releases/tree-").unwrap_or_else(|| panic!("{current}"));
        assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{current}");
        current
    };
    let one = tree();
    assert!(page(&server).contains("version: no git\n"));
    assert_eq!(tree(), one, "the same folder is the same release");
    world.write("views/index.html", "<h1>other</h1>\n");
    assert_ne!(tree(), one);
    assert_eq!(journal(&server)[3]["subject"], serde_json::Value::Null);
}

#[test]
fn folders_of_any_name_and_depth_can_be_deployed() {
    let server = Server::boot(Variant::Debian);
    let world = hasty(&server);
    let odd = world.file("my söurce %41 #1");
    let app = odd.join("apps/the server");
    fs::create_dir_all(&app).unwrap();
    copy(&world.app(), &app);
    fs::remove_dir_all(app.join(".git")).unwrap();
    let git = |at: &Path, words: &[&str]| world.git(&[&["-C", at.to_str().unwrap()], words].concat());
    let commit = |at: &Path, version: &str| {
        fs::write(at.join("VERSION"), format!("{version}\n")).unwrap();
        fs::write(at.join("views/index.html"), format!("<h1>{version}</h1>\n")).unwrap();
        git(at, &["add", "-A"]);
        git(at, &["commit", "-q", "-m", version]);
        git(at, &["rev-parse", "HEAD"])
    };
    let live = |version: &str| {
        let page = page(&server);
        assert!(page.contains(&format!("version: {version}\n")), "{page}");
        assert!(page.contains(&format!("view: <h1>{version}</h1>")), "{page}");
    };

    // A folder below the top of a repository with an odd name; the shipit.toml is found from further below.
    git(&odd, &["init", "-q", "-b", "main"]);
    let id = commit(&app, "below");
    world.shipit_in(&app.join("views"), &["deploy"]).expect(0);
    assert_eq!(current(&server), format!("releases/{id}"));
    live("below");
    // What is changed elsewhere in the repository is a change too.
    fs::write(odd.join("elsewhere"), "x").unwrap();
    git(&odd, &["add", "elsewhere"]);
    world.shipit_in(&app, &["deploy"]).expect(2).says(&["    elsewhere\n"]);
    // Old versions of Nix can't read a working tree with such a name, and say nothing helpful: shipit does.
    let dirty = world.shipit_in(&app, &["deploy", "--allow-dirty"]);
    if dirty.code == 0 {
        assert!(current(&server).starts_with(&format!("releases/{id}-dirty-")));
    } else {
        dirty.expect(4).says(&["special character in its path", "commit the changes"]);
        assert_eq!(current(&server), format!("releases/{id}"));
    }
    git(&odd, &["commit", "-q", "-m", "elsewhere"]);

    // The odd name above the repository.
    let plain = odd.join("plain");
    fs::create_dir(&plain).unwrap();
    copy(&app, &plain);
    git(&plain, &["init", "-q", "-b", "main"]);
    let id = commit(&plain, "plain");
    world.shipit_in(&plain, &["deploy"]).expect(0);
    assert_eq!(current(&server), format!("releases/{id}"));
    live("plain");
    fs::write(plain.join("VERSION"), "plain and dirty\n").unwrap();
    world.shipit_in(&plain, &["deploy", "--allow-dirty"]).expect(0);
    assert!(page(&server).contains("version: plain and dirty\n"));

    // No git at all, and the folder named by -C.
    let bare = world.file("n%20ö git");
    fs::create_dir(&bare).unwrap();
    copy(&app, &bare);
    world.shipit(&["-C", bare.to_str().unwrap(), "deploy", "--allow-dirty"]).expect(0);
    assert!(current(&server).starts_with("releases/tree-"));
    live("below");
}

#[test]
fn another_output_of_the_same_commit_is_another_release() {
    let server = Server::boot(Variant::Debian);
    let world = hasty(&server);
    let flake = fs::read_to_string(world.app().join("flake.nix")).unwrap();
    assert!(flake.contains("default = server;"), "{flake}");
    let twin = "default = server;\n        twin = build \"twin\" ./bin.sh { inherit busybox content; script = ./server.sh; };";
    world.write("flake.nix", &flake.replace("default = server;", twin));
    let id = world.commit("1", "ok");
    world.deploy();
    assert_eq!(current(&server), format!("releases/{id}"));

    // shipit.toml is read from the folder; with a revision it may differ from the commit's.
    world.edit("app = \"server\"", "app = \"server\"\npackage = \"twin\"");
    world.shipit(&["deploy", &id]).expect(0);
    let twin = current(&server);
    let hash = twin.strip_prefix(&format!("releases/{id}-")).unwrap_or_else(|| panic!("{twin}"));
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{twin}");
    let path = server.sh_ok(&format!("readlink {ROOT}/current/result"));
    assert!(path.trim().ends_with("-twin"), "{path}");
    let before = listing(&server);
    world.shipit(&["deploy", &id]).expect(0);
    assert_eq!(listing(&server), before, "it is live already");

    world.edit("package = \"twin\"", "package = \"default\"");
    world.shipit(&["deploy", &id]).expect(0);
    assert_eq!(current(&server), format!("releases/{id}"));
    assert_eq!(events(&journal(&server)), ["started live kept"; 3].join(" "));
    world.shipit(&["rollback"]).expect(0);
    assert_eq!(current(&server), twin);
}
