//! A server as the post that started this had it: sources in `releases/<hash>`, built there, copied into a real
//! directory `current`. shipit takes it over with nothing but a shipit.toml, and can go back to it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::lab::{Server, Variant};
use crate::support::watched::{Watched, at_rest, journal, last_entry, serves};
use crate::support::world::{World, eventually};

const SECOND: Duration = Duration::from_secs(1);

/// The post's script; the app is called `server`.
pub const DEPLOY_SH: &str = r#"#!/usr/bin/env bash
set -e
. /nix/var/nix/profiles/default/etc/profile.d/nix-daemon.sh
SHA="$1"
RELEASES_DIR="/var/www/server/releases"
CURRENT_DIR="/var/www/server/current"
RELEASE_DIR="$RELEASES_DIR/$SHA"
echo "Deploying commit $SHA"
cd "$RELEASE_DIR"
echo "Activating release..."
rm -rf "$CURRENT_DIR"
mkdir -p $CURRENT_DIR/views
if [ -d "views" ]; then
cp -r views $CURRENT_DIR/views
echo "Copied views/"
fi
echo "Building with Nix..."
nix build .
echo "Copy Nix output into a current release directory"
cp -r result $CURRENT_DIR/result
echo "Restarting systemd service..."
sudo systemctl restart server
echo "Cleaning old releases (keeping last 5)..."
cd "$RELEASES_DIR"
ls -1 | sort | head -n -"5" | xargs -I {} rm -rf "{}" || true
echo "Deploy complete for commit $SHA!"
"#;

/// The post's unit.
pub const UNIT: &str = r#"[Unit]
Description=server Server
After=network.target
[Service]
User=igris
WorkingDirectory=/var/www/server/current
ExecStart=/var/www/server/current/result/bin/server
Environment="SERVER_DB_PATH=/var/www/server/data/server.db"
Environment="SERVER_PORT=:3001"
Restart=always
[Install]
WantedBy=multi-user.target
"#;

/// The post's server with these versions deployed to it, and the commits' hashes.
pub fn seed(versions: &[&str]) -> (Server, World, Vec<String>) {
    let server = Server::boot(Variant::Installer);
    // What the tiny app's build takes from the machine it is built on.
    server.put(Path::new("/bin/busybox"), "/usr/bin/busybox", "root");
    server.sh_ok(
        "set -e
         printf '%s\\n' 'sandbox = false' 'experimental-features = nix-command flakes' >>/etc/nix/nix.conf
         systemctl stop nix-daemon.service server.service
         systemctl reset-failed server.service || true
         useradd --uid 7101 igris
         chown igris /var/www/server/data
         echo 'deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart server, /usr/bin/systemctl restart server.service' >/etc/sudoers.d/shipit",
    );
    assert!(
        server
            .sh_with_input(
                "root",
                "cat >/etc/systemd/system/server.service && systemctl daemon-reload",
                UNIT.as_bytes()
            )
            .success()
    );
    let world = World::new(&server);
    // shipit.toml comes later, and in no commit.
    fs::write(world.app().join(".git/info/exclude"), "shipit.toml\n").unwrap();
    world.write("deploy.sh", DEPLOY_SH);
    let mut hashes = Vec::new();
    for version in versions {
        let hash = world.commit(version, "ok");
        let sources = world.file("sources");
        let _ = fs::remove_dir_all(&sources);
        fs::create_dir(&sources).unwrap();
        world.git(&["--work-tree", sources.to_str().unwrap(), "checkout", "-q", &hash, "--", "."]);
        server.put(&sources, &format!("/var/www/server/releases/{hash}"), "deploy");
        server.sh_ok("chown deploy: /var/www/server/releases");
        let deployed =
            server.sh_as("deploy", &format!("bash /var/www/server/releases/{hash}/deploy.sh {hash}"));
        assert!(
            deployed.success(),
            "{deployed}\n{}",
            server.sh("journalctl -u server.service -n 20 --no-pager").stdout
        );
        serves(&server, version, 5 * SECOND);
        hashes.push(hash);
    }
    // As it is there: a folder, with the views one level too deep.
    assert!(
        server
            .sh("cd /var/www/server/current && [ ! -L . ] && [ -f views/views/index.html ] && [ -L result ]")
            .success()
    );
    assert!(page(&server).contains("view: none\n"));
    (server, world, hashes)
}

fn page(server: &Server) -> String {
    server.http_get("/").expect("a page").1
}

fn current(server: &Server) -> String {
    server.sh_ok("readlink /var/www/server/current").trim().to_owned()
}

/// The release that the old `current` became.
fn adopted(server: &Server) -> String {
    let names = server.sh_ok("cd /var/www/server/releases && ls -d adopted-*");
    let names: Vec<&str> = names.lines().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0].to_owned()
}

/// The old `current` is a whole release, held against the garbage collector, and known.
fn is_whole(server: &Server, world: &World, adopted: &str) {
    server.sh_ok(&format!("cd /var/www/server/releases/{adopted} && [ -f views/views/index.html ]"));
    let roots = server.sh_ok(&format!(
        "/nix/var/nix/profiles/default/bin/nix-store --query --roots $(readlink /var/www/server/releases/{adopted}/result)"
    ));
    assert!(roots.contains(adopted), "{roots}");
    let listed = world.shipit(&["releases", "--json"]).expect(0).stdout;
    assert!(listed.contains(adopted), "{listed}");
    assert_eq!(journal(server).iter().filter(|entry| entry["event"] == "adopted").count(), 1);
}

