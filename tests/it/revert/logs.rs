//! The log lines in a failure: those of this start, whatever it wrote, and wherever.

use crate::support::site::Site;

/// Runs before each start of a release that has this in `views`.
fn noisy(site: &Site, script: &str) {
    site.server.sh_with_input(
        "root",
        "cat >/usr/local/bin/noisy && chmod 755 /usr/local/bin/noisy",
        script.as_bytes(),
    );
    site.drop_in("[Service]\nExecStartPre=/bin/sh -c '[ ! -e views/noisy ] || exec /usr/local/bin/noisy'");
    site.world.write("views/noisy", "");
}

#[test]
fn whatever_was_written_the_lines_that_say_why_are_shown_and_harm_no_screen() {
    let site = Site::new();
    noisy(
        &site,
        "#!/bin/sh\nprintf '\\033[31mred\\033[2J\\033]0;title\\007 \\010\\302\\233\\n'\n\
         head -c 100000 /dev/zero | tr '\\0' x; echo; echo after the long line\n",
    );
    site.commit("crash");
    let ran = site.world.shipit(&["deploy"]).expect(7);
    for text in ["after the long line", "boom: refused to start", "status=1/FAILURE"] {
        assert!(ran.stderr.contains(text), "no {text:?} in {}", ran.stderr);
    }
    let odd: Vec<char> = ran.stderr.chars().filter(|c| c.is_control() && *c != '\n').collect();
    assert!(odd.is_empty(), "{odd:?} in {:?}", ran.stderr);
    assert!(ran.stderr.lines().all(|line| line.len() < 1000), "{}", ran.stderr);
    // Nothing of what ran before, nor of what runs again.
    assert!(!ran.stderr.contains("listens on 3001"), "{}", ran.stderr);
    // A program reads the same.
    site.commit("crash");
    let result = site.world.shipit(&["deploy", "--json"]).expect(7).json();
    let lines = result["detail"]["lines"].to_string();
    assert!(lines.contains("boom: refused to start") && !lines.contains("listens on"), "{result:#}");
}

/// journald files a line under a start by looking at the process that sent it. On a busy server that may be gone by then.
#[test]
fn the_last_words_of_a_process_that_journald_never_saw_are_shown() {
    let site = Site::new();
    // Before the first start it is made to stand still, until all that the start wrote is long written.
    site.drop_in(
        "[Service]\nRestart=on-failure\nRestartSec=0\nExecStartPre=+/bin/sh -c '\
         [ ! -e views/deaf ] || [ -e /run/deaf ] || { touch /run/deaf; kill -STOP $$(pidof systemd-journald); \
         systemd-run -q --no-block sh -c \"sleep 0.7; kill -CONT $$(pidof systemd-journald)\"; }'",
    );
    site.world.write("views/deaf", "");
    site.commit("crash");
    let failed = site.goes_back(&["deploy"], &["boom: refused to start", "status=1/FAILURE"]);
    assert!(!failed.text.contains("listens on"), "{failed:#?}");
}

#[test]
fn a_log_of_its_own_is_found() {
    let site = Site::new();
    site.drop_in("[Service]\nLogNamespace=app");
    site.good();
    site.commit("crash");
    let failed = site.goes_back(&["deploy"], &["boom: refused to start", "status=1/FAILURE"]);
    assert!(!failed.text.contains("listens on"), "{failed:#?}");
}

#[test]
fn output_that_is_not_in_the_journal_is_said() {
    let site = Site::new();
    site.drop_in("[Service]\nStandardOutput=append:/var/log/app.log\nStandardError=null");
    site.good();
    site.commit("crash");
    let says =
        ["status=1/FAILURE", "StandardOutput=append", "StandardError=null", "systemctl cat server.service"];
    site.goes_back(&["deploy"], &says);
}
