//! Releases that do not work: they are taken back, whatever is wrong with them.

use std::time::Duration;

use crate::support::lab::{Server, Variant};
use crate::support::site::{Failed, Now, Site};
use crate::support::world::eventually;

fn eventually_is(site: &Site, active: &str) -> Now {
    eventually(Duration::from_secs(10), || match site.now() {
        now if now.active == active => Ok(()),
        now => Err(now),
    });
    site.now()
}

#[test]
fn one_that_crashes_at_once() {
    let site = Site::new();
    site.world.edit("within = \"10s\"", "within = \"30s\"");
    let commit = site.commit("crash");
    let says = [
        "did not go live: it ended with status 1",
        "status=1/FAILURE",
        "the last lines of server.service",
        "shipit logs --release",
    ];
    let failed = site.goes_back(&["deploy"], &says);
    assert!(failed.text.starts_with(&commit[..7]), "{}", failed.text);
    assert!(failed.detail().contains(&"boom: refused to start"), "{:#?}", failed.detail());
    // A dead process is not waited for.
    assert!(failed.took < Duration::from_secs(25), "{:?}", failed.took);
    // It stays for a look, and can't be mistaken for one to go back to.
    assert!(site.now().releases.contains(&commit));
    site.fails(&["rollback"], 2, &["there is no earlier release that was healthy"]);
    site.good();
}

#[test]
fn one_that_crashes_while_it_is_watched() {
    let site = Site::new();
    site.world.edit("settle = \"300ms\"", "settle = \"4s\"");
    site.commit("crash-after 2");
    let failed = site.goes_back(&["deploy"], &["it ended with status 1", "status=1/FAILURE"]);
    assert!(failed.detail().contains(&"boom: had enough after 2 s"), "{:#?}", failed.detail());
    site.good();
}

#[test]
fn one_that_crashes_in_a_loop_until_systemd_has_enough() {
    let site = Site::new();
    // Three starts in a minute, and the good ones count as well.
    site.drop_in(
        "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=60\n[Service]\nRestart=always\nRestartSec=0",
    );
    site.commit("crash");
    site.goes_back(&["deploy"], &["did not go live: it ended with status 1"]);
    // The limit is no hindrance the next time either.
    site.commit("crash");
    site.goes_back(&["deploy"], &["did not go live: it ended with status 1"]);
    site.good();
}

#[test]
fn one_that_crashes_in_a_loop_where_the_start_limit_may_not_be_reset() {
    let site = Site::new();
    let rule = "deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart server.service";
    site.server.sh_ok(&format!("echo '{rule}' >/etc/sudoers.d/shipit"));
    site.drop_in(
        "[Unit]\nStartLimitBurst=4\nStartLimitIntervalSec=8\n[Service]\nRestart=always\nRestartSec=0",
    );
    site.commit("crash");
    // systemd refuses to start anything until the interval is over; then what ran before comes back.
    site.goes_back(&["deploy"], &["did not go live: it ended with status 1"]);
    site.good();
}

#[test]
fn one_that_never_answers_well() {
    let site = Site::new();
    site.world.edit("within = \"10s\"", "within = \"3s\"");
    for (behaviour, answer) in [
        ("mute", "no answer"),
        ("error", "status 500"),
        ("no-listen", "nothing listens on 127.0.0.1:3001"),
        ("slow-start 8", "nothing listens on 127.0.0.1:3001"),
    ] {
        site.commit(behaviour);
        let says = format!("http://127.0.0.1:3001/ was not healthy within 3 s: {answer}");
        let failed =
            site.goes_back(&["deploy"], &["did not go live", &says, "the last lines of server.service"]);
        assert!(failed.took > Duration::from_secs(3), "{:?}", failed.took);
        assert!(failed.took < Duration::from_secs(60), "{:?}", failed.took);
    }
    site.world.edit("within = \"3s\"", "within = \"10s\"");
    site.good_that("slow-start 3");
    site.good();
}

