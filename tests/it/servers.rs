//! Servers of other kinds than the usual one: another layout of Nix, no trust, root, a user's own systemd, no curl, odd
//! login shells, another architecture, two environments.

use std::fs;

use crate::support::facts::{ROOT, current, events, invocation, journal, journal_at, listing, page};
use crate::support::lab::{Server, Variant};
use crate::support::world::{World, signing_key};

#[test]
fn nix_may_lie_where_only_its_installer_looks() {
    let server = Server::boot(Variant::Installer);
    let found = server.sh_as("deploy", "PATH=/usr/local/bin:/usr/bin:/bin; command -v nix-store");
    assert!(!found.success(), "Nix is on the plain path here: {found}");
    let world = World::new(&server);
    let first = world.commit("1", "ok");
    world.deploy();
    world.commit("2", "ok");
    world.deploy();
    assert!(page(&server).contains("version: 2"));
    let roots = server.sh_ok("/nix/var/nix/profiles/default/bin/nix-store --gc --print-roots");
    assert!(roots.contains(&format!("{ROOT}/releases/{first}/result")), "{roots}");
    world.shipit(&["rollback"]).expect(0);
    assert!(page(&server).contains("version: 1"));
}

#[test]
fn a_server_that_does_not_trust_the_login_takes_signed_closures() {
    let server = Server::builder().untrusted().boot();
    let world = World::new(&server);
    world.commit("1", "ok");
    server.sh_ok("systemctl stop server.service");
    let before = listing(&server);
    let refused = world.shipit(&["deploy"]).expect(3);
    refused.says(&[
        "does not trust this login",
        "nix-store --generate-binary-cache-key",
        "[sign]\n  key_file = ",
        "extra-trusted-users",
    ]);
    assert_eq!(listing(&server), before);

    let public = signing_key(&world, "key");
    world.edit("[health]", "[sign]\nkey_file = \"../key\"\n\n[health]");
    world.commit_all("1, signed");
    let line = format!("extra-trusted-public-keys = {public}");
    world.shipit(&["deploy"]).expect(3).says(&["/etc/nix/nix.conf", &line, "systemctl restart nix-daemon"]);
    assert_eq!(listing(&server), before, "nothing was sent");
    server.sh_ok(&format!("echo '{line}' >>/etc/nix/nix.conf; systemctl restart nix-daemon"));
    world.deploy();
    assert!(page(&server).contains("version: 1"));
    let path = server.sh_ok(&format!("readlink {ROOT}/current/result"));
    let info =
        server.sh_ok(&format!("nix --extra-experimental-features nix-command path-info --sigs {path}"));
    assert!(info.contains("shipit-test-1:"), "{info}");
}

#[test]
fn root_can_deploy() {
    let server = Server::boot(Variant::Debian);
    server.sh_ok("install -d -m 700 /root/.ssh; cp /home/deploy/.ssh/authorized_keys /root/.ssh/; rm /etc/sudoers.d/shipit");
    let world = World::new(&server);
    world.edit("deploy@", "root@");
    world.edit("[health]", "[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\n\n[health]");
    // One who deploys as root has no need of sudo.
    server.sh_ok("mv /usr/bin/sudo /usr/bin/sudo.away");
    let first = world.commit("1", "ok");
    world.deploy();
    assert!(page(&server).contains("view: <h1>1</h1>"));
    let migrated = server.sh_ok(&format!("cat {ROOT}/data/migrated; stat -c %U {ROOT}/data/migrated"));
    assert_eq!(migrated, format!("app {ROOT}/releases/{first} {ROOT}/data/server.db\napp\n"));
    world.commit("2", "crash");
    world.shipit(&["deploy"]).expect(7).says(&["boom: refused to start", "runs again"]);
    assert_eq!(current(&server), format!("releases/{first}"));
    assert_eq!(events(&journal(&server)), "started live kept started live reverted");
}

