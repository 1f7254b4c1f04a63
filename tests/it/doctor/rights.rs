//! Rights, folders and the unit: much is wrong at once, all of it is said, and what is said mends it.

use super::examined::doctor;
use crate::support::lab::{Server, Variant};
use crate::support::site::Site;

/// A server that is ready, and a flake in a commit.
fn ready_site() -> Site {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.commit("ok");
    site.drop_in("[Service]\nType=exec");
    site
}

#[test]
fn all_that_is_wrong_is_said_at_once_and_mended_by_what_is_said() {
    let site = ready_site();
    let server = &site.server;
    let hook = "[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\n\n[health]";
    site.world.edit("\n[health]", &format!("\n{hook}"));
    site.drop_in("EnvironmentFile=/etc/server/app env\nEnvironmentFile=-/etc/server/none\nExecStart=\nExecStart=/bin/sleep 1d");
    server.sh_ok(
        "rm /etc/sudoers.d/shipit; gpasswd -d deploy nix-users; gpasswd -d deploy systemd-journal
         chown root /var/www/server; systemctl disable server.service",
    );
    let found = doctor(&site.world, 3);
    found.are(
        "failed",
        &[
            ("server/daemon", "deploy may not use the Nix daemon of deploy@"),
            ("server/restart", "deploy may not restart server.service"),
            ("server/hooks", "deploy may not run the hook as app"),
            ("server/folder", "/var/www/server on deploy@"),
            ("app/environment", "/etc/server/app env is not there"),
        ],
    );
    found.are(
        "warning",
        &[
            ("server/log", "deploy may not read the unit's log"),
            ("app/program", "no ExecStart= of server.service is below /var/www/server/current/"),
            ("app/boot", "server.service is not started when the server boots"),
        ],
    );
    found.are(
        "skipped",
        &[("server/trust", "`server/daemon` failed"), ("server/start limit", "`server/restart`")],
    );
    // People are told the short way, too.
    let people = site.world.shipit(&["doctor"]).expect(3);
    assert!(
        people.stdout.contains("not ready: 5 checks failed, 3 warnings, 2 checks not looked at"),
        "{}",
        people.stdout
    );
    assert!(
        people
            .stdout
            .ends_with("the short way, for an administrator of the server: shipit setup --as root\n")
    );

    for name in [found.with("failed"), found.with("warning")].concat() {
        found.mend(&name, server);
    }
    let found = doctor(&site.world, 0);
    found.are("warning", &[]).are("note", &[]);
    found.says("server/hooks", "can run as app").says("app/environment", "its EnvironmentFile is there");
    site.good();
    doctor(&site.world, 0);
}

#[test]
fn a_right_is_wanted_only_as_far_as_it_is_used() {
    let site = ready_site();
    let server = &site.server;
    let rule = "deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart server.service";
    server.sh_ok(&format!("echo '{rule}' >/etc/sudoers.d/shipit"));
    // Without hooks nobody has to become the app.
    let found = doctor(&site.world, 0);
    found.are("warning", &[("server/start limit", "not reset its start limit")]);
    found.mend("server/start limit", server);

    // A hook reads the unit's EnvironmentFiles as the unit's user; systemd reads them as root.
    server.sh_ok("echo 'deploy ALL=(app) NOPASSWD: ALL' >/etc/sudoers.d/hooks");
    site.world.edit("\n[health]", "\n[hooks]\nbefore_switch = [\"true\"]\n\n[health]");
    server.sh_ok("install -d -m 755 /etc/server && echo A=1 >/etc/server/env && chmod 600 /etc/server/env");
    site.drop_in("EnvironmentFile=/etc/server/env");
    let found = doctor(&site.world, 3);
    found.are("failed", &[("app/environment", "app can't read /etc/server/env")]);
    found.mend("app/environment", server);
    doctor(&site.world, 0).are("warning", &[]);

    // One who has to be a user that exists at no other time.
    site.drop_in("User=\nDynamicUser=yes");
    doctor(&site.world, 3).are("failed", &[("server/hooks", "has DynamicUser=")]);
}

