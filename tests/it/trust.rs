//! Whom the server's Nix trusts: a login, a group, a key. What is missing is found out before anything is sent, and what
//! is said to mend it does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::lab::Server;
use crate::support::site::Site;
use crate::support::world::signing_key;

/// A server that does not trust the login, and a key in shipit.toml: its public half.
fn signed() -> (Site, String) {
    let site = Site::empty(Server::builder().untrusted().boot());
    let public = signing_key(&site.world, "key");
    site.world.edit("[ssh]\n", "[sign]\nkey_file = \"../key\"\n\n[ssh]\n");
    (site, public)
}

/// The server trusts this key from now on.
fn trust(server: &Server, public: &str) {
    let line = format!("extra-trusted-public-keys = {public}");
    server.sh_ok(&format!("echo '{line}' >>/etc/nix/nix.conf; systemctl restart nix-daemon"));
}

/// A Nix that can't tell whether it trusts the login, as before 2.15. `settings`: what its `show-config` does.
fn old_nix(server: &Server, settings: &str) {
    server.sh_ok(&format!(
        "cd /usr/local/bin; for name in nix-store nix-daemon; do ln -sf /usr/bin/$name $name; done
         cat >nix <<'EOF'
#!/bin/sh
case $* in
  *'store info'*) echo \"error: 'info' is not a recognised command\" >&2; exit 1 ;;
  *'store ping'*) echo 'Store URL: daemon' ;;
  *show-config* | *'config show'*) {settings} ;;
  *) exec /usr/bin/nix \"$@\" ;;
esac
EOF
         chmod 755 nix"
    ));
}

#[test]
fn a_daemon_that_was_not_restarted_is_to_be_restarted() {
    let (site, _) = signed();
    site.commit("ok");
    let failed = site.untouched(&["deploy"], 3, &["the server would refuse /nix/store/"]);
    let command = failed.hinted("as root: ", "\n");
    // The half of it that is easily taken for all.
    let (line, restart) = command.split_once(" && ").expect("two commands");
    assert_eq!(restart, "systemctl restart nix-daemon");
    site.server.sh_ok(line);
    let before = site.now();
    let failed = site.fails(&["deploy"], 5, &["lacks a signature", "names the key already"]);
    let now = site.now();
    assert_eq!((now.current, now.state, now.releases), (before.current, before.state, before.releases));
    // Not one path that asks for trust came in.
    let came: Vec<_> = now.store.iter().filter(|name| !before.store.contains(name)).collect();
    assert!(came.iter().all(|name| name.ends_with("-server-assets")), "{came:?}");
    assert_eq!(failed.hinted("as root: ", "\n"), restart);
    site.server.sh_ok(restart);
    site.good();
}

#[test]
fn another_key_of_the_same_name_is_replaced_by_the_line() {
    let (site, old) = signed();
    site.commit("ok");
    let failed = site.untouched(&["deploy"], 3, &[&format!("extra-trusted-public-keys = {old}'")]);
    site.server.sh_ok(&failed.hinted("as root: ", "\n"));
    site.good();

    let new = signing_key(&site.world, "new");
    assert_ne!(new, old);
    site.world.edit("../key", "../new");
    // Also where this machine has the old signatures, and the server nothing.
    site.server.sh_ok(
        "systemctl stop server; cd /var/www/server; rm -r current releases .shipit; nix-collect-garbage --quiet",
    );
    let says = [
        "another key that is called shipit-test-1",
        "of one name Nix takes the first only",
        "--generate-binary-cache-key NAME-1",
    ];
    let failed = site.untouched(&["deploy"], 3, &says);
    // A further line does not help, as it says: also the server itself, when it is asked, refuses.
    trust(&site.server, &new);
    site.commit("ok");
    site.untouched(&["deploy"], 3, &says);
    old_nix(&site.server, "exit 1");
    site.fails(&["deploy"], 5, &["lacks a signature by a trusted key"]);
    site.server.sh_ok(&failed.hinted("as root: ", "\n"));
    site.good();
    site.server.sh_ok("rm /usr/local/bin/nix");
    site.good();
}

