//! Another Nix on the developer's side: all other tests send with this machine's, this one with the lab laptop's.

use crate::support::facts::{ROOT, current, page};
use crate::support::lab::{Server, Variant};
use crate::support::world::{SHIPIT, World};

#[test]
fn a_newer_nix_deploys_too() {
    let server = Server::boot(Variant::Debian);
    let laptop = Server::laptop();
    let address = laptop.link(&server);
    let world = World::at(&address, &server);
    world.edit("config = \"../ssh_config\"", &format!("host_key = {:?}", server.host_key));
    world.edit("within = \"10s\"", "within = \"10s\"\nsettle = \"200ms\"");
    let first = world.commit("1", "ok");
    let second = world.commit("2", "ok");
    world.git(&["checkout", "-q", "--detach"]);
    let lost = world.commit("nobody's", "ok");
    world.git(&["checkout", "-q", "main"]);

    // The laptop's user has the key where ssh looks for it, and nothing else: shipit.toml pins the server.
    laptop.put(std::path::Path::new(SHIPIT), "/usr/local/bin/shipit", "root");
    laptop.sh_ok("install -d -m 700 -o dev /home/dev/.ssh");
    laptop.put(&server.key, "/home/dev/.ssh/id_ed25519", "dev");
    laptop.sh_ok("chown dev /home/dev/.ssh/id_ed25519; chmod 600 /home/dev/.ssh/id_ed25519; install -d -o dev /home/dev/app");
    laptop.put(&world.app(), "/home/dev/app", "dev");
    laptop.sh_ok("chown -R dev: /home/dev/app");
    let nix = laptop.sh_ok("nix --version");
    let dev = |script: &str| {
        laptop.sh_as(
            "dev",
            &format!(
                "export HOME=/home/dev USER=dev LC_ALL=C.UTF-8 GIT_AUTHOR_NAME=dev GIT_COMMITTER_NAME=dev EMAIL=dev@example.org
                 cd ~/app && {script}"
            ),
        )
    };
    let deploy = |script: &str, id: &str, version: &str| {
        let ran = dev(script);
        assert!(ran.success(), "{nix}{script}: {ran}");
        let current = current(&server);
        assert!(current.starts_with(&format!("releases/{id}")), "{script}: {current}\n{ran}");
        let page = page(&server);
        assert!(page.contains(&format!("version: {version}\n")), "{script}: {page}");
        assert!(page.contains(&format!("view: <h1>{version}</h1>")), "{script}: {page}");
    };

    deploy("shipit deploy", &second, "2");
    deploy("shipit deploy HEAD~1", &first, "1");
    deploy(&format!("shipit deploy {lost}"), &lost, "nobody's");
    let dirt = |folder: &str, version: &str| {
        format!(
            "cd {folder} && echo {version} >VERSION && echo '<h1>{version}</h1>' >views/index.html && shipit deploy --allow-dirty"
        )
    };
    deploy(&dirt(".", "dirty"), &format!("{second}-dirty-"), "dirty");
    // Folders that old and new versions of Nix read differently.
    let odd = "~/'my söurce %41 #1'";
    deploy(&format!("git checkout -q . && git clone -q . {odd} && cd {odd} && shipit deploy"), &second, "2");
    deploy(&dirt(odd, "odd"), &format!("{second}-dirty-"), "odd");
    deploy("git clone -q --depth 1 file://$PWD ~/shallow && cd ~/shallow && shipit deploy", &second, "2");
    deploy(&dirt("~/shallow", "shallow"), &format!("{second}-dirty-"), "shallow");
    let below = "mkdir -p ~/mono/apps && git init -q ~/mono && git clone -q . ~/mono/apps/server && cd ~/mono/apps/server \
                 && rm -rf .git && git add -A && git commit -q -m mono && shipit deploy";
    let ran = dev(below);
    assert!(ran.success(), "{ran}");
    let mono = laptop.sh_as("dev", "git -C ~/mono rev-parse HEAD").stdout;
    assert_eq!(current(&server), format!("releases/{}", mono.trim()));
    deploy(
        "git clone -q . ~/plain && rm -rf ~/plain/.git && cd ~/plain && shipit deploy --allow-dirty",
        "tree-",
        "2",
    );

    let failed =
        dev("git checkout -q . && echo fail-build >behaviour && git commit -q -a -m bad && shipit deploy");
    assert_eq!(failed.status, 4, "{failed}");
    assert!(failed.stderr.contains("boom: part 30 does not compile"), "{failed}");
    let failed = dev("echo crash >behaviour && git commit -q -a -m crash && shipit deploy");
    assert_eq!(failed.status, 7, "{failed}");
    assert!(
        failed.stderr.contains("boom: refused to start") && failed.stderr.contains("runs again"),
        "{failed}"
    );
    let typo = dev("sed -i 's/^app = /package = \"srver\"\\napp = /' shipit.toml && shipit deploy HEAD~1");
    assert_eq!(typo.status, 4, "{typo}");
    assert!(typo.stderr.contains("the flake has no `packages.x86_64-linux.srver`"), "{typo}");

    // Signed, for a server that does not trust the login.
    server.sh_ok("sed -i /trusted-users/d /etc/nix/nix.conf; systemctl restart nix-daemon");
    let refused = dev("git checkout -q . && echo ok >behaviour && git commit -q -a -m good && shipit deploy");
    assert_eq!(refused.status, 3, "{refused}");
    assert!(refused.stderr.contains("does not trust this login"), "{refused}");
    let sign = "nix-store --generate-binary-cache-key lab-1 ~/key ~/key.pub && printf '\\n[sign]\\nkey_file = \"~/key\"\\n' >>shipit.toml \
                && git commit -q -a -m sign && cat ~/key.pub";
    let key = dev(sign);
    assert!(key.success(), "{key}");
    server.sh_ok(&format!(
        "echo 'extra-trusted-public-keys = {}' >>/etc/nix/nix.conf; systemctl restart nix-daemon",
        key.stdout.trim()
    ));
    let signed = dev("shipit deploy");
    assert!(signed.success(), "{signed}");
    assert_eq!(server.sh_ok(&format!("cat {ROOT}/current/views/index.html")), "<h1>2</h1>\n");
}
