//! The server is not ready: exit 3 before anything is sent, with the line that mends it; pasting that line does.

use crate::support::lab::{Server, Variant};
use crate::support::site::{Site, between};
use crate::support::world::public_half;

#[test]
fn a_missing_sudo_rule_is_the_line_to_paste() {
    let site = Site::new();
    site.commit("ok");
    site.server.sh_ok("rm /etc/sudoers.d/shipit");
    let says = ["deploy may not restart server.service on deploy@", "visudo"];
    let failed = site.untouched(&["deploy"], 3, &says);
    site.untouched(&["rollback", &site.now().current[9..]], 3, &says);
    let rules = "deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart server.service, /usr/bin/systemctl reset-failed server.service";
    let command = failed.hinted("as root: ", "\n");
    assert!(command.contains(&format!("echo '{rules}'")), "{command}");
    site.server.sh_ok(&command);
    assert_eq!(site.server.sh_ok("cat /etc/sudoers.d/shipit-server").trim(), rules);
    site.good();
}

/// sudo lists what a login may do with its password too, where another rule asks for none.
#[test]
fn a_right_that_asks_for_a_password_is_none() {
    let site = Site::new();
    let commit = site.commit("ok");
    site.server.sh_ok("gpasswd -a deploy sudo; echo 'deploy ALL=(app) NOPASSWD: ALL' >/etc/sudoers.d/shipit");
    let failed = site.untouched(&["deploy"], 3, &["deploy may not restart server.service on deploy@"]);
    // No password is asked for in any of it.
    site.server.sh_ok("echo 'Defaults:deploy !authenticate' >/etc/sudoers.d/shipit");
    site.world.deploy();
    site.is_live(&commit);
    site.server.sh_ok("echo 'deploy ALL=(app) NOPASSWD: ALL' >/etc/sudoers.d/shipit");
    site.server.sh_ok(&failed.hinted("as root: ", "\n"));
    site.good();
}

#[test]
fn without_the_rule_for_the_start_limit_it_warns_and_deploys() {
    let site = Site::empty(Server::boot(Variant::Debian));
    let rule = "deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart server.service";
    site.server.sh_ok(&format!("echo '{rule}' >/etc/sudoers.d/shipit"));
    let commit = site.commit("ok");
    let ran = site.world.deploy().says(&["start limit", "reset-failed server.service"]);
    site.is_live(&commit);
    // Pasted, it is silent.
    site.server.sh_ok(&between(&ran.stderr, "as root: ", "\n"));
    site.commit("ok");
    let ran = site.world.deploy();
    assert!(!ran.stderr.contains("start limit"), "{}", ran.stderr);
}

#[test]
fn a_server_without_nix_is_said() {
    let site = Site::empty(Server::boot(Variant::Bare));
    site.commit("ok");
    let host = format!("deploy@{}", site.server.address);
    site.untouched(
        &["deploy"],
        3,
        &[&format!("Nix was not found on {host}"), "install multi-user Nix there"],
    );
    site.untouched(&["rollback"], 3, &["Nix was not found"]);
}

#[test]
fn a_login_that_may_not_use_nix_is_mended_by_the_line() {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.commit("ok");
    site.server.sh_ok("gpasswd -d deploy nix-users");
    let says = ["deploy may not use the Nix daemon of deploy@", "ermission denied"];
    let failed = site.untouched(&["deploy"], 3, &says);
    let command = failed.hinted("as root: ", "   (");
    assert_eq!(command, "usermod -aG nix-users deploy");
    site.server.sh_ok(&command);
    site.good();
}

