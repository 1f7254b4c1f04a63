//! Names that a shell, a terminal or a program would take for something else.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

use crate::support::facts::ROOT;
use crate::support::site::Site;
use crate::support::world::{Ran, SHIPIT, run};

/// What would leave a file called `pwned…` wherever it ran.
const TRAPS: [&str; 7] = [
    "$(touch pwned1)",
    "`touch pwned2`",
    "; touch pwned3",
    "\"; touch pwned4; \"",
    "'; touch pwned5; '",
    "| touch pwned6",
    "\\$(touch pwned7)",
];

/// No trap went off: neither on the server nor here.
fn nothing_ran(site: &Site) {
    let find = "find / -xdev -name 'pwned[0-9]*' -not -path '/proc/*' | head";
    assert_eq!(site.server.sh_ok(find), "");
    for folder in [site.world.app(), site.world.file("home"), std::env::current_dir().expect("a folder")] {
        let found =
            Command::new("find").arg(&folder).args(["-maxdepth", "3", "-name", "pwned[0-9]*"]).output();
        assert_eq!(String::from_utf8_lossy(&found.expect("find").stdout), "", "in {}", folder.display());
    }
}

/// Runs shipit with variables and words of its own, of any bytes.
fn shipit(site: &Site, variables: &[(&str, &str)], words: &[&OsStr]) -> Ran {
    let mut command = site.world.command(SHIPIT);
    command.envs(variables.iter().copied()).args(words).stdin(Stdio::null());
    run(command, &[]).wait()
}

fn words<'a>(texts: &[&'a str]) -> Vec<&'a OsStr> {
    texts.iter().map(|text| OsStr::new(*text)).collect()
}

