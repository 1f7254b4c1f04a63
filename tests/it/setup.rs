//! `setup` on a server that has Nix, sshd and an administrator, and nothing else; and the boot that it prepares.

mod boot;
mod found;
mod sudo;

use std::time::Duration;

use crate::support::facts::{ROOT, page};
use crate::support::lab::Server;
use crate::support::watched::serves;
use crate::support::world::{Ran, World, signing_key};

/// A unit that starts at boot.
const SOON: Duration = Duration::from_secs(20);

/// A server as it comes from its provider, with Nix: no user but root, no folder, no unit, no rules.
fn fresh(builder: crate::support::lab::Builder) -> Server {
    let server = builder.untrusted().boot();
    server.sh_ok(&format!(
        "install -d -m 700 /root/.ssh && mv /home/deploy/.ssh/authorized_keys /root/.ssh/ && chown -R root: /root/.ssh
         systemctl disable --now server.service 2>/dev/null; rm /etc/systemd/system/server.service /etc/sudoers.d/shipit
         systemctl daemon-reload; systemctl reset-failed
         rm -r {ROOT}; userdel -r deploy 2>/dev/null; userdel app; ! getent passwd deploy && ! getent passwd app
         # Numbers that no build user of Nix on the testing machine has.
         sed -i -E '/^#?SYS_UID_M/d' /etc/login.defs
         printf 'SYS_UID_MIN 5900\\nSYS_UID_MAX 5990\\n' >>/etc/login.defs"
    ));
    server
}

/// A world that signs what it sends, with hooks.
fn signing(server: &Server) -> World {
    let world = World::new(server);
    signing_key(&world, "key");
    world.edit("[health]", "[sign]\nkey_file = \"../key\"\n\n[health]");
    world
}

const DB: &str = "SERVER_DB_PATH=/var/www/server/data/server.db";

fn hooks(world: &World) {
    world.edit("[health]", "[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\n\n[health]");
}

/// What setup could have made or changed, as text.
fn made(server: &Server) -> String {
    server.sh_ok(&format!(
        "getent passwd; getent group; find {ROOT} /etc/systemd/system /etc/sudoers.d /usr/local/lib /home /var/lib/systemd/linger \
           -printf '%p %M %U:%G %T@ %s %l\\n' 2>/dev/null | sort
         cat /etc/nix/nix.conf; systemctl show -P InvocationID nix-daemon.service"
    ))
}

fn has_nothing_to_do(server: &Server, world: &World, words: &[&str]) -> Ran {
    let before = made(server);
    let again = world.shipit(words).expect(0);
    assert!(again.stdout.starts_with("nothing to do: "), "{}", again.stdout);
    assert_eq!(made(server), before);
    again
}

#[test]
fn a_fresh_server_takes_a_deploy_after_setup_and_nothing_else() {
    let server = fresh(Server::builder());
    let world = signing(&server);
    hooks(&world);
    world.commit("1", "ok");
    let empty = made(&server);
    let words = ["setup", "--as", "root", "--env", DB];
    let with = |more: &'static str| [&words[..], &[more]].concat();

    // Nobody can be asked here, and nothing is done unasked.
    world.shipit(&words).expect(2).says(&[
        "nobody can be asked",
        "shipit setup --as root --env 'SERVER_DB_PATH=/var/www/server/data/server.db' --dry-run",
        "' --yes",
    ]);
    let plan = world.shipit(&with("--dry-run")).expect(0);
    for text in [
        "make the user deploy",
        "~deploy/.ssh/authorized_keys",
        "ssh-ed25519 AAAA",
        "ProtectSystem=strict",
        &format!("Environment=\"{DB}\""),
        "Environment=PORT=3001",
        "/etc/sudoers.d/shipit-server\n     deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart server.service, \
         /usr/bin/systemctl reset-failed server.service\n",
        "deploy ALL=(server) NOPASSWD: ALL",
        "extra-trusted-public-keys = shipit-test-1:",
        "nix-users",
        "systemd-journal",
    ] {
        assert!(plan.stdout.contains(text), "no {text:?} in\n{}", plan.stdout);
    }
    assert!(!plan.stdout.contains("extra-trusted-users"), "{}", plan.stdout);
    assert_eq!(made(&server), empty);

    let ran = world.shipit(&with("--yes")).expect(0);
    assert!(
        ran.stdout.starts_with(&format!("set up: deploy on {} can deploy", server.address)),
        "{}",
        ran.stdout
    );
    ran.says(&["done: make the user deploy", "next: shipit deploy"]);
    world.deploy();
    assert!(page(&server).contains("version: 1"));
    let runs = server.sh_ok(&format!(
        "cat {ROOT}/data/migrated; stat -c '%U %a' {ROOT} {ROOT}/data; systemctl show -P User server.service
         systemctl is-enabled server.service shipit-settle-server.service; systemd-analyze verify server.service shipit-settle-server.service 2>&1"
    ));
    let first = world.git(&["rev-parse", "HEAD"]);
    assert_eq!(
        runs,
        format!(
            "server {ROOT}/releases/{first} {ROOT}/data/server.db\ndeploy 755\nserver 750\nserver\nenabled\nenabled\n"
        )
    );
    has_nothing_to_do(&server, &world, &with("--yes"));
    let json = world.shipit(&[&words[..], &["--yes", "--json"]].concat()).expect(0).json();
    assert_eq!(
        (&json["changed"], json["steps"].as_array().map(Vec::len)),
        (&false.into(), Some(0)),
        "{json}"
    );

    // A failed deploy has its log lines, and the next one works.
    world.commit("2", "crash");
    world.shipit(&["deploy"]).expect(7).says(&["boom: refused to start", "runs again"]);
    server.stop();
    server.boot_again();
    // It is started at boot, which goes on after the lab's servers are reached.
    serves(&server, "1", SOON);
}

#[test]
fn a_login_s_own_systemd_needs_no_sudo() {
    let server = fresh(Server::builder());
    let world = signing(&server);
    let root = "/home/deploy/web";
    world.edit("app = \"server\"", &format!("app = \"web\"\nroot = \"{root}\""));
    world.commit("1", "ok");
    // The release's program is not called as the app is, so the unit has to be a file.
    let unit = std::fs::read_to_string(world.app().join("web.service")).unwrap_or_default();
    assert_eq!(unit, "");
    let words = ["setup", "--as", "root", "--user-unit", "--yes", "--unit", "../web.service"];
    std::fs::write(
        world.file("web.service"),
        "[Service]\nWorkingDirectory=%h/web/current\nExecStart=%h/web/current/result/bin/server\nRestart=on-failure\n\n\
         [Install]\nWantedBy=default.target\n",
    )
    .unwrap();
    server.sh_ok("mv /usr/bin/sudo /usr/bin/sudo.away");
    world.shipit(&words).expect(0).says(&["let the systemd of deploy run without a login"]);
    world.deploy();
    assert!(page(&server).contains("version: 1"));
    let own = "XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user is-enabled web.service shipit-settle-web.service; stat -c %U ~/web ~/.config/systemd/user/web.service";
    let said = server.sh_as("deploy", &format!("HOME=/home/deploy; {own}"));
    assert_eq!(said.stdout, "enabled\nenabled\ndeploy\ndeploy\n", "{said}");
    has_nothing_to_do(&server, &world, &words);
    server.stop();
    server.boot_again();
    serves(&server, "1", SOON);
}