#[test]
fn one_that_can_only_be_killed() {
    let site = Site::new();
    site.drop_in("[Service]\nTimeoutStopSec=2");
    site.world.edit("within = \"10s\"", "within = \"3s\"");
    site.commit("ignore-term\nerror");
    site.goes_back(&["deploy"], &["status 500"]);
    site.world.edit("within = \"3s\"", "within = \"10s\"");
    site.good_that("ignore-term");
    // Its end takes its time, and that is not held against the next one.
    site.good();
}

#[test]
fn one_that_never_notifies() {
    let site = Site::new();
    // `views/silent` decides, so that the old release does notify.
    site.drop_in(
        "[Service]\nType=notify\nNotifyAccess=all\nTimeoutStartSec=60\nExecStart=\nExecStart=/bin/sh -c '[ -e views/silent ] || systemd-notify --ready; exec /var/www/server/current/result/bin/server'",
    );
    site.good();
    site.world.edit("within = \"10s\"", "within = \"3s\"");
    site.world.write("views/silent", "");
    site.commit("ok");
    let failed = site.goes_back(&["deploy"], &["the unit was not up within 3 s (it is activating (start))"]);
    assert!(failed.took < Duration::from_secs(60), "{:?}", failed.took);
    std::fs::remove_file(site.world.app().join("views/silent")).expect("no longer silent");
    site.good();
}

#[test]
fn a_hook_that_fails_or_hangs_changes_nothing() {
    let site = Site::new();
    let hooks =
        "\n[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\ntimeout = \"2s\"\n\n[health]";
    site.world.edit("\n[health]", hooks);
    site.good();
    let says =
        ["did not go live: hook `result/bin/server migrate`", "ended with code 3", "the hook's last lines"];
    let failed = hook_fails(&site, "migrate-fail", &says);
    let lines = ["migration 1: ok", "migration 2: no such table: visits", "boom: the migration failed"];
    assert!(
        failed.detail().iter().filter(|line| lines.contains(line)).count() == 3,
        "{:#?}",
        failed.detail()
    );
    // Where the whole output is.
    let command = failed.hinted("its whole output: ssh ", "\n");
    let (_, command) =
        command.split_once(&format!("@{} ", site.server.address)).expect("a host and a command");
    assert!(site.server.sh_ok(command).contains("boom: the migration failed"));

    let says = ["it was not done within 2 s and was killed", "migration 1: waiting for a lock"];
    let failed = hook_fails(&site, "migrate-hang", &says);
    assert!(failed.took < Duration::from_secs(10), "{:?}", failed.took);
    assert_eq!(site.server.sh("pgrep -u app -f '[s]leep 1000000'").stdout, "", "the hook still runs");
    site.good();
}

/// The unit is not even restarted; the journal says what was tried.
fn hook_fails(site: &Site, behaviour: &str, says: &[&str]) -> Failed {
    let before = site.now();
    let commit = site.commit(behaviour);
    let failed = site.fails(&["deploy"], 7, says);
    let after = site.now();
    assert_eq!(
        (&after.invocation, &after.current, &after.page),
        (&before.invocation, &before.current, &before.page)
    );
    assert_eq!(failed.result["live"], format!("{} runs as before", &before.current[9..16]));
    after.has_no_leftovers();
    assert_eq!(after.journal.len(), before.journal.len() + 1, "{:#?}", after.journal);
    let last = site.agrees(&after);
    assert_eq!((&last["status"], &last["release"]), (&"failed".into(), &commit.into()));
    failed
}

#[test]
fn a_first_deploy_that_fails_leaves_nothing_live() {
    let site = Site::empty(Server::boot(Variant::Debian));
    site.world.edit("within = \"10s\"", "within = \"3s\"");
    // One that dies, and one that has to be ended.
    for (behaviour, says) in [("crash", "it ended"), ("error", "status 500")] {
        let commit = site.commit(behaviour);
        let failed = site.fails(&["deploy"], 7, &["did not go live", says, "shipit logs --release"]);
        assert!(
            failed.result["live"].as_str().is_some_and(|live| live.starts_with("nothing is live")),
            "{failed:#?}"
        );
        let now = site.now();
        assert_eq!((now.current.as_str(), &now.page), ("", &None));
        assert_eq!(site.server.sh("pgrep -u app").stdout, "", "the failed release still runs");
        now.has_no_leftovers();
        // systemd tries to start what is not there, until it has enough.
        let now = eventually_is(&site, "failed");
        let last = site.agrees(&now);
        assert_eq!((&last["status"], &last["release"]), (&"failed".into(), &commit.into()), "{last:#}");
        site.fails(&["rollback"], 2, &["there is no earlier release that was healthy"]);
    }
    site.world.edit("within = \"3s\"", "within = \"10s\"");
    site.good();
    site.good();
}

