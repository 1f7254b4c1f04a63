//! The server can't be reached, or is not the one it should be: exit 3, with the way out.

use std::process::Command;
use std::time::Duration;

use crate::support::lab::{Server, Variant};
use crate::support::site::Site;

/// The ssh_config of the world, with other lines before it: ssh takes the first that it finds.
fn ssh_config(site: &Site, first: &str) {
    let server = &site.server;
    site.world.ssh_config(&format!(
        "{first}\nHost *\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {}\n",
        server.key.display(),
        server.known_hosts.display()
    ));
}

fn fingerprint(host_key: &str) -> String {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("{host_key}\n")).expect("a key");
    let output = Command::new("ssh-keygen").arg("-lf").arg(file.path()).output().expect("ssh-keygen");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split(' ').nth(1).expect("a fingerprint").to_owned()
}

/// Another key pair than the server's or the user's: its private half lies at this name.
fn other_key(site: &Site) -> (String, String) {
    let file = site.world.file("other-key").to_string_lossy().into_owned();
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &file]).status();
    assert!(made.expect("ssh-keygen").success());
    let public = std::fs::read_to_string(format!("{file}.pub")).expect("the public half");
    let words: Vec<&str> = public.split(' ').take(2).collect();
    (file, words.join(" ").trim().to_owned())
}

#[test]
fn a_server_that_is_down_is_not_waited_for() {
    let site = Site::new();
    site.commit("ok");
    site.server.crash();
    let host = format!("deploy@{}", site.server.address);
    let failed = site.fails(&["deploy"], 3, &[&format!("{host} can't be reached"), "timed out", "ssh -F"]);
    assert!(failed.took < Duration::from_secs(15), "{:?}", failed.took);
    site.server.boot_again();
    site.good();
}

#[test]
fn a_cut_cable_is_not_waited_for() {
    let site = Site::new();
    site.commit("ok");
    let before = site.now();
    site.server.cut();
    for words in [["deploy"], ["rollback"]] {
        let failed =
            site.fails(&words, 3, &["can't be reached", "timed out", "ssh -F", "`host` in shipit.toml"]);
        assert!(failed.took < Duration::from_secs(15), "{:?}", failed.took);
    }
    site.server.mend();
    assert_eq!(site.now(), before);
    site.good();
}

#[test]
fn a_name_or_port_without_a_server_is_said() {
    let site = Site::new();
    site.commit("ok");
    let address = site.server.address.clone();
    ssh_config(&site, "Port 9");
    let says =
        [&format!("deploy@{address} can't be reached"), "port 9: Connection refused", "ssh -F", "-v deploy@"];
    site.untouched(&["deploy"], 3, &says);
    ssh_config(&site, "");

    site.world.edit(&address, "nowhere.invalid");
    let says =
        ["deploy@nowhere.invalid can't be reached", "Could not resolve hostname", "`host` in shipit.toml"];
    site.untouched(&["deploy"], 3, &says);
    site.world.edit("nowhere.invalid", &address);
    site.good();
}

#[test]
fn a_wrong_key_is_told_from_an_unreachable_server() {
    let site = Site::new();
    site.commit("ok");
    let (file, _) = other_key(&site);
    site.world.ssh_config(&format!(
        "Host *\n  IdentityFile {file}\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {}\n",
        site.server.known_hosts.display()
    ));
    let says = ["does not let us in", "Permission denied (publickey)", "which keys were tried", "passphrase"];
    site.untouched(&["deploy"], 3, &says);
    ssh_config(&site, "");
    site.good();
}

#[test]
fn an_unknown_server_is_pinned_by_the_line_that_is_shown() {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.commit("ok");
    let nobody = site.world.file("nobody");
    std::fs::write(&nobody, "").expect("a file");
    ssh_config(&site, &format!("UserKnownHostsFile {}", nobody.display()));
    let shown = fingerprint(&site.server.host_key);
    let says =
        [&format!("the host key of deploy@{} is not known: it is {shown}", site.server.address), "[ssh]"];
    let failed = site.untouched(&["deploy"], 3, &says);
    // On the screen too, on one line that can be marked.
    let line = format!("host_key = \"{}\"", site.server.host_key);
    let option = format!("--host-key '{}'", site.server.host_key);
    site.world.shipit(&["deploy"]).expect(3).says(&[&shown, &line, &option]);
    // The way to compare shows this very fingerprint on the server.
    let compare = failed.hinted("which this prints there: `", "`");
    assert!(site.server.sh_ok(&compare).contains(&shown));

    let pasted = format!("host_key = {}", failed.hinted("host_key = ", "\n"));
    assert_eq!(pasted, line);
    site.world.edit("[ssh]\n", &format!("[ssh]\n{pasted}\n"));
    site.good();
}

#[test]
fn another_host_key_than_the_pinned_one_is_refused() {
    let site = Site::new();
    site.commit("ok");
    let (_, other) = other_key(&site);
    site.world.edit("[ssh]\n", &format!("[ssh]\nhost_key = \"{other}\"\n"));
    let shown = fingerprint(&site.server.host_key);
    let says = [
        "shows another host key than the one that is pinned in shipit.toml",
        &shown,
        "host_key",
        "do not go on",
    ];
    site.untouched(&["deploy"], 3, &says);
    site.world.edit(&other, &site.server.host_key);
    site.good();
}

#[test]
fn a_host_key_that_changed_is_refused() {
    let site = Site::new();
    site.commit("ok");
    let (_, other) = other_key(&site);
    let file = site.world.file("changed");
    std::fs::write(&file, format!("{} {other}\n", site.server.address)).expect("known_hosts");
    ssh_config(&site, &format!("UserKnownHostsFile {}", file.display()));
    let shown = fingerprint(&site.server.host_key);
    let says =
        ["shows another host key than the one that is in known_hosts", &shown, "known_hosts to remove"];
    let failed = site.untouched(&["deploy"], 3, &says);
    // The command that names the line does so.
    let command = failed.hinted("`", "` names the line");
    let output = site.world.command("sh").args(["-c", &command]).output().expect("sh");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&format!("{}:1", file.display())), "{command}: {said}");
    std::fs::write(&file, format!("{} {}\n", site.server.address, site.server.host_key))
        .expect("known_hosts");
    site.good();
}