#[test]
fn a_key_file_is_judged_before_the_build() {
    let (site, public) = signed();
    site.commit("slow-build 600");
    let key = site.world.file("key");
    let secret = fs::read(&key).unwrap();
    let name = key.to_str().unwrap();
    for (make, says) in [
        ("rm KEY", "can't read the signing key"),
        ("cp KEY.pub KEY", "is a public key, which is for the server's nix.conf"),
        ("head -c 500 /dev/urandom >KEY", "is not a secret key of Nix"),
        (": >KEY", "is empty"),
        ("rm KEY; mkdir KEY", "is not a secret key of Nix"),
        ("rmdir KEY; mkfifo KEY", "is not a secret key of Nix"),
        ("rm KEY; ln -s KEY KEY", "can't read the signing key"),
    ] {
        let ran = site.world.command("sh").args(["-c", &make.replace("KEY", name)]).status().unwrap();
        assert!(ran.success(), "{make}");
        let failed = site.untouched(&["deploy"], 2, &[says]);
        assert!(failed.text.contains("[sign] key_file"), "{}", failed.text);
    }
    fs::remove_file(&key).unwrap();
    fs::write(&key, secret).unwrap();
    trust(&site.server, &public);
    // Open to everybody: said, and done.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    site.commit("ok");
    let ran = site.world.deploy().says(&["every user of this machine can read or change the signing key"]);
    let line = ran.stderr.lines().find_map(|line| line.split_once("signing key; ")).unwrap().1.to_owned();
    assert!(site.world.command("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
    site.commit("ok");
    let ran = site.world.deploy();
    assert!(!ran.stderr.contains("chmod"), "{}", ran.stderr);
}

#[test]
fn a_group_may_be_trusted() {
    let site = Site::empty(Server::builder().untrusted().boot());
    site.commit("ok");
    site.untouched(&["deploy"], 3, &["does not trust this login"]);
    site.server
        .sh_ok("echo 'trusted-users = root @nix-users' >>/etc/nix/nix.conf; systemctl restart nix-daemon");
    site.good();
    // An older Nix does not say so, but its settings do.
    old_nix(&site.server, "exec /usr/bin/nix \"$@\"");
    site.good();
    site.server.sh_ok("sed -i 's/@nix-users/@adm/' /etc/nix/nix.conf; systemctl restart nix-daemon");
    site.commit("ok");
    site.untouched(&["deploy"], 3, &["does not trust this login"]);
}

#[test]
fn a_server_that_can_not_tell_gets_the_benefit_of_the_doubt() {
    let (site, public) = signed();
    old_nix(&site.server, "exit 1");
    site.commit("ok");
    let failed = site.fails(&["deploy"], 5, &["the copy to deploy@", "lacks a signature by a trusted key"]);
    let command = failed.hinted("as root: ", "\n");
    assert!(command.contains(&format!("'extra-trusted-public-keys = {public}'")), "{command}");
    assert!(command.ends_with("systemctl restart nix-daemon"), "{command}");
    assert_eq!(site.now().releases, Vec::<String>::new());
    site.server.sh_ok(&command);
    site.good();
}

#[test]
fn what_a_trusted_cache_has_signed_needs_no_key_here() {
    let (site, public) = signed();
    site.world.edit("[sign]\nkey_file = \"../key\"\n\n", "");
    site.commit("ok");
    trust(&site.server, &public);
    let failed =
        site.world.shipit(&["deploy", "--json"]).expect(3).says(&["no key that it trusts has signed"]);
    let built = failed.stdout.lines().find(|line| line.contains(r#""type":"built""#)).expect("a build");
    let built: serde_json::Value = serde_json::from_str(built).unwrap();
    // As if it had come from a cache.
    let sign = [
        "--extra-experimental-features",
        "nix-command",
        "store",
        "sign",
        "--recursive",
        "--key-file",
        "../key",
    ];
    let path = built["store_path"].as_str().unwrap();
    assert!(site.world.command("nix").args(sign).arg(path).status().unwrap().success());
    site.world.deploy();
    assert_eq!(site.server.sh_ok("readlink /var/www/server/current/result").trim(), path);
}