#[test]
fn a_unit_of_the_login_s_own_systemd_can_be_deployed() {
    let server = Server::boot(Variant::Debian);
    // Nothing of this needs root or sudo, but lingering.
    server.sh_ok("systemctl disable --now server.service; rm /etc/sudoers.d/shipit");
    let root = "/home/deploy/web";
    let unit = "[Service]\nWorkingDirectory=%h/web/current\nExecStart=%h/web/current/result/bin/server\n\
                Environment=SERVER_DB_PATH=/home/deploy/db/server.db\nRestart=always\n";
    let put = "mkdir -p ~/.config/systemd/user && cat >~/.config/systemd/user/web.service";
    assert!(server.sh_with_input("deploy", &format!("HOME=/home/deploy; {put}"), unit.as_bytes()).success());
    let world = World::new(&server);
    world.edit("app = \"server\"", &format!("app = \"web\"\nroot = \"{root}\""));
    world.edit("[health]", "[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\n\n[health]");
    let first = world.commit("1", "ok");
    world.shipit(&["deploy"]).expect(3).says(&[
        "web.service",
        "last login of deploy",
        "loginctl enable-linger deploy",
    ]);
    assert!(!server.sh(&format!("test -e {root}")).success());

    server.sh_ok("systemd-run --quiet --wait loginctl enable-linger deploy");
    world.deploy();
    let answer = page(&server);
    assert!(answer.contains("version: 1") && answer.contains(&format!("cwd: {root}/")), "{answer}");
    let migrated = server.sh_ok("cat /home/deploy/db/migrated");
    assert_eq!(migrated, format!("deploy {root}/releases/{first} /home/deploy/db/server.db\n"));
    world.commit("2", "crash");
    world.shipit(&["deploy"]).expect(7).says(&["boom: refused to start", "runs again"]);
    assert!(page(&server).contains("version: 1"));
    let third = world.commit("3", "ok");
    world.deploy();
    assert!(page(&server).contains("version: 3"));
    let status = world.shipit(&["status"]).expect(0);
    assert!(
        status.stdout.contains("active (running)") && status.stdout.contains(&third[..7]),
        "{}",
        status.stdout
    );
    world.shipit(&["rollback"]).expect(0);
    assert!(page(&server).contains("version: 1"));
    let ends = "started live kept started live reverted started live kept started live kept";
    assert_eq!(events(&journal_at(&server, root)), ends);
}

#[test]
fn the_health_check_needs_no_curl() {
    let server = Server::boot(Variant::Debian);
    server.sh_ok("rm /usr/bin/curl");
    let world = World::new(&server);
    let first = world.commit("1", "ok");
    let ran = world.deploy();
    assert!(ran.stderr.contains("status 200"), "{}", ran.stderr);
    world.edit("within = \"10s\"", "within = \"2s\"");
    world.commit("2", "error");
    world.shipit(&["deploy"]).expect(7).says(&["was not healthy within 2 s: status 500", &first[..7]]);
    world.commit("3", "no-listen");
    world.shipit(&["deploy"]).expect(7).says(&["was not healthy within 2 s"]);
    assert!(page(&server).contains("version: 1"));
    world.commit("4", "ok");
    world.edit("http://127.0.0.1:3001/", "https://127.0.0.1:3001/");
    world.git(&["commit", "-q", "-a", "-m", "https"]);
    let before = listing(&server);
    world
        .shipit(&["deploy"])
        .expect(3)
        .says(&["https needs curl", "as root: apt-get install -y --reinstall curl"]);
    assert_eq!(listing(&server), before);
}

#[test]
fn login_shells_and_what_they_print_do_not_matter() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.edit("within = \"10s\"", "within = \"10s\"\nsettle = \"200ms\"");
    // A banner before the login, one after it, and a bash that talks in every session.
    server.sh_ok(
        "echo 'Keep out: @ end' >/etc/issue.net; echo 'Banner /etc/issue.net' >>/etc/ssh/sshd_config.d/lab.conf
         echo 'Welcome back, @ outcome nothing' >/etc/motd; systemctl reload ssh
         sed -i '1i echo noise on stderr >&2; alias ls=rm; export LC_ALL=xx_XX CDPATH=/ POSIXLY_CORRECT=1; umask 077' /home/deploy/.bashrc",
    );
    world.commit("1", "ok");
    world.deploy();
    assert!(page(&server).contains("view: <h1>1</h1>"));
    for shell in ["/bin/dash", "/bin/sh"] {
        server.sh_ok(&format!("usermod --shell {shell} deploy"));
        world.commit(shell, "ok");
        world.deploy();
        assert!(page(&server).contains(&format!("version: {shell}")));
    }
    let last = current(&server);
    world.commit("4", "ok");
    let before = listing(&server);
    server.sh_ok("usermod --shell /usr/sbin/nologin deploy");
    world
        .shipit(&["deploy"])
        .expect(3)
        .says(&["did not run what it was given", "This account is currently not available"]);
    assert_eq!((current(&server), listing(&server)), (last, before));
}

#[test]
fn a_login_shell_that_prints_to_stdout_is_named() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    server.sh_ok("sed -i '1i echo Good morning; echo; echo @ end' /home/deploy/.bashrc");
    world.commit("1", "ok");
    // Nix's protocol begins with the shell's own words, and nothing can be done about that from here.
    let failed = world.shipit(&["deploy"]).expect(5);
    failed.says(&["the copy to deploy@", "Good morning", "~/.bashrc", "interactive"]);
    world.shipit(&["status"]).expect(0);
    server.sh_ok("sed -i 1d /home/deploy/.bashrc");
    world.deploy();
    assert!(page(&server).contains("version: 1"));
}

