//! Rollbacks that can't be done, or do not work.

use crate::support::site::Site;

#[test]
fn a_name_that_means_no_release_or_several_is_refused() {
    let site = Site::new();
    site.untouched(
        &["rollback"],
        2,
        &["there is no earlier release that was healthy", "shipit deploy COMMIT"],
    );

    let first = site.now().current[9..].to_owned();
    site.untouched(&["rollback", "0123456789"], 2, &["no release on the server is called 0123456789"]);
    site.untouched(&["rollback", "v99"], 2, &["no release on the server is called v99"]);

    // Another release whose name begins as the first one's does.
    let twin = format!("{}{}", &first[..8], "0".repeat(32));
    site.server.sh_ok(&format!("cd /var/www/server/releases && cp -a {first} {twin}"));
    let second = site.good();
    let says = [
        format!("{} could be any of 2 releases", &first[..7]),
        format!("v1  {first}  healthy"),
        format!("    {twin}  unknown"),
        format!("shipit rollback {first}"),
    ];
    site.untouched(&["rollback", &first[..7]], 2, &says.each_ref().map(String::as_str));
    site.untouched(&["rollback", &second[..3]], 2, &["is too short", "at least 4 characters"]);
    site.world.shipit(&["rollback", &first[..12]]).expect(0);
    site.is_live(&first);
    site.good();
}

#[test]
fn what_is_listed_can_be_typed() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    let second = site.good();
    // A misspelt one is recognized.
    let meant = format!("did you mean {0}? shipit rollback {0}", &first[..7]);
    site.untouched(&["rollback", &format!("{}x", &first[..6])], 2, &[&meant]);
    let third = site.commit("crash");
    site.goes_back(&["deploy"], &[]);
    site.world.shipit(&["rollback"]).expect(0);
    // Left by a rollback: not gone to unasked. One that failed is listed last, and named as what it is.
    let says = ["was left by a rollback: say which release", &format!("shipit rollback {}", &second[..7])];
    let failed = site.untouched(&["rollback"], 2, &says);
    let listed = failed.detail();
    assert!(listed[0].starts_with(&format!("v2  {}  healthy", &second[..7])), "{listed:?}");
    assert!(listed[1].starts_with(&format!("v3  {}  failed", &third[..7])), "{listed:?}");
    site.world.shipit(&["rollback", "v3"]).expect(7).says(&[&format!("{} was never healthy", &third[..7])]);
    site.world.shipit(&["rollback", &second[..7]]).expect(0);
    site.is_live(&second);
    site.world.shipit(&["rollback"]).expect(0);
    site.is_live(&first);
    site.good();
}

#[test]
fn a_release_that_was_pruned_is_gone() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    site.world.edit("assets =", "keep = 1\nassets =");
    let second = site.good();
    site.good();
    assert!(!site.now().releases.contains(&first));
    for name in [&first[..8], "v1"] {
        // What could be meant in its place.
        let says = [
            &format!("release {first} was removed from the server"),
            "v2",
            &format!("shipit rollback {}", &second[..7]),
            "shipit releases",
        ];
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
    site.untouched(&["rollback", &first[..7]], 2, &[&format!("release {first}"), "shipit deploy COMMIT"]);
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
