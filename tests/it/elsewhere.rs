//! One job builds and signs and reaches no server, another one deploys and has no key to sign with.

use std::time::Duration;

use crate::support::facts::{current, page};
use crate::support::lab::Server;
use crate::support::site::between;
use crate::support::world::{Ran, SHIPIT, World, signing_key};

/// The job that builds is this machine, whose address for the server leads nowhere; the one that deploys is the lab's
/// laptop, with a store of its own.
#[test]
fn what_one_job_has_signed_another_one_deploys() {
    let server = Server::builder().untrusted().boot();
    let laptop = Server::laptop();
    let world = World::at(&laptop.link(&server), &server);
    let public = signing_key(&world, "signing.key");
    world.edit("config = \"../ssh_config\"", &format!("host_key = {:?}", server.host_key));
    world.edit("within = \"10s\"", "within = \"10s\"\nsettle = \"200ms\"");
    world.edit(
        "[ssh]\n",
        &format!("[sign]\nkey_file = \"../signing.key\"\npublic_key = \"{public}\"\n\n[ssh]\n"),
    );
    let first = world.commit("1", "ok");
    let second = world.commit("2", "ok");

    let built = world.shipit(&["build", "--to", "../signed"]).expect(0);
    let store_path = built.stdout.trim().to_owned();
    assert!(store_path.starts_with("/nix/store/") && store_path.ends_with("-server"), "{}", built.stdout);
    let built = built.says(&["packed"]);
    built.says(&[&format!("deploy {} --from ../signed", &second[..7])]);
    // Once more there is nothing to add; and without --to neither key nor cache is touched.
    let again = world.shipit(&["build", "--to", "../signed", "--json"]).expect(0).json();
    assert_eq!(
        (again["store_path"].as_str(), again["signed_by"].as_str()),
        (Some(&*store_path), Some(&*public))
    );
    world.shipit(&["build", "HEAD~1"]).expect(0);
    let third = world.commit("3", "ok");
    world.shipit(&["build", "--to", "../signed"]).expect(0);
    // One that nobody has signed.
    world.edit("key_file = \"../signing.key\"\n", "");
    let unsigned = world.commit("4", "ok");
    world.shipit(&["build", "--to", "../unsigned"]).expect(0).says(&["nothing signs this"]);

    laptop.put(std::path::Path::new(SHIPIT), "/usr/local/bin/shipit", "root");
    laptop.sh_ok("install -d -m 700 -o dev /home/dev/.ssh /home/dev/app /home/dev/signed /home/dev/unsigned");
    laptop.put(&server.key, "/home/dev/.ssh/id_ed25519", "dev");
    laptop.put(&world.app(), "/home/dev/app", "dev");
    for cache in ["signed", "unsigned"] {
        laptop.put(&world.file(cache), &format!("/home/dev/{cache}"), "dev");
    }
    laptop.sh_ok("chown -R dev: /home/dev; chmod 755 /home/dev; chmod -R a+rX /home/dev/signed /home/dev/unsigned; chmod 600 /home/dev/.ssh/id_ed25519");
    let dev = |words: &str| {
        let line = format!("export HOME=/home/dev USER=dev LC_ALL=C.UTF-8; cd ~/app && shipit {words}");
        let ran = laptop.sh_as("dev", &line);
        Ran { code: ran.status, stdout: ran.stdout, stderr: ran.stderr, took: Duration::ZERO }
    };
    let deploy = format!("deploy {second} --from ../signed");

    let refused = dev(&deploy).expect(4);
    refused.says(&["only trusted users name a cache", "trusted-users"]);
    laptop.sh_ok("echo 'extra-trusted-users = dev' >>/etc/nix/nix.conf; systemctl restart nix-daemon");
    let refused =
        dev(&deploy).expect(3).says(&["the server would refuse", "does not trust this login", " fetched)"]);
    let line = between(&refused.stderr, "as root: ", "\n");
    assert!(line.contains(&public), "{line}");
    // The key's absence is no failure where another machine signs; the server has to trust it all the same.
    laptop.sh_ok("sed -i '/^public_key/i key_file = \"../absent.key\"' /home/dev/app/shipit.toml");
    let found = |code: i32, texts: &[&str]| {
        let found = dev("doctor").expect(code).stdout;
        assert!(texts.iter().all(|text| found.contains(text)), "{found}");
    };
    found(3, &["shipit-test-1 is not here", "does not trust shipit-test-1", &line]);
    server.sh_ok(&line);
    found(0, &["it trusts shipit-test-1", "deploy --from CACHE"]);
    laptop.sh_ok("sed -i '/^key_file/d' /home/dev/app/shipit.toml");
    // A key for deploys alone: no terminal, no forwarding.
    server.sh_ok("sed -i 's/^/restrict /' ~deploy/.ssh/authorized_keys");
    let live = dev(&deploy).expect(0).says(&["looking", "in file:///home/dev/signed", "taken "]);
    assert!(!live.stderr.contains("derivation"), "nothing is built: {}", live.stderr);
    assert_eq!(current(&server), format!("releases/{second}"));
    let shown = page(&server);
    assert!(shown.contains("version: 2\n") && shown.contains("view: <h1>2</h1>"), "{shown}");

    // What was built here already is not fetched, but its signature is.
    dev(&format!("build {third}")).expect(0);
    dev(&format!("deploy {third} --from ../signed")).expect(0).says(&["all was there"]);
    assert_eq!(current(&server), format!("releases/{third}"));

    // With all of it here a cache that can't be read is told of, and is no reason not to deploy.
    laptop.sh_ok("echo 'download-attempts = 1' >>/etc/nix/nix.conf");
    let told = dev(&format!("deploy {third} --from http://127.0.0.1:9/c")).expect(0);
    assert!(told.stdout.starts_with("already live:"), "{}", told.stdout);
    told.says(&["http://127.0.0.1:9/c can't be read (", "): all was here already"]);

    let lost = dev(&format!("deploy {first} --from http://127.0.0.1:9/c")).expect(4);
    lost.says(&["http://127.0.0.1:9/c can't be read, and /nix/store/", "may this machine read there?"]);

    // What the cache has not, and what nobody vouches for.
    let absent = dev(&format!("deploy {first} --from ../signed")).expect(4);
    absent.says(&[
        "file:///home/dev/signed did not give /nix/store/",
        &format!("`shipit build {} --to", &first[..7]),
    ]);
    let refused = dev(&format!("deploy {unsigned} --from ../unsigned")).expect(4);
    refused.says(&["did not give", "the job that builds has to sign"]);
    // It is built here, so this comes last.
    dev("build --to http://127.0.0.1:9/c").expect(5).says(&["may this machine write there?"]);
    dev("deploy --from ftp://x").expect(2).says(&["--from ftp://x: it is none of file://"]);
    dev("deploy --from ../nowhere").expect(2).says(&["there is no folder /home/dev/nowhere"]);
    dev("deploy --from .").expect(2).says(&["it has no nix-cache-info", "shipit build --to ."]);
    assert_eq!(current(&server), format!("releases/{third}"));
    assert!(page(&server).contains("version: 3\n"));

    // What can't be written is found out before the build.
    laptop.sh_ok("install -d -o root -m 755 /srv/kept");
    for (to, why) in [
        ("/srv/kept", "nothing can be written into /srv/kept"),
        ("/srv/kept/a/b", "nothing can be written into /srv/kept"),
        ("file:///srv/kept/a", "nothing can be written into /srv/kept"),
        ("shipit.toml", "/home/dev/app/shipit.toml is no folder"),
        ("shipit.toml/a", "/home/dev/app/shipit.toml is no folder"),
        ("/proc/a", "nothing can be written into /proc"),
    ] {
        let refused = dev(&format!("build --to {to}")).expect(2).says(&[&format!("--to {to}: {why}")]);
        assert!(!refused.stderr.contains("building"), "{}", refused.stderr);
    }
}
