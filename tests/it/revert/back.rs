//! The way back: how long it takes, what is said meanwhile, and when it can't be gone.

use std::time::Duration;

use crate::support::site::{Failed, Site};
use crate::support::watched::{Watched, serves};

const END: Duration = Duration::from_secs(60);

#[test]
fn an_old_release_that_dies_as_well_is_not_waited_for() {
    let site = Site::new();
    // systemd would try for ever, and each time it takes long to the next one.
    site.drop_in(
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=100\n\
         ExecStartPre=/usr/bin/test ! -e /etc/broken",
    );
    site.server.sh_ok("touch /etc/broken");
    let old = site.now();
    site.commit("ok");
    let failed = site.fails(&["deploy"], 8, &["did not go live: ExecStartPre= or ExecStartPost= failed"]);
    assert!(failed.took < END, "{:?}", failed.took);
    assert!(failed.text.contains("does not come up with it either"), "{failed:#?}");
    let now = site.now();
    assert_eq!(now.current, old.current);
    assert_eq!(site.agrees(&now)["status"], "failed");
    site.server.sh_ok("rm /etc/broken");
    site.good();

    // One that crashes a moment after each start, and is started again at once.
    site.drop_in("[Service]\nRestartSec=0\nExecStartPost=/bin/sh -c '[ ! -e /etc/dies ] || (sleep 0.5; kill -KILL $MAINPID) &'");
    site.good();
    site.server.sh_ok("touch /etc/dies");
    site.commit("ok");
    site.world.edit("settle = \"300ms\"", "settle = \"2s\"");
    let failed = site.fails(&["deploy"], 8, &["did not go live: it was killed by signal 9 (KILL)"]);
    assert!(failed.took < END, "{:?}", failed.took);
    site.server.sh_ok("rm /etc/dies");
    site.good();
}

#[test]
fn a_link_that_can_not_be_moved_back_is_said_and_moved_by_the_next() {
    let site = Site::new();
    let (old, new) = (site.now(), site.commit("slow-start 3\nerror"));
    let mut deploy = Watched::start(&site.world, &["deploy"]);
    deploy.until("switched");
    site.server.sh_ok("chown root /var/www/server && chmod 755 /var/www/server");
    let failed = Failed::of(deploy.wait(END), 8);
    let failed = failed.says(&["Permission denied", "`current` could not be moved back", "shipit rollback"]);
    assert!(failed.text.contains("still runs"), "{failed:#?}");
    let now = site.now();
    assert_eq!(now.current, format!("releases/{new}"));
    let status = site.world.shipit(&["status"]).expect(0);
    assert!(status.stdout.contains("never checked to its end"), "{}", status.stdout);
    // Whoever comes next is told as well, as long as it can't be done.
    site.fails(&["rollback"], 3, &["/var/www/server"]);
    site.server.sh_ok("chown deploy /var/www/server");
    // Back to what was live before the switch, not to the one before that.
    let ran = site.world.shipit(&["rollback", "--json"]).expect(0).says(&["never checked to its end"]);
    assert_eq!(ran.json()["outcome"], "already-live");
    let now = site.now();
    assert_eq!((&now.current, &now.page), (&old.current, &old.page));
    site.good();
}

#[test]
fn one_failed_start_of_the_old_release_is_no_end_when_systemd_s_next_one_works() {
    let site = Site::new();
    site.drop_in(
        "[Service]\nRestart=always\nRestartSec=200ms\n\
         ExecStartPre=+/bin/sh -c '[ ! -e /etc/broken ] || { rm /etc/broken; exit 1; }'",
    );
    let before = site.now();
    site.world.edit("within = \"10s\"", "within = \"100s\"");
    site.commit("mute");
    let mut deploy = Watched::start(&site.world, &["deploy"]);
    deploy.until("started");
    site.server.sh_ok("touch /etc/broken");
    deploy.signal("INT");
    let ran = deploy.wait(END).expect(130);
    assert_eq!(ran.json()["live"], format!("{} runs again", &before.current[9..16]), "{}", ran.stdout);
    assert!(!site.server.sh("test -e /etc/broken").success(), "the first start did not fail");
    site.world.edit("within = \"100s\"", "within = \"10s\"");
    site.good();
}

#[test]
fn a_stop_that_takes_long_is_announced() {
    let site = Site::new();
    // The usual limit of systemd, 90 s, for one that can only be killed.
    site.good_that("ignore-term");
    site.commit("ignore-term\nmute");
    let kill = || site.server.sh_ok("systemctl kill -s KILL server.service");
    let mut deploy = Watched::start(&site.world, &["deploy"]);
    let waiting = deploy.until("waiting");
    assert_eq!(
        (&waiting["unit"], &waiting["to"], &waiting["within_s"]),
        (&"server.service".into(), &"stop".into(), &90.into())
    );
    // It is not held against the new one, which has not even begun.
    kill();
    deploy.until("started");
    // On the way back it is the new one that takes long.
    deploy.signal("INT");
    deploy.until("going-back");
    let twice =
        |deploy: &Watched| deploy.events().iter().filter(|event| event["type"] == "waiting").count() == 2;
    crate::support::world::eventually(Duration::from_secs(30), || match twice(&deploy) {
        true => Ok(()),
        false => Err(deploy.events()),
    });
    kill();
    deploy.wait(END).expect(130);
    serves(&site.server, "2", Duration::from_secs(10));
    // For people it is a line.
    site.drop_in("[Service]\nTimeoutStopSec=4");
    site.commit("ok");
    let ran = site.world.deploy();
    let line = "waiting  for server.service to stop: up to 4 s";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
}

#[test]
fn a_start_limit_that_may_not_be_reset_is_waited_for_or_said() {
    let site = Site::new();
    let rule = "deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart server.service";
    site.server.sh_ok(&format!("echo '{rule}' >/etc/sudoers.d/shipit"));
    let limit = |seconds: u32| {
        site.drop_in(&format!(
            "[Unit]\nStartLimitBurst=4\nStartLimitIntervalSec={seconds}\n[Service]\nRestart=always\nRestartSec=0"
        ));
        site.server.sh_ok("systemctl reset-failed server.service");
    };
    limit(25);
    site.commit("crash");
    let failed = site.goes_back(&["deploy"], &["did not go live: "]);
    assert!(failed.took > Duration::from_secs(15), "the limit was not met: {:?}", failed.took);

    // Longer than anybody waits: said at once, with what to type.
    limit(3600);
    let old = site.now().current;
    site.commit("crash");
    let began = std::time::Instant::now();
    let failed = Failed::of(site.world.shipit(&["deploy", "--json"]), 8);
    assert!(began.elapsed() < END, "{:?}", began.elapsed());
    let command = failed.hinted("as root: ", "\n");
    assert_eq!(command, "systemctl reset-failed server.service && systemctl restart server.service");
    site.server.sh_ok(&command);
    assert!(site.now().page.is_some_and(|page| page.contains(&old[9..])), "{old}");
    site.good();
}