#[test]
fn a_folder_and_a_unit_that_are_not_there_are_made() {
    let site = ready_site();
    let server = &site.server;
    server.sh_ok(
        "rm -r /var/www/server /etc/systemd/system/server.service*; systemctl daemon-reload; systemctl reset-failed",
    );
    let found = doctor(&site.world, 3);
    found.are(
        "failed",
        &[
            ("server/folder", "/var/www/server does not exist"),
            ("app/unit", "server.service does not exist on deploy@"),
        ],
    );
    found.mend("server/folder", server).mend("app/unit", server);
    doctor(&site.world, 0).says("app/unit", "is loaded").says("app/boot", "enabled");

    // Edited, and not read again; then masked, and something of somebody else's in shipit's place.
    server.sh_ok(
        "sed -i 's/www-data/app/' /etc/systemd/system/server.service
         install -d -m 755 -o app /var/www/server/data; touch /var/www/server/.shipit",
    );
    let found = doctor(&site.world, 3);
    found.are("failed", &[("server/folder", "/var/www/server/.shipit on deploy@")]);
    found.are("warning", &[("app/unit", "was edited since systemd read it")]);
    found.mend("app/unit", server);
    let (_, moved) = found.hints("server/folder")[0]
        .split_once("belongs to: ")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("a command");
    server.sh_ok(&moved);
    server.sh_ok("mv /etc/systemd/system/server.service /usr/lib/systemd/system/; systemctl daemon-reload; systemctl mask server.service");
    let found = doctor(&site.world, 3);
    found.are("failed", &[("app/unit", "server.service is masked")]);
    assert_eq!(
        found.with("skipped"),
        ["app/program", "app/type", "app/boot", "app/environment", "app/answer"]
    );
    found.mend("app/unit", server);
    site.drop_in("[Service]\nEnvironment=SERVER_PORT=:3001 SERVER_DB_PATH=/var/www/server/data/server.db");
    site.good();
    // Its link still points at where the unit was.
    doctor(&site.world, 0).mend("app/boot", server).mend("app/type", server);

    // A switch that nobody ended.
    server.sh_ok(
        "printf 'token=x\\n' >/var/www/server/.shipit/pending; chown deploy /var/www/server/.shipit/pending",
    );
    doctor(&site.world, 0).are("warning", &[("server/history", "an earlier deploy ended without a word")]);
}

#[test]
fn a_unit_of_the_login_s_own_systemd_has_to_outlive_it() {
    let server = Server::boot(Variant::Debian);
    server.sh_ok("systemctl disable --now server.service; rm /etc/sudoers.d/shipit");
    let unit = "[Service]\nType=exec\nExecStart=%h/web/current/result/bin/server\n\n[Install]\nWantedBy=default.target\n";
    let put = "mkdir -p ~/.config/systemd/user && cat >~/.config/systemd/user/web.service";
    assert!(server.sh_with_input("deploy", &format!("HOME=/home/deploy; {put}"), unit.as_bytes()).success());
    let world = crate::support::world::World::new(&server);
    world.edit("app = \"server\"", "app = \"web\"\nroot = \"/home/deploy/web\"");
    world.commit("1", "ok");
    let found = doctor(&world, 3);
    found.are("failed", &[("server/restart", "ends with the last login of deploy")]);
    found.are("warning", &[("app/boot", "web.service is not started when the server boots")]);
    server.sh_ok(&format!("systemd-run --quiet --wait {}", found.command("server/restart")));
    let enable = found.command("app/boot");
    assert!(
        server.sh_as("deploy", &format!("export XDG_RUNTIME_DIR=/run/user/$(id -u); {enable}")).success()
    );
    doctor(&world, 0).are("warning", &[]).says("server/restart", "outlives its logins");
}