#[test]
fn log_lines_that_may_not_be_read_are_no_hindrance() {
    let site = Site::new();
    site.server.sh_ok("gpasswd -d deploy systemd-journal");
    site.commit("crash");
    // Its status only where the unit was looked at before systemd started it again.
    let failed = site.goes_back(&["deploy"], &["did not go live: it ended"]);
    assert_eq!(failed.detail(), [] as [&str; 0]);
    let command = failed.hinted("as root: ", "\n");
    assert_eq!(command, "usermod -aG systemd-journal deploy");
    site.server.sh_ok(&command);
    site.commit("crash");
    site.goes_back(&["deploy"], &["boom: refused to start"]);
    site.good();
}

#[test]
fn what_ran_before_is_broken_as_well() {
    let site = Site::new();
    site.drop_in("[Service]\nExecStartPre=/usr/bin/test ! -e /etc/broken");
    site.server.sh_ok("touch /etc/broken");
    let before = site.now();
    let commit = site.commit("ok");
    let says = [
        "did not go live: ",
        "the last lines of server.service",
        "Control process exited, code=exited, status=1",
    ];
    let failed = site.fails(&["deploy"], 8, &says);
    let old = &before.current[9..16];
    assert_eq!(
        failed.result["live"],
        format!("{old} was put back, but server.service does not come up with it either")
    );
    assert!(failed.hints()[0].contains("systemctl status server.service"), "{failed:#?}");
    assert!(failed.hints()[1].contains("shipit releases, then shipit rollback RELEASE"), "{failed:#?}");
    let now = eventually_is(&site, "failed");
    assert_eq!(now.current, before.current);
    now.has_no_leftovers();
    let last = site.agrees(&now);
    assert_eq!((&last["status"], &last["release"]), (&"failed".into(), &commit.into()));

    // It was not running when this one began: that is no reason to say that it does now.
    let commit = site.commit("crash");
    let failed = site.fails(&["deploy"], 7, &["did not go live: ", "Control process exited"]);
    let live =
        format!("{old} was put back, but server.service does not come up with it now, as before this deploy");
    assert_eq!(failed.result["live"], live);
    let last = site.agrees(&eventually_is(&site, "failed"));
    assert_eq!((&last["status"], &last["release"]), (&"reverted".into(), &commit.into()));

    site.server.sh_ok("rm /etc/broken");
    site.good();
}

#[test]
fn a_stranger_on_the_port_is_no_good_answer() {
    let site = Site::new();
    let before = site.now();
    // From now on somebody else answers, and well: whoever comes next finds the port taken.
    site.server.sh_ok(
        "busybox=$(ls -d /nix/store/*-busybox | head -n 1)/bin/busybox
         mkdir -p /srv/stranger && echo stranger >/srv/stranger/index.html
         mkdir -p /etc/systemd/system/server.service.d
         printf '[Service]\\nExecStartPre=+-/usr/bin/systemctl start stranger\\n' >/etc/systemd/system/server.service.d/test.conf
         printf '[Service]\\nExecStart=%s httpd -f -p 3001 -h /srv/stranger\\n' $busybox >/etc/systemd/system/stranger.service
         systemctl daemon-reload",
    );
    site.commit("ok");
    let failed = site.fails(&["deploy"], 8, &["it ended", "Address already in use"]);
    assert!(
        failed.result["live"].as_str().is_some_and(|live| live.contains("does not come up")),
        "{failed:#?}"
    );
    assert_eq!(site.now().current, before.current);
    site.server.sh_ok("rm /etc/systemd/system/server.service.d/test.conf && systemctl daemon-reload && systemctl stop stranger");
    site.good();
}
