//! What is there already stays, and what is in the way is named.

use super::{fresh, has_nothing_to_do, made, signing};
use crate::support::facts::{ROOT, page};
use crate::support::lab::{Server, Variant};
use crate::support::world::{SHIPIT, World};

#[test]
fn a_server_that_was_set_up_by_hand_keeps_what_it_has() {
    let server = Server::boot(Variant::Debian);
    server.sh_ok("install -d -m 700 /root/.ssh; cp /home/deploy/.ssh/authorized_keys /root/.ssh/");
    let world = World::new(&server);
    world.commit("1", "ok");
    world.deploy();
    let unit =
        server.sh_ok("cat /etc/systemd/system/server.service; stat -c %Y /etc/systemd/system/server.service");
    let rules = server.sh_ok("ls -l /etc/sudoers.d; cat /etc/sudoers.d/shipit");
    let before = server.sh_ok("systemctl show -P InvocationID server.service nix-daemon.service");
    let ran = world.shipit(&["setup", "--as", "root", "--yes", "--json"]).expect(0).json();
    let steps: Vec<&str> =
        ran["steps"].as_array().unwrap().iter().filter_map(|step| step["does"].as_str()).collect();
    assert!(steps.iter().all(|does| does.contains("at boot")), "{steps:#?}");
    assert!(ran["notes"].to_string().contains("server.service is there already and stays as it is"), "{ran}");
    assert_eq!(
        unit,
        server.sh_ok("cat /etc/systemd/system/server.service; stat -c %Y /etc/systemd/system/server.service")
    );
    assert_eq!(rules, server.sh_ok("ls -l /etc/sudoers.d; cat /etc/sudoers.d/shipit"));
    assert_eq!(before, server.sh_ok("systemctl show -P InvocationID server.service nix-daemon.service"));
    has_nothing_to_do(&server, &world, &["setup", "--as", "root", "--yes"]);

    // A newer unit beside shipit.toml is not installed over it, and the line that does it is there to paste.
    let newer = unit.split("[Service]").collect::<Vec<_>>().join("[Service]\nEnvironment=NEWER=yes");
    let newer = newer.trim_end().rsplit_once('\n').expect("the time of the file").0;
    world.write("server.service", newer);
    let ran = world.shipit(&["setup", "--as", "root", "--yes", "--json"]).expect(0).json();
    let notes = ran["notes"].to_string();
    let note: String = serde_json::from_value(ran["notes"][0].clone()).unwrap_or(notes);
    let line = note.split("to install that, ").nth(1).and_then(|rest| rest.split(", and then ").next());
    let line = line.unwrap_or_else(|| panic!("no line in {note}"));
    assert!(world.command("sh").args(["-c", line]).status().expect("sh").success(), "{line}");
    world.shipit(&["restart"]).expect(0);
    assert!(server.sh_ok("systemctl show -p Environment server.service").contains("NEWER=yes"));
    has_nothing_to_do(&server, &world, &["setup", "--as", "root", "--yes"]);

    // A folder that is somebody else's is handed over, and the data in it is not.
    server.sh_ok(&format!("chown -R root: {ROOT} && chown app {ROOT}/data"));
    world
        .shipit(&["setup", "--as", "root", "--yes"])
        .expect(0)
        .says(&["give /var/www/server to deploy; it belongs to root"]);
    assert_eq!(
        server.sh_ok(&format!("stat -c %U {ROOT} {ROOT}/data {ROOT}/releases {ROOT}/.shipit/lock")),
        "deploy\napp\ndeploy\ndeploy\n"
    );
    world.commit("2", "ok");
    world.deploy();
    assert!(page(&server).contains("version: 2"));
}

#[test]
fn a_rule_that_sudo_refuses_is_not_installed() {
    let server = fresh(Server::builder());
    let world = signing(&server);
    world.commit("1", "ok");
    // Somebody broke sudo here before: with a further file it would be no better, and nobody could tell why.
    server.sh_ok("echo 'this is no rule' >/etc/sudoers.d/broken && chmod 440 /etc/sudoers.d/broken");
    let failed = world.shipit(&["setup", "--as", "root", "--yes"]).expect(3);
    failed.says(&[
        "could not: let deploy restart server.service",
        "visudo refuses the rules of this server",
        "what was done before that",
        "make the user deploy",
        "goes on from there: shipit setup --as root --yes",
    ]);
    assert_eq!(server.sh_ok("ls -A /etc/sudoers.d"), "README\nbroken\n");
    server.sh_ok("rm /etc/sudoers.d/broken");
    // It goes on from there.
    let rest = world.shipit(&["setup", "--as", "root", "--yes"]).expect(0);
    assert!(!rest.stderr.contains("make the user deploy"), "{}", rest.stderr);
    world.deploy();
    assert!(page(&server).contains("version: 1"));
}

