//! What may lie in the app's folder on the server: a deploy heals it, or says what is wrong before anything is touched.

use std::time::Instant;

use crate::support::facts::{ROOT, journal};
use crate::support::site::Site;

/// A line of a journal that a deploy number failed.
fn failed(number: u32) -> String {
    format!(
        "{{\"v\":1,\"deploy\":{number},\"time\":\"2026-11-22T19:00:00Z\",\"event\":\"failed\",\"release\":\"{number:040x}\",\
         \"who\":\"anna@laptop\",\"subject\":\"{}\",\"reason\":\"it ended with status 1\"}}\n",
        "A commit like any other ".repeat(8)
    )
}

fn append(site: &Site, bytes: &[u8]) {
    let ran = site.server.sh_with_input("deploy", &format!("cat >>{ROOT}/.shipit/journal.jsonl"), bytes);
    assert!(ran.success(), "{ran}");
}

#[test]
fn garbage_in_the_journal_is_passed_over() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    let second = site.good();
    let entry = |deploy: &str| {
        format!("{{\"v\":1,\"deploy\":{deploy},\"time\":\"t\",\"event\":\"kept\",\"release\":\"odd\"}}\n")
            .into_bytes()
    };
    let mut garbage: Vec<u8> = Vec::new();
    for deploy in
        ["18446744073709551615", "18446744073709551616", "-1", "1e400", "\"3\"", "[]", "3,\"deploy\":4"]
    {
        garbage.extend(entry(deploy));
    }
    garbage.extend(b"\0\0\0\n\xff\xfe\x1b[2J\n[]\n{}\nnull\n\"@ end\"\n@ end\n\r\n{\"v\":1}\n");
    garbage.extend(vec![b'x'; 10_000_000]);
    // A torn last line, which ends in NULs as after a crash of the machine.
    garbage.extend(b"\n{\"v\":1,\"deploy\":9,\"ev\0\0");
    append(&site, &garbage);
    site.commit("ok");
    let ran = site.world.deploy();
    assert!(ran.stderr.contains("can't be read and are passed over"), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches('\u{1b}').count(), 0);
    let lines = site.now().journal;
    let last: serde_json::Value = serde_json::from_str(lines.last().expect("a line")).expect("a whole line");
    assert_eq!((&last["event"], &last["deploy"]), (&"kept".into(), &3.into()));
    let whole = lines.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let events: Vec<_> = whole.filter(|line| line["tool"].is_string() && line["deploy"] == 3).collect();
    assert_eq!(events.len(), 3, "no line of it stands behind the torn one: {events:#?}");
    // Nothing was lost of what was there before it.
    site.world.shipit(&["rollback"]).expect(0);
    assert_eq!(site.now().current, format!("releases/{second}"));
    site.world.shipit(&["rollback", "v1"]).expect(0);
    assert_eq!(site.now().current, format!("releases/{first}"));
    site.now().has_no_leftovers();
}

#[test]
fn a_journal_of_ten_thousand_lines_forgets_nothing_that_is_there() {
    let site = Site::new();
    let first = site.now().current[9..].to_owned();
    let took = |site: &Site| {
        let began = Instant::now();
        site.world.shipit(&["status"]).expect(0);
        began.elapsed()
    };
    let short = took(&site);
    append(&site, (2..=10_001).map(failed).collect::<String>().as_bytes());
    eprintln!("status with 3 lines: {short:?}, with 10003: {:?}", took(&site));
    let status = site.world.shipit(&["status", "--json"]).expect(0).json();
    assert_eq!(
        (&status["current"]["release"], &status["current"]["deploy"]),
        (&first.clone().into(), &1.into())
    );
    assert_eq!(status["last"]["deploy"], 10_001);

    // Not live to a look, because its unit is down: the same release is made live again, and not moved aside.
    site.server.sh_ok("systemctl stop server.service");
    site.world.shipit(&["deploy"]).expect(0);
    site.is_live(&first);
    assert_eq!(site.now().releases, std::slice::from_ref(&first));
    let began = Instant::now();
    site.good();
    eprintln!("a deploy with 10006: {:?}", began.elapsed());
    let numbers: Vec<u64> = journal(&site.server).iter().filter_map(|line| line["deploy"].as_u64()).collect();
    assert_eq!(numbers[numbers.len() - 6..], [10_002, 10_002, 10_002, 10_003, 10_003, 10_003]);
    // The only healthy line of the first one is among the oldest once more.
    let text = site.server.sh_ok(&format!("cd {ROOT}/.shipit && grep -v '\"deploy\":10002' journal.jsonl"));
    let (old, new) = text.split_once("{\"v\":1,\"deploy\":10003").expect("the last deploy");
    let ran = site.server.sh_with_input(
        "deploy",
        &format!("cat >{ROOT}/.shipit/journal.jsonl"),
        format!("{old}{{\"v\":1,\"deploy\":10003{new}").as_bytes(),
    );
    assert!(ran.success(), "{ran}");
    site.world.shipit(&["rollback"]).expect(0);
    assert_eq!(site.now().current, format!("releases/{first}"));
}

