//! Hooks that hang, talk, read, leave something running, or end while they are being told to stop.

use std::time::Duration;

use crate::support::facts::ROOT;
use crate::support::site::Site;
use crate::support::watched::{Watched, at_rest, last_entry};
use crate::support::world::eventually;

/// From now on this script is the hook.
fn hook(site: &Site, script: &str, timeout: &str) {
    let lines = format!(
        "\n[hooks]\nbefore_switch = [\"sh\", \"-c\", '''{script}''']\ntimeout = \"{timeout}\"\n\n[health]"
    );
    site.world.edit("\n[health]", &lines);
}

/// … and from now on none is.
fn no_hook(site: &Site) {
    let file = site.world.app().join("shipit.toml");
    let text = std::fs::read_to_string(&file).expect("shipit.toml");
    let (before, rest) = text.split_once("\n[hooks]").expect("a hook");
    let (_, after) = rest.split_once("\n[health]").expect("[health]");
    std::fs::write(&file, format!("{before}\n[health]{after}")).expect("shipit.toml");
}

fn is_free(site: &Site) -> bool {
    site.server.sh(&format!("flock -n {ROOT}/.shipit/lock true")).success()
}

#[test]
fn one_that_leaves_something_running_reads_and_talks_much() {
    let site = Site::new();
    // Its output goes on for ever as far as the pipe is concerned, its input is empty, and it writes 3 MB.
    hook(
        &site,
        "sleep 1000001 & head -c 3000000 /dev/zero | tr \"\\\\0\" x; echo; read line && echo got; echo the end",
        "5m",
    );
    site.good();
    assert!(is_free(&site), "something holds the lock");
    let log = format!("{ROOT}/.shipit/hook.log");
    assert_eq!(site.server.sh_ok(&format!("stat -c %s {log}; tail -n 1 {log}")), "3000009\nthe end\n");
    site.good();
    // What it left running is its own doing, and in nobody's way.
    assert!(site.server.sh("pgrep -u app -f '[s]leep 1000001'").success());
    no_hook(&site);

    // The same, failing: the last lines are there, the long one does not push them out.
    hook(&site, "head -c 3000000 /dev/zero | tr \"\\\\0\" x; echo; echo the reason; exit 4", "5m");
    site.commit("ok");
    let failed = site.fails(&["deploy"], 7, &["ended with code 4", "the reason"]);
    assert!(failed.text.len() < 5000, "{}", failed.text.len());
    assert!(is_free(&site), "something holds the lock");
}

#[test]
fn one_that_hangs_is_killed_with_all_that_it_started() {
    let site = Site::new();
    hook(&site, "sleep 1000002 & sleep 1000002 | sleep 1000002", "2s");
    let before = site.now();
    site.commit("ok");
    let failed = site.fails(&["deploy"], 7, &["it was not done within 2 s and was killed"]);
    assert_eq!(failed.result["live"], format!("{} runs as before", &before.current[9..16]));
    assert_eq!(site.now().invocation, before.invocation);
    assert_eq!(site.server.sh("pgrep -fl '[s]leep 1000002'").stdout, "", "the hook still runs");
    at_rest(&site.server);
    assert!(is_free(&site), "something holds the lock");
}

#[test]
fn one_that_ends_well_while_it_is_given_up_is_given_up() {
    let site = Site::new();
    site.wait_in_hook();
    let before = site.now();
    site.commit("ok");
    let deploy = Watched::start(&site.world, &["deploy"]);
    site.is_in_hook();
    // The server half stands still while both happen: it learns of the end and of the interrupt at once.
    let half = "guardian=$(pgrep -u deploy -o -f '[e]xec sh -c|[s]h -c eval.* shipit ') && half=$(pgrep -P $guardian -o)";
    site.server.sh_ok(&format!("{half}; kill -STOP $half"));
    deploy.signal("INT");
    std::thread::sleep(Duration::from_secs(3));
    site.end_hook();
    eventually(Duration::from_secs(10), || {
        match site.server.sh(&format!("test -e {ROOT}/.shipit/hook.code")) {
            ran if ran.success() => Ok(()),
            ran => Err(ran),
        }
    });
    site.server.sh_ok(&format!("{half}; kill -CONT $half"));
    let ran = deploy.wait(Duration::from_secs(30)).expect(130);
    assert!(!ran.stdout.contains("\"switched\""), "{}", ran.stdout);
    assert_eq!(site.now().invocation, before.invocation);
    let entry = last_entry(&site.server);
    assert_eq!(entry["event"], "failed");
    assert!(entry["reason"].as_str().is_some_and(|reason| reason.starts_with("given up")), "{entry}");
    at_rest(&site.server);
    site.good();
}

#[test]
fn an_environment_file_that_the_hook_could_not_read_is_found_out_first() {
    let site = Site::new();
    hook(
        &site,
        "echo \"$ONE $TWO\" >data/said 2>/dev/null || echo \"$ONE $TWO\" >/var/www/server/data/said",
        "1m",
    );
    // A pattern means all files that it fits, in their order; one of them is root's alone.
    site.server.sh_ok(
        "mkdir '/etc/app env' && cd '/etc/app env' && echo ONE=1 >1.conf && printf 'ONE=first\\nTWO=2\\n' >0.conf
         chgrp app * && chmod 640 0.conf && chmod 600 1.conf",
    );
    site.drop_in(
        "[Service]\nEnvironmentFile=/etc/app env/*.conf\nEnvironmentFile=-/etc/there-is-none/*.conf",
    );
    site.commit("ok");
    let says = [
        "app can't read /etc/app env/1.conf on deploy@",
        "an EnvironmentFile of server.service, so the hook can't run as the unit does",
    ];
    let failed = site.untouched(&["deploy"], 3, &says);
    let command = failed.hinted("as root: ", "   (");
    assert_eq!(command, "chgrp app '/etc/app env/1.conf' && chmod g+r '/etc/app env/1.conf'");
    // A rollback runs no hook, and says nothing of it.
    site.server.sh_ok(&command);
    site.good();
    assert_eq!(site.server.sh_ok("cat /var/www/server/data/said"), "1 2\n");
}