#[test]
fn a_server_of_another_architecture_gets_its_own_build_or_an_explanation() {
    let server = Server::boot(Variant::Debian);
    server.sh_ok(
        "systemctl stop server.service; mv /usr/bin/uname /usr/bin/uname.real
         printf '#!/bin/sh\\nif [ \"$1\" = -m ]; then echo aarch64; else exec uname.real \"$@\"; fi\\n' >/usr/bin/uname
         chmod 755 /usr/bin/uname",
    );
    let world = World::new(&server);
    world.commit("1", "ok");
    let before = listing(&server);
    world.shipit(&["deploy"]).expect(4).says(&[
        "the flake has no `packages.aarch64-linux.default`",
        "the server is aarch64-linux",
        "`builders` in nix.conf",
        "CI on a aarch64-linux runner",
    ]);
    world.edit("app = ", "system = \"x86_64-linux\"\napp = ");
    world.commit("2", "ok");
    world.shipit(&["deploy"]).expect(3).says(&[
        "is aarch64-linux",
        "system = \"x86_64-linux\"",
        "system = \"aarch64-linux\"",
    ]);
    assert_eq!(listing(&server), before);
    // Where the flake has it, it is built and sent. (busybox is still this machine's: what runs there is not the matter.)
    world.edit("system = \"x86_64-linux\"\n", "");
    let flake = fs::read_to_string(world.app().join("flake.nix")).unwrap();
    world.write("flake.nix", &flake.replace(
        "packages.${system} = {",
        "packages.aarch64-linux.default = build \"for-the-server\" ./bin.sh { inherit busybox content; script = ./server.sh; };\n      packages.${system} = {",
    ));
    world.commit("3", "ok");
    world.deploy();
    let path = server.sh_ok(&format!("readlink {ROOT}/current/result"));
    assert!(path.trim().ends_with("-for-the-server"), "{path}");
    assert!(page(&server).contains("version: 3"));
}

#[test]
fn environments_on_one_server_do_not_touch_each_other() {
    let server = Server::boot(Variant::Debian);
    let staging = "/var/www/staging";
    server.sh_ok(&format!(
        "install -d -o deploy {staging}; install -d -o app {staging}/data
         sed 's,{ROOT},{staging},g; s,:3001,:3002,' /etc/systemd/system/server.service >/etc/systemd/system/staging.service
         sed 's,server.service,staging.service,g' /etc/sudoers.d/shipit >/etc/sudoers.d/staging; systemctl daemon-reload"
    ));
    let world = World::new(&server);
    world.edit(
        "[health]",
        &format!(
            "[environments.staging]\nroot = \"{staging}\"\nunit = \"staging.service\"\nkeep = 2\n\n\
             [environments.staging.health]\nhttp = \"http://127.0.0.1:3002/\"\nwithin = \"3s\"\n\n[health]"
        ),
    );
    let on_staging = || {
        let ask = "curl -sS http://127.0.0.1:3002/";
        server.sh_ok(ask)
    };
    let first = world.commit("1", "ok");
    world.deploy();
    let (start, before) = (invocation(&server, "server.service"), listing(&server));

    let second = world.commit("2", "ok");
    let ran = world.shipit(&["-e", "staging", "deploy"]).expect(0);
    assert!(ran.stdout.contains(&second[..7]), "{}", ran.stdout);
    assert!(on_staging().contains("version: 2") && page(&server).contains("version: 1"));
    assert_eq!(events(&journal_at(&server, staging)), "started live kept");
    assert_eq!(journal_at(&server, staging)[0]["deploy"], 1, "numbers are the environment's own");
    assert_eq!(journal(&server).len(), 3);
    assert_eq!(invocation(&server, "server.service"), start);
    let of_production = |text: &str| {
        text.lines().filter(|line| line.starts_with(ROOT)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of_production(&listing(&server)), of_production(&before));

    // Its hints name it.
    world.commit("3", "crash");
    let failed = world.shipit(&["deploy", "--environment", "staging"]).expect(7);
    failed.says(&["boom: refused to start", "staging.service", &format!("{} runs again", &second[..7])]);
    world.shipit(&["-e", "staging", "rollback", "v99"]).expect(2).says(&["shipit -e staging deploy COMMIT"]);
    world.shipit(&["-e", "stagin", "status"]).expect(2).says(&["staging"]);
    let told = |words: &[&str]| -> serde_json::Value {
        serde_json::from_str(&world.shipit(words).expect(0).stdout).unwrap()
    };
    assert_eq!(told(&["-e", "staging", "status", "--json"])["current"]["release"], second.as_str());
    assert_eq!(told(&["status", "--json"])["current"]["release"], first.as_str());
    assert_eq!(told(&["-e", "staging", "releases", "--json"])["environment"], "staging");
    assert_eq!(invocation(&server, "server.service"), start);
}