#[test]
fn a_unit_file_and_a_key_file_are_what_is_installed() {
    let server = fresh(Server::builder());
    let world = World::new(&server);
    // Beside shipit.toml, as `init --unit` writes it.
    world.write("server.service", "[Service]\nExecStart=/nonsense\nExecStart=/twice\nUser=web\n");
    world.commit("1", "ok");
    std::fs::write(world.file("deploy.pub"), "ssh-ed25519 AAAAC3Nz anna\n").unwrap();
    let words = ["setup", "--as", "root", "--yes", "--trusted", "--key", "../deploy.pub"];
    let failed = world.shipit(&words).expect(3);
    failed.says(&["systemd does not take the unit", "server.service"]);
    assert!(!server.sh("test -e /etc/systemd/system/server.service").success(), "a unit that is none stays");
    world.write(
        "server.service",
        &format!("[Service]\nUser=web\nWorkingDirectory={ROOT}/current\nExecStart={ROOT}/current/result/bin/server\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"),
    );
    let plan = world.shipit(&["setup", "--as", "root", "--dry-run", "--trusted"]).expect(0);
    assert!(
        plan.stdout.contains("as good as root") && plan.stdout.contains("extra-trusted-users = deploy"),
        "{}",
        plan.stdout
    );
    world.shipit(&words).expect(0);
    let own = server.sh_ok("cat /root/.ssh/authorized_keys");
    assert_eq!(
        server.sh_ok("cat ~deploy/.ssh/authorized_keys; getent passwd web | cut -d: -f7"),
        format!("{own}ssh-ed25519 AAAAC3Nz anna\n/usr/sbin/nologin\n"),
        "the key is for others: whoever sets up may deploy all the same"
    );
    assert!(!server.sh(&format!("test -e {ROOT}/data")).success(), "its unit keeps no data there");
    world.commit_all("its unit");
    world.deploy();
    assert!(page(&server).contains("version: 1"));
    has_nothing_to_do(&server, &world, &words);
}

/// Only another machine is let in: what doctor says about that is typed, and lets this one in.
#[test]
fn doctor_leads_somebody_in_who_is_locked_out() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.commit("1", "ok");
    world.deploy();
    server.sh_ok(
        "install -d -m 700 /root/.ssh; cp /home/deploy/.ssh/authorized_keys /root/.ssh/
         echo 'ssh-ed25519 AAAAC3Nz github' >/home/deploy/.ssh/authorized_keys",
    );
    let setup = world.shipit(&["setup", "--as", "root", "--yes"]).expect(0);
    setup.says(&["no key that logs in as root logs in as deploy", "--key ~/.ssh/id_ed25519.pub"]);
    let doctor = world.shipit(&["doctor"]).expect(3);
    let hint = doctor.stdout.split('`').find(|text| text.starts_with("shipit setup")).expect(&doctor.stdout);
    std::fs::create_dir_all(world.file("home/.ssh")).unwrap();
    std::fs::write(
        world.file("home/.ssh/id_ed25519.pub"),
        server.sh_ok("head -n 1 /root/.ssh/authorized_keys"),
    )
    .unwrap();
    let typed = hint.replacen("shipit", SHIPIT, 1) + " --yes";
    let output = world.command("sh").args(["-c", &typed]).output().expect("sh");
    assert!(output.status.success(), "{typed}: {output:?}");
    world.commit("2", "ok");
    world.deploy();
    assert_eq!(server.sh_ok("grep -c github /home/deploy/.ssh/authorized_keys"), "1\n");
}

#[test]
fn what_is_in_the_way_is_named_before_anything_is_done() {
    let server = fresh(Server::builder());
    let world = signing(&server);
    world.commit("1", "ok");
    let empty = made(&server);
    let refused = |words: &[&str], code: i32, says: &[&str]| {
        world.shipit(&[&["setup", "--as", "root", "--yes"], words].concat()).expect(code).says(says);
        assert_eq!(made(&server), empty);
    };
    refused(&["--unit", "shipit.toml"], 2, &["is not a unit that runs something", "shipit init --unit"]);
    refused(&["--key", "../key"], 2, &["is not a list of SSH public keys"]);
    server.sh_ok("mkdir /srv/x; ln -s /srv/x /var/www/server");
    world
        .shipit(&["setup", "--as", "root", "--yes"])
        .expect(3)
        .says(&["/var/www/server on root@", "is not a folder"]);
    server.sh_ok("rm /var/www/server; mv /usr/sbin/visudo /usr/sbin/visudo.away");
    world.shipit(&["setup", "--as", "root", "--yes"]).expect(3).says(&["has no sudo", "--user-unit"]);
    server.sh_ok(
        "mv /usr/sbin/visudo.away /usr/sbin/visudo; mv /root/.ssh/authorized_keys2 /root/ 2>/dev/null; true",
    );
    // One key with a command of its own is nobody's to log in with.
    server.sh_ok("sed -i 's/^/no-pty /' /root/.ssh/authorized_keys");
    refused(&[], 3, &["nobody could log in as deploy", "--key ~/.ssh/id_ed25519.pub"]);
    world.shipit(&["setup", "--as", "nobody-there", "--yes"]).expect(3);
}
