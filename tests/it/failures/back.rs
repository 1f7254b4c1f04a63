//! Rollbacks that can't be done, or do not work.

use crate::support::site::Site;

#[test]
fn a_name_that_means_no_release_or_several_is_refused() {
    let site = Site::new();
    site.untouched(&["rollback"], 2, &["there is no earlier release that was healthy", "shipit releases"]);

    let first = site.now().current[9..].to_owned();
    let says = ["no release on the server is called 0123456789", &first, "shipit rollback RELEASE"];
    site.untouched(&["rollback", "0123456789"], 2, &says);
    site.untouched(&["rollback", "v99"], 2, &["no release on the server is called v99"]);

    // Another commit that begins as the first one does.
    let mut second = site.commit("ok");
    for salt in 0.. {
        if second[..1] == first[..1] {
            break;
        }
        site.world.git(&["commit", "-q", "--amend", "-m", &salt.to_string()]);
        second = site.world.git(&["rev-parse", "HEAD"]);
    }
    site.world.deploy();
    site.is_live(&second);
    let says = [format!("{} could be any of 2 releases", &first[..1]), first.clone(), second.clone()];
    let says = says.each_ref().map(String::as_str);
    site.untouched(&["rollback", &first[..1]], 2, &says);
    site.world.shipit(&["rollback", &first[..12]]).expect(0);
    site.is_live(&first);
    site.good();
}

#[test]
fn a_release_that_was_pruned_is_gone() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    site.world.edit("assets =", "keep = 1\nassets =");
    site.good();
    let third = site.good();
    assert!(!site.now().releases.contains(&first));
    for name in [&first[..8], "v1"] {
        let says = [&format!("release {first} was removed from the server"), &third, "shipit releases"];
        site.untouched(&["rollback", name], 2, &says);
    }
    // A deploy of its commit brings it back.
    site.world.shipit(&["deploy", &first]).expect(0);
    site.is_live(&first);
}

#[test]
fn a_release_that_no_longer_works_is_left_again() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    site.good();
    // It worked when it was new.
    site.server.sh_ok(&format!(
        "mkdir -p /etc/systemd/system/server.service.d
         printf '[Service]\\nExecStartPre=/usr/bin/test ! -e /var/www/server/current/broken\\n' >/etc/systemd/system/server.service.d/test.conf
         systemctl daemon-reload && touch /var/www/server/releases/{first}/broken"
    ));
    for words in [&["rollback"][..], &["rollback", &first[..7]], &["rollback", "v1"]] {
        // systemd may be quicker with the next start than a look at the unit is: the log has the reason in any case.
        site.goes_back(words, &[&format!("{} did not go live: ", &first[..7]), "Control process exited"]);
    }
    site.server.sh_ok(&format!("rm /var/www/server/releases/{first}/broken"));
    site.world.shipit(&["rollback"]).expect(0);
    site.is_live(&first);
    site.good();
}

#[test]
fn a_release_without_its_closure_is_not_gone_to() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    let second = site.good();
    site.server.sh_ok(&format!("rm /var/www/server/releases/{first}/result"));
    site.untouched(&["rollback", &first[..7]], 2, &[&format!("release {first}"), &second]);
    site.untouched(&["rollback"], 2, &["there is no earlier release that was healthy"]);
    // A link that leads nowhere: the closure went with a garbage collection.
    site.server.sh_ok(&format!(
        "ln -s /nix/store/00000000000000000000000000000000-server /var/www/server/releases/{first}/result"
    ));
    let says = ["the closure of release", "is not complete any more", "ls -la /var/www/server"];
    site.fails(&["rollback", &first[..7]], 3, &says);
    site.is_live(&second);
    site.good();
}