/// Without the colours that shipit itself uses there is no code for a terminal.
fn is_harmless(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn names_that_would_run_something_work_as_they_are_written() {
    let site = Site::new();
    let world = &site.world;
    // A hook is given its words, whatever is in them.
    let mut hook: Vec<String> = TRAPS.map(str::to_owned).to_vec();
    hook.extend(
        ["--", "-rf", "a  b", "it's \"so\"", "*", "~", "\\n", "ü 日本", "\t", "%s", "$HOME", "=", "@ end"]
            .map(str::to_owned),
    );
    hook.push("l".repeat(300));
    let mut before = vec![
        "sh".to_owned(),
        "-c".to_owned(),
        "printf '%s\\0' \"$@\" >$0/words".to_owned(),
        format!("{ROOT}/data"),
    ];
    before.extend(hook.iter().cloned());
    let list = serde_json::to_string(&before).expect("a list").replace('\u{7f}', "");
    world.edit("[health]", &format!("[hooks]\nbefore_switch = {list}\n\n[health]"));
    // Assets, and files in them.
    let assets = ["views", "it's \"so\"", "$(touch pwned8)", "`touch pwned9`; x", "-x", "a b/ü"];
    for asset in assets {
        world.write(&format!("{asset}/line\nbreak $(touch pwned0)"), asset);
    }
    let named: Vec<String> = assets
        .iter()
        .map(|asset| if *asset == "-x" { "./-x".to_owned() } else { (*asset).to_owned() })
        .collect();
    world.edit(
        "assets = [\"views\"]",
        &format!("assets = {}", serde_json::to_string(&named).expect("a list")),
    );
    // The commit's subject and author, a branch, and who does it.
    world.write("VERSION", "odd\n");
    world.git(&["add", "-A"]);
    let subject = format!("{} \u{1b}]0;title\u{7}\u{1b}[2J\u{202e}{}", TRAPS.join(" "), "s".repeat(500));
    world.git(&[
        "-c",
        "user.name=$(touch pwned1)",
        "commit",
        "-q",
        "--author=`touch pwned2` <$(touch@pwned3)>",
        "-m",
        &subject,
    ]);
    let commit = world.git(&["rev-parse", "HEAD"]);
    world.git(&["branch", "$(touch${IFS}pwned4)"]);
    let variables = [
        ("USER", "$(touch pwned5)\u{1b}[2J\n`touch pwned6`"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "\"; touch pwned7; \"\u{9b}2J"),
        ("GITHUB_SERVER_URL", "$(touch pwned8)"),
        ("GITHUB_REPOSITORY", "'; touch pwned9; '"),
        ("GITHUB_RUN_ID", "\\"),
    ];
    let ran = shipit(&site, &variables, &words(&["deploy", "$(touch${IFS}pwned4)"])).expect(0);
    is_harmless(&ran);
    site.is_live(&commit);
    nothing_ran(&site);

    let arrived = site.server.sh_ok(&format!("cat {ROOT}/data/words"));
    assert_eq!(arrived.split_terminator('\0').collect::<Vec<_>>(), hook);
    for asset in assets {
        let file = format!("{ROOT}/current/{asset}/line\nbreak $(touch pwned0)");
        let read = site.server.sh_with_input("root", "file=$(cat); cat -- \"$file\"", file.as_bytes());
        assert_eq!(read.stdout, asset, "{read}");
    }
    for words in [&["status"][..], &["releases"], &["-v", "status"]] {
        is_harmless(&world.shipit(words).expect(0));
    }
    let journal = site.now().journal;
    let last: serde_json::Value = serde_json::from_str(journal.last().expect("a line")).expect("JSON");
    assert_eq!(last["who"], "\"; touch pwned7; \"2J");
    let told = last["subject"].as_str().expect("a subject");
    assert!(
        told.starts_with(&TRAPS.join(" ")) && told.ends_with("s…") && told.chars().count() == 301,
        "{told}"
    );

    // Going back and failing say the same names.
    site.commit("crash");
    is_harmless(&shipit(&site, &variables, &words(&["deploy"])).expect(7));
    is_harmless(&world.shipit(&["rollback"]).expect(0));
    nothing_ran(&site);
}

#[test]
fn words_that_are_no_names_are_refused_with_the_reason() {
    let site = Site::new();
    let before = site.now();
    let refused = |all: &[&OsStr], says: &str| {
        let ran = shipit(&site, &[], all).expect(2);
        assert!(ran.stderr.contains(says), "no {says:?} in\n{}", ran.stderr);
    };
    for rev in [
        "HEAD;touch pwned1",
        "$(touch pwned2)",
        "HEAD\ntouch pwned3",
        "@{-1}",
        ":/no such text",
        "HEAD:flake.nix",
        "^HEAD",
    ] {
        refused(&words(&["deploy", rev]), "git knows no commit");
        refused(&words(&["deploy", "--", rev]), "git knows no commit");
    }
    for rev in ["--upload-pack=touch pwned4", "-x", "--all"] {
        refused(&words(&["deploy", rev]), "unexpected argument");
        refused(&words(&["deploy", "--", rev]), "git knows no commit");
        refused(&words(&["rollback", "--", rev]), "");
    }
    refused(&words(&["deploy", ""]), "a value is required");
    for name in ["$(touch pwned5)", "../../etc", "../releases", "..", &"x".repeat(300)] {
        refused(&words(&["rollback", name]), "");
        refused(&words(&["-e", name, "status"]), "has no environment");
    }
    let bytes = OsStr::from_bytes(b"\xff\xfe");
    refused(&[OsStr::new("deploy"), bytes], "invalid UTF-8");
    refused(&[OsStr::new("-e"), bytes, OsStr::new("status")], "invalid UTF-8");
    refused(&[OsStr::new("-C"), bytes, OsStr::new("status")], "there is no such folder");
    refused(&[OsStr::new("-c"), bytes, OsStr::new("status")], "can't be read");

    // In shipit.toml: with the place, and the limit where there is one.
    let toml = std::fs::read_to_string(site.world.app().join("shipit.toml")).expect("shipit.toml");
    let host = format!("host = \"deploy@{}\"", site.server.address);
    for (from, to, says) in [
        (host.as_str(), "host = \"-oProxyCommand=touch${IFS}pwned6\"", "shipit.toml:2:8: host"),
        (&host, "host = \"x -oProxyCommand=x\"", "has a character that no host name has"),
        (&host, "host = \"$(touch pwned7)\"", "has a character that no host name has"),
        (&host, &format!("host = \"{}\"", "x".repeat(301)), "is too long: 301 bytes, at most 300"),
        ("app = \"server\"", "app = \"$(touch pwned8)\"", "shipit.toml:1:7: app"),
        ("app = \"server\"", &format!("app = \"{}\"", "x".repeat(300)), "is too long: 300 bytes, at most 64"),
        ("app = \"server\"", "app = \"server\"\nunit = \"a b.service\"", "shipit.toml:2:8: unit"),
        ("app = \"server\"", "app = \"server\"\nroot = \"/var/www/a b\"", "may have only letters"),
        (
            "app = \"server\"",
            "app = \"server\"\nroot = \"/var/www/../../etc\"",
            "has an empty part, `.` or `..`",
        ),
        ("app = \"server\"", "app = \"server\"\npackage = \"x;touch pwned9\"", "is not an attribute"),
        ("[\"views\"]", "[\"../etc\"]", "has an empty part or `..`"),
        ("[\"views\"]", "[\"/etc\"]", "is not a relative path"),
        ("[\"views\"]", "[\"a\\nb\"]", "has a control character"),
        ("[\"views\"]", &format!("[\"{}\"]", "x".repeat(301)), "is too long: 301 bytes, at most 300"),
        ("[health]", "[hooks]\nbefore_switch = [\"-x\"]\n[health]", "begins with -"),
        (
            "[health]",
            &format!(
                "[hooks]\nbefore_switch = [{}]\n[health]",
                format!("\"{}\",", "x".repeat(3999)).repeat(5)
            ),
            "at most 16384",
        ),
    ] {
        site.world.edit(from, to);
        let ran = site.world.shipit(&["deploy"]).expect(2).says(&["shipit.toml:", says, "^"]);
        is_harmless(&ran);
        site.world.write("shipit.toml", &toml);
    }
    std::fs::write(site.world.app().join("shipit.toml"), b"app = \"gr\xfcn\"\n").expect("a file");
    site.world.shipit(&["deploy"]).expect(2).says(&["shipit.toml:1:10: this is not UTF-8: byte 0xfc"]);
    site.world.write("shipit.toml", &toml);
    assert_eq!(site.now(), before);
    nothing_ran(&site);
}