#[test]
fn it_is_taken_over_and_can_be_gone_back_to() {
    let (server, world, hashes) = seed(&["1", "2"]);
    world.commit("3", "ok");
    let ran = world.deploy();
    assert!(ran.stderr.contains("but not reset its start limit"), "{}", ran.stderr);
    assert!(
        page(&server).starts_with("version: 3\n") && page(&server).contains("view: <h1>3</h1>"),
        "{}",
        page(&server)
    );
    let old = adopted(&server);
    is_whole(&server, &world, &old);
    // The releases of before are where they were.
    for hash in &hashes {
        server.sh_ok(&format!("test -f /var/www/server/releases/{hash}/deploy.sh"));
    }
    // Their build results no longer hold the old one: its own root does.
    server.sh_ok("rm /var/www/server/releases/*/result.found 2>/dev/null; /nix/var/nix/profiles/default/bin/nix-collect-garbage >/dev/null 2>&1");

    world.shipit(&["rollback"]).expect(0);
    assert!(
        page(&server).starts_with("version: 2\nrev: dirty\n") && page(&server).contains("view: none\n"),
        "{}",
        page(&server)
    );
    assert_eq!(current(&server), format!("releases/{old}"));
    world.deploy();
    serves(&server, "3", SECOND);
    world.shipit(&["rollback", "v1"]).expect(0);
    serves(&server, "2", SECOND);
    at_rest(&server);
}

#[test]
fn the_commit_that_it_had_and_one_that_crashes() {
    let (server, world, hashes) = seed(&["1"]);
    // A take-over whose release does not work leaves the site on what it had.
    world.commit("2", "crash");
    let failed = world.shipit(&["deploy"]).expect(7);
    assert!(failed.stderr.contains("runs again"), "{}", failed.stderr);
    serves(&server, "1", SECOND);
    let old = adopted(&server);
    assert_eq!(current(&server), format!("releases/{old}"));
    is_whole(&server, &world, &old);
    // The sources in the way of the same commit go aside.
    world.git(&["reset", "-q", "--hard", &hashes[0]]);
    world.deploy();
    assert!(
        page(&server).contains("version: 1\n") && page(&server).contains("view: <h1>1</h1>"),
        "{}",
        page(&server)
    );
    assert_eq!(current(&server), format!("releases/{}", hashes[0]));
    server.sh_ok(&format!("test -f /var/www/server/releases/{}.found/deploy.sh", hashes[0]));
    world.shipit(&["rollback"]).expect(0);
    assert!(page(&server).contains("rev: dirty\n"), "{}", page(&server));
    at_rest(&server);
}

/// A mv that can't exchange, and stands still before the second rename while /run/stop-mv is there.
const OLD_MV: &str = r#"#!/bin/sh
case "$*" in
  *--exchange*) echo "mv: unrecognized option '--exchange'" >&2; exit 1 ;;
  *take-link*current) if [ -e /run/stop-mv ]; then echo >/tmp/between; sleep 1000; fi ;;
esac
exec /usr/bin/mv "$@"
"#;

#[test]
fn killed_between_the_two_renames_of_a_take_over() {
    let (server, world, _) = seed(&["1"]);
    assert!(
        server
            .sh_with_input(
                "root",
                "cat >/usr/local/bin/mv && chmod 755 /usr/local/bin/mv && echo >/run/stop-mv",
                OLD_MV.as_bytes()
            )
            .success()
    );
    world.commit("2", "ok");
    let deploy = Watched::start(&world, &["deploy"]);
    eventually(30 * SECOND, || {
        if server.sh("test -e /tmp/between").success() { Ok(()) } else { Err("not yet") }
    });
    deploy.signal("KILL");
    server.sh_ok("pkill -KILL -u deploy -f ' shipit |take-link|sleep 1000'; rm /run/stop-mv");
    deploy.wait(5 * SECOND).expect(137);
    // The gap: no `current` at all.
    assert!(!server.sh("cd /var/www/server && [ -e current ] || [ -L current ]").success());

    // What heals it is a deploy that then fails: it must have something to go back to.
    world.commit("3", "crash");
    world.shipit(&["deploy"]).expect(7);
    serves(&server, "1", SECOND);
    let old = adopted(&server);
    assert_eq!(current(&server), format!("releases/{old}"));
    is_whole(&server, &world, &old);
    at_rest(&server);

    world.commit("4", "ok");
    world.deploy();
    serves(&server, "4", SECOND);
    assert_eq!(last_entry(&server)["event"], "kept");
    world.shipit(&["rollback"]).expect(0);
    assert!(page(&server).starts_with("version: 1\nrev: dirty\n"), "{}", page(&server));
    at_rest(&server);
}

#[test]
fn without_an_exchanging_mv_it_takes_two_renames() {
    let (server, world, _) = seed(&["1"]);
    assert!(
        server
            .sh_with_input("root", "cat >/usr/local/bin/mv && chmod 755 /usr/local/bin/mv", OLD_MV.as_bytes())
            .success()
    );
    world.commit("2", "ok");
    world.deploy();
    serves(&server, "2", SECOND);
    is_whole(&server, &world, &adopted(&server));
    world.shipit(&["rollback"]).expect(0);
    serves(&server, "1", SECOND);
    at_rest(&server);
}