#[test]
fn nothing_is_sent_to_a_server_that_would_refuse_it() {
    let site = Site::empty(Server::builder().untrusted().boot());
    site.commit("ok");
    // `untouched` sees that no path came into the store.
    let says = ["the server would refuse /nix/store/", "does not trust this login", "[sign]"];
    let failed = site.untouched(&["deploy"], 3, &says);

    // The way that is recommended.
    let make = failed.hinted("Make a key once: ", "\n").trim_matches('`').to_owned();
    let made = site.world.command("sh").args(["-c", &make]).output().expect("sh");
    assert!(made.status.success(), "{make}: {made:?}");
    site.world.edit("[ssh]\n", "[sign]\nkey_file = \"~/.config/shipit/signing.key\"\n\n[ssh]\n");
    let failed =
        site.untouched(&["deploy"], 3, &["the server would refuse", "nix.conf", "restart nix-daemon"]);
    let command = failed.hinted("as root: ", "\n");
    let wanted = format!("extra-trusted-public-keys = {}", public_half(&site.world));
    assert!(command.contains(&wanted), "{command}");
    site.server.sh_ok(&command);
    site.good();
}

#[test]
fn a_root_folder_that_is_not_there_is_made_by_the_line() {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.commit("ok");
    site.server.sh_ok("mv /var/www/server /var/www/gone");
    let says = ["/var/www/server does not exist on deploy@", "deploy can't make it"];
    let failed = site.untouched(&["deploy"], 3, &says);
    site.server.sh_ok(&failed.hinted("as root: ", "\n"));
    site.good();
}

#[test]
fn a_folder_that_belongs_to_somebody_else_is_given_back_by_the_line() {
    let site = Site::new();
    site.commit("ok");
    for folder in ["/var/www/server", "/var/www/server/releases", "/var/www/server/.shipit"] {
        site.server.sh_ok(&format!("chown root {folder}"));
        let says = [&format!("{folder} on deploy@"), "belongs to root, and deploy can't write in it"];
        let failed = site.untouched(&["deploy"], 3, &says);
        site.server.sh_ok(&failed.hinted("as root: ", "   ("));
    }
    site.good();
}

#[test]
fn a_unit_that_is_missing_or_masked_is_said() {
    let site = Site::empty(Server::boot(Variant::Debian));
    // Where a package puts it, so that masking has its usual place.
    site.server
        .sh_ok("mv /etc/systemd/system/server.service /usr/lib/systemd/system/ && systemctl daemon-reload");
    site.good();
    site.commit("ok");
    site.server.sh_ok("systemctl mask server.service");
    let failed = site.untouched(&["deploy"], 3, &["server.service is masked on deploy@"]);
    site.server.sh_ok(&failed.hinted("as root: ", "\n"));
    site.good();

    site.server.sh_ok("mv /usr/lib/systemd/system/server.service /root/ && systemctl stop server && systemctl daemon-reload");
    let says = [
        "server.service does not exist on deploy@",
        "/etc/systemd/system/server.service",
        "`unit` in shipit.toml",
        "shipit setup --as root",
    ];
    // What is not there has no user whom hooks could run as: nothing is said of their rights.
    site.world.edit("\n[health]", "\n[hooks]\nbefore_switch = [\"true\"]\n\n[health]");
    site.server.sh_ok("echo 'deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart server.service, /usr/bin/systemctl reset-failed server.service' >/etc/sudoers.d/shipit");
    let failed = site.untouched(&["deploy"], 3, &says);
    assert!(!failed.text.contains("the hook"), "{}", failed.text);
    site.world.edit("\n[hooks]\nbefore_switch = [\"true\"]\n", "");
    site.server.sh_ok("mv /root/server.service /etc/systemd/system/ && systemctl daemon-reload");
    site.good();
}

#[test]
fn a_program_that_is_missing_there_is_named() {
    let site = Site::new();
    site.commit("ok");
    site.server.sh_ok("mv /usr/bin/flock /root/");
    site.untouched(
        &["deploy"],
        3,
        &["lacks `flock`, which the switch needs", "apt-get install -y --reinstall util-linux"],
    );
    site.server.sh_ok("mv /root/flock /usr/bin/");
    site.good();
}