#[test]
fn what_shipit_did_not_make_so_is_said_before_anything_is_touched() {
    let site = Site::new();
    site.commit("ok");
    let journal = &format!("{ROOT}/.shipit/journal.jsonl");
    // (what is done to the server, what is said, and how it is undone)
    let cases = [
        (
            format!("mv {journal} /srv/j && mkdir {journal}"),
            format!("{journal} on deploy@"),
            format!("rmdir {journal} && mv /srv/j {journal}"),
        ),
        (
            format!("mv {journal} /srv/j && ln -s /srv/j {journal}"),
            "is a link, which shipit did not make so".to_owned(),
            format!("mv -T /srv/j {journal}"),
        ),
        (format!("chown root {journal} && chmod 600 {journal}"), "belongs to root".to_owned(), String::new()),
        (
            format!("cd {ROOT} && mv .shipit /srv/s && ln -s /srv/s .shipit"),
            format!("{ROOT}/.shipit on deploy@"),
            format!("rm {ROOT}/.shipit && mv /srv/s {ROOT}/.shipit"),
        ),
        (
            format!("mkdir {ROOT}/.shipit/pending"),
            "pending on deploy@".to_owned(),
            format!("rmdir {ROOT}/.shipit/pending"),
        ),
        (
            format!("rm {ROOT}/.shipit/lock && mkdir {ROOT}/.shipit/lock"),
            "lock on deploy@".to_owned(),
            format!("rmdir {ROOT}/.shipit/lock"),
        ),
        (
            format!("cd {ROOT} && mv releases /srv/r && touch releases"),
            "releases on deploy@".to_owned(),
            format!("mv -T {ROOT}/releases /srv/x && mv /srv/r {ROOT}/releases"),
        ),
        (
            format!("cd {ROOT} && mv current /srv/c && touch current"),
            "neither a folder nor a link".to_owned(),
            format!("cd {ROOT} && rm current && mv /srv/c current"),
        ),
        (
            format!(
                "cd {ROOT} && mv current /srv/c && ln -s \"$(printf 'releases\\n@ root ready')\" current"
            ),
            "neither a folder nor a link".to_owned(),
            format!("cd {ROOT} && rm current && mv /srv/c current"),
        ),
    ];
    for (harm, says, undo) in cases {
        site.server.sh_ok(&harm);
        let failed = site.untouched(&["deploy"], 3, &[&says]);
        site.untouched(&["rollback", &"0".repeat(7)], 3, &[&says]);
        if undo.is_empty() {
            site.server.sh_ok(&failed.hinted("as root: ", "\n"));
        } else {
            site.server.sh_ok(&undo);
        }
    }
    site.good();
}

#[test]
fn wherever_current_leads_the_next_deploy_works() {
    let site = Site::new();
    let texts = ["nowhere", "/etc", "current", "-rf", "a b/$(touch pwned1)"];
    for text in texts {
        site.server.sh_ok(&format!("cd {ROOT} && rm current && ln -s -- '{text}' current"));
        let status = site.world.shipit(&["status", "--json"]).expect(0).json();
        assert_eq!(status["current"]["state"], "elsewhere", "{text}");
        site.good();
    }
    // An absolute link to a release is a link to it, and is put back as it was.
    let first = site.now().current[9..].to_owned();
    let absolute = format!("{ROOT}/releases/{first}");
    site.server
        .sh_ok(&format!("cd {ROOT} && rm current && ln -s {absolute} current && systemctl restart server"));
    let status = site.world.shipit(&["status", "--json"]).expect(0).json();
    assert_eq!(status["current"]["release"], first.as_str());
    site.commit("crash");
    site.fails(&["deploy"], 7, &["did not go live"]);
    assert_eq!(site.now().current, absolute);
    // It is the one that was live before, so it stays, however many are kept.
    site.world.edit("assets = ", "keep = 1\nassets = ");
    let last = site.good();
    let stay = [first, last];
    let releases = site.now().releases;
    assert!(stay.iter().all(|release| releases.contains(release)), "{releases:?}");
    assert_eq!(site.server.sh_ok("find / -xdev -name 'pwned[0-9]*' -not -path '/proc/*'"), "");
}

#[test]
fn folders_with_odd_names_are_nobody_s() {
    let site = Site::new();
    let odd = format!(
        "cd {ROOT}/releases && mkdir -- -rf '$(touch pwned1)' 'a b' \"$(printf 'x\\n@ end')\" \"$(printf '\\377')\" .hidden {} && touch file && ln -s /etc link",
        "y".repeat(250)
    );
    site.server.sh_ok(&odd);
    let list =
        format!("cd {ROOT}/releases && find . -mindepth 1 -maxdepth 1 -print0 | sort -z | tr '\\0' '|'");
    let before = site.server.sh_ok(&list);
    site.world.edit("assets = ", "keep = 1\nassets = ");
    for _ in 0..3 {
        let commit = site.commit("ok");
        site.world.deploy();
        assert_eq!(site.now().current, format!("releases/{commit}"));
    }
    site.world.shipit(&["rollback"]).expect(0);
    let releases = site.world.shipit(&["releases", "--json"]).expect(0).json();
    let names: Vec<&str> =
        releases["releases"].as_array().unwrap().iter().filter_map(|r| r["release"].as_str()).collect();
    assert!(names.iter().all(|name| name.len() == 40), "{names:?}");
    let after = site.server.sh_ok(&list);
    for name in before.split('|').filter(|name| name.len() != 42) {
        assert!(after.split('|').any(|other| other == name), "{name:?} is gone");
    }
}
