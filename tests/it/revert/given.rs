//! The unit was not as a deploy would have it: stopped, failed, masked, gone; before, and in the middle.

use std::time::Duration;

use crate::support::lab::{Server, Variant};
use crate::support::site::{Failed, Site};
use crate::support::watched::{Watched, at_rest};

const END: Duration = Duration::from_secs(60);

#[test]
fn a_unit_that_was_stopped_is_started() {
    let site = Site::new();
    let stop = || site.server.sh_ok("systemctl stop server.service");
    stop();
    let commit = site.commit("ok");
    let ran = site.world.deploy().says(&["server.service does not run now (it is inactive); this starts it"]);
    assert!(!ran.stderr.contains("undoing"), "{}", ran.stderr);
    site.is_live(&commit);

    // What was there is put back, and since nobody but root may stop it, it runs: that is said.
    stop();
    site.commit("crash");
    let failed = site.fails(&["deploy"], 7, &["did not go live: it ended with status 1"]);
    let live = format!("{} was put back and runs; server.service was stopped before this", &commit[..7]);
    assert_eq!(failed.result["live"], live);
    let now = site.now();
    assert_eq!((now.current.as_str(), now.active.as_str()), (&*format!("releases/{commit}"), "active"));
    now.has_no_leftovers();
    assert_eq!(site.agrees(&now)["status"], "reverted");
    site.server
        .sh_ok(failed.hinted("to stop it again: on deploy@", "\n").split_once(": ").expect("a command").1);
    assert_eq!(site.now().active, "inactive");
    // A rollback starts it as well.
    site.world.shipit(&["rollback", "v1"]).expect(0).says(&["this starts it"]);
    assert_eq!(site.now().active, "active");
    site.good();
}

#[test]
fn a_unit_that_had_failed_is_started() {
    let site = Site::new();
    site.drop_in("[Service]\nRestart=no");
    let good = site.good();
    let fail = || {
        site.server.sh_ok("systemctl kill -s KILL server.service; sleep 0.3");
        assert_eq!(site.now().active, "failed");
    };
    fail();
    site.commit("crash");
    let failed = site.fails(&["deploy"], 7, &["did not go live: it ended with status 1"]);
    let live = format!("{} was put back and runs; server.service was failed before this", &good[..7]);
    assert_eq!(failed.result["live"], live);
    let now = site.now();
    assert_eq!((now.current.as_str(), now.active.as_str()), (&*format!("releases/{good}"), "active"));
    now.has_no_leftovers();
    assert_eq!(site.agrees(&now)["status"], "reverted");
    fail();
    site.good();
}

/// Masking has its usual place only where a package puts the unit.
fn packaged() -> Site {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.server
        .sh_ok("mv /etc/systemd/system/server.service /usr/lib/systemd/system/ && systemctl daemon-reload");
    site.good();
    site
}

#[test]
fn masked_before_the_restart_what_runs_is_left_alone() {
    let site = packaged();
    let before = site.now();
    site.wait_in_hook();
    site.commit("ok");
    let deploy = Watched::start(&site.world, &["deploy"]);
    site.is_in_hook();
    site.server.sh_ok("systemctl mask server.service");
    site.end_hook();
    let failed = Failed::of(deploy.wait(END), 7).says(&["systemd refused the restart: ", "masked"]);
    let after = site.now();
    assert_eq!(
        (&after.current, &after.invocation, &after.page),
        (&before.current, &before.invocation, &before.page)
    );
    after.has_no_leftovers();
    assert_eq!(failed.result["live"], format!("{} runs again", &before.current[9..16]));
    site.server
        .sh_ok(&pasted(&failed, "systemctl unmask server.service && systemctl restart server.service"));
    site.good();
}

/// The hint that has these words, without the place where it is to be typed.
fn pasted(failed: &Failed, words: &str) -> String {
    let hint = failed.hints().into_iter().find(|hint| hint.contains(words));
    let hint = hint.unwrap_or_else(|| panic!("no {words:?} in {failed:#?}"));
    hint[hint.find(": ").map_or(0, |at| at + 2)..].to_owned()
}

/// A deploy of a release that never answers, in its check; then something happens, and it is interrupted.
fn stuck(site: &Site, meanwhile: &str) -> Failed {
    let old = site.now();
    site.world.edit("within = \"10s\"", "within = \"100s\"");
    site.commit("mute");
    let mut deploy = Watched::start(&site.world, &["deploy"]);
    deploy.until("started");
    site.server.sh_ok(meanwhile);
    deploy.signal("INT");
    // At once, not after the 180 s that a stop and a start may take.
    let failed = Failed::of(deploy.wait(END), 8).says(&[&format!(
        "`current` is {} again, but server.service was not restarted and still runs ",
        &old.current[9..16]
    )]);
    at_rest(&site.server);
    let now = site.now();
    assert_eq!(now.current, old.current);
    now.has_no_leftovers();
    let last = site.agrees(&now);
    assert_eq!(last["status"], "failed", "{last:#}");
    assert!(last["reason"].as_str().is_some_and(|reason| reason.contains("refused")), "{last:#}");
    site.world.edit("within = \"100s\"", "within = \"10s\"");
    failed
}

/// What the message says to type brings the old release back, and the next deploy just works.
fn mends(site: &Site, command: &str) {
    let old = site.now().current;
    site.server.sh_ok(command);
    let page = site.now().page.expect("an answer");
    assert!(page.contains(&format!("rev: {}", &old[9..])), "{page}");
    site.good();
}

#[test]
fn masked_in_the_check_the_message_says_how_to_come_back() {
    let site = packaged();
    let failed = stuck(&site, "systemctl mask server.service");
    mends(&site, &pasted(&failed, "systemctl unmask server.service && systemctl restart server.service"));
}

#[test]
fn a_unit_file_that_is_gone_in_the_check() {
    let site = packaged();
    let file = "/usr/lib/systemd/system/server.service";
    let failed = stuck(&site, &format!("mv {file} /root/ && systemctl daemon-reload"));
    let command = pasted(&failed, "systemctl daemon-reload && systemctl restart server.service");
    assert!(
        failed.hints().iter().any(|hint| hint.contains("bring the file of server.service back")),
        "{failed:#?}"
    );
    let (_, command) = command.split_once("as root: ").unwrap_or(("", &command));
    mends(&site, &format!("mv /root/server.service {file} && {command}"));
}

#[test]
fn a_sudo_rule_that_is_gone_in_the_check() {
    let site = Site::new();
    let failed = stuck(&site, "sed -i /systemctl/d /etc/sudoers.d/shipit");
    mends(&site, &pasted(&failed, "NOPASSWD: /usr/bin/systemctl restart server.service"));
}
