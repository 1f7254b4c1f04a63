//! Does it work? What decides, and how soon.

use std::time::Duration;

use crate::support::lab::{Server, Variant};
use crate::support::site::Site;
use crate::support::watched::Watched;

#[test]
fn one_that_answers_only_sometimes_does_not_go_live() {
    let site = Site::new();
    site.world.edit("within = \"10s\"", "within = \"3s\"");
    site.commit("flaky");
    let says = [
        "http://127.0.0.1:3001/ was not healthy within 3 s: only ",
        "answers were healthy; the others: status 500 (",
    ];
    site.goes_back(&["deploy"], &says);
    site.world.edit("within = \"3s\"", "within = \"10s\"");
    site.good();
}

#[test]
fn each_kind_of_answer_is_one_line() {
    let server = Server::boot(Variant::Debian);
    let site = Site::empty(server);
    site.good();
    site.world.edit("within = \"10s\"", "within = \"4s\"");
    site.commit("flaky");
    let ran = site.world.shipit(&["deploy"]).expect(7);
    let lines = |text: &str| ran.stderr.lines().filter(|line| line.trim().ends_with(text)).count();
    let answers = (lines("answers  status 200"), lines("answers  status 500"));
    assert_eq!(answers, (1, 1), "{}", ran.stderr);
}

#[test]
fn a_crash_in_the_check_ends_it() {
    let site = Site::new();
    site.world.edit("within = \"10s\"", "within = \"100s\"");
    site.commit("error\ncrash-after 3");
    let mut deploy = Watched::start(&site.world, &["deploy"]);
    deploy.until("started");
    let ran = deploy.wait(Duration::from_secs(60)).expect(7);
    let error = ran.json()["error"].to_string();
    assert!(error.contains("did not go live: it ended with status 1"), "{error}");
    site.world.edit("within = \"100s\"", "within = \"10s\"");
    site.good();
}

#[test]
fn a_start_that_fails_or_hangs_is_told_as_that() {
    let site = Site::new();
    // What the release has in `views` decides, so that the old one does start. No start limit, and a long way to the next try:
    // neither is waited for.
    site.drop_in(
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=100\nTimeoutStartSec=100\n\
         ExecStartPre=/bin/sh -c '[ ! -e views/pre-fails ]'\n\
         ExecStartPost=/bin/sh -c '[ ! -e views/post-hangs ] || exec sleep 1000'",
    );
    let breaks = |name: &str, says: &str, within: Duration| {
        site.world.write(&format!("views/{name}"), "");
        site.commit("ok");
        let failed = site.goes_back(&["deploy"], &[says]);
        std::fs::remove_file(site.world.app().join("views").join(name)).expect("the file");
        assert!(failed.took < within, "{:?}", failed.took);
    };
    breaks("pre-fails", "did not go live: ExecStartPre= or ExecStartPost= failed", Duration::from_secs(60));
    site.world.edit("within = \"10s\"", "within = \"3s\"");
    breaks(
        "post-hangs",
        "the unit was not up within 3 s (it is activating (start-post))",
        Duration::from_secs(60),
    );
    site.world.edit("within = \"3s\"", "within = \"10s\"");
    // A process that dies between two tries, which are far apart.
    site.commit("crash");
    let failed = site.goes_back(&["deploy"], &["did not go live: it ended with status 1"]);
    assert!(failed.took < Duration::from_secs(60), "{:?}", failed.took);
    site.good();
}

#[test]
fn a_unit_that_forks_is_judged_by_what_it_leaves_running() {
    let site = Site::new();
    site.drop_in(
        "[Service]\nType=forking\nExecStart=\n\
         ExecStart=/bin/sh -c '[ ! -e views/refuses ] || exit 4; /var/www/server/current/result/bin/server & sleep 0.3'",
    );
    site.good();
    site.world.write("views/refuses", "");
    site.commit("ok");
    site.goes_back(&["deploy"], &["did not go live: "]);
    std::fs::remove_file(site.world.app().join("views/refuses")).expect("the file");
    site.commit("crash-after 1\nerror");
    site.goes_back(&["deploy"], &["did not go live: it ended with status 1"]);
    site.good();
}
