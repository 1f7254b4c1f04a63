//! `exec`: a command as the app runs, with this program's own streams and its own exit code.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use crate::support::facts::ROOT;
use crate::support::lab::{Server, Variant};
use crate::support::site::Site;
use crate::support::watched::{connections, signal};
use crate::support::world::{Ran, SHIPIT, eventually, run};

/// `exec -- sh -c SCRIPT`
fn sh(site: &Site, script: &str) -> Ran {
    site.world.shipit(&["exec", "--", "sh", "-c", script])
}

/// Whether such a process of the app's runs there.
fn runs(site: &Site, pattern: &str) -> bool {
    site.server.sh(&format!("pgrep -u app -f '{pattern}'")).success()
}

fn begins(site: &Site, pattern: &str) {
    eventually(Duration::from_secs(30), || if runs(site, pattern) { Ok(()) } else { Err("it does not run") });
}

fn ends(site: &Site, pattern: &str) {
    eventually(Duration::from_secs(60), || if runs(site, pattern) { Err("it still runs") } else { Ok(()) });
}

#[test]
fn a_command_runs_as_the_app_does() {
    let site = Site::new();
    site.server.sh_ok("printf 'FROM_FILE=\"two words\"\\n' >/etc/server.env; chown root:app /etc/server.env; chmod 640 /etc/server.env");
    site.drop_in("[Service]\nEnvironment=\"BLANKS=a b\"\nEnvironmentFile=/etc/server.env\nUMask=0027");
    let commit = site.good();
    let before = site.now();
    let ran = sh(&site, "id -un; pwd; umask; echo \"$BLANKS:$FROM_FILE:$SERVER_PORT\"; cat views/index.html; tty; echo talk >&2").expect(0);
    let expected =
        format!("app\n{ROOT}/releases/{commit}\n0027\na b:two words::3001\n<h1>2</h1>\nnot a tty\n");
    assert_eq!((ran.stdout, ran.stderr.as_str()), (expected, "talk\n"));
    assert_eq!(site.now(), before, "it leaves no trace of its own");
    // The words arrive as they are.
    let odd = ["exec", "--", "printf", "[%s]", "", "$(id)", "a\nb", "it's", "-n", "--json", "ü"];
    assert_eq!(site.world.shipit(&odd).expect(0).stdout, "[][$(id)][a\nb][it's][-n][--json][ü]");

    // Its own exit code.
    sh(&site, "exit 3").expect(3);
    sh(&site, "exit 255").expect(255);
    let ran = sh(&site, "kill -TERM $$").expect(143);
    assert_eq!(ran.stderr, "", "the shells between say nothing");
    for (program, says) in [
        ("no-such-program", "shipit: no-such-program: not found in the unit's PATH (/usr/"),
        ("result/bin/sever", "shipit: result/bin/sever: not found in /var/www/server/releases/"),
    ] {
        let ran = site.world.shipit(&["exec", "--", program]).expect(127);
        assert!(ran.stderr.starts_with(says) && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    }
    site.world.shipit(&["exec", "--", "/etc/passwd"]).expect(126);
    site.world
        .shipit(&["exec", "--", "result/bin/server", "migrate-fail"])
        .expect(3)
        .says(&["boom: the migration failed"]);
    // A word of the shell is none of ours.
    site.world.shipit(&["exec", "--", "exit"]).expect(127);

    // It reads what shipit is given, whole, and sees its end.
    let mut command = site.world.command(SHIPIT);
    command.stdin(Stdio::piped());
    let mut running = run(command, &["exec", "--", "sha256sum"]);
    let mut pipe = running.child.stdin.take().expect("a pipe");
    let much: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    pipe.write_all(&much).expect("read");
    drop(pipe);
    let sum = site.server.sh_with_input("root", "sha256sum", &much).stdout;
    assert_eq!(running.wait().expect(0).stdout, sum);
    // … and what it writes comes whole, however little of it is read.
    let mut command = site.world.command("sh");
    let line =
        format!("'{SHIPIT}' exec -- seq 200000 | tail -n 1; '{SHIPIT}' exec -- seq 200000 | head -n 1");
    let output = command.args(["-c", &line]).output().expect("sh");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "200000\n1\n");
}

#[test]
fn nothing_goes_on_without_its_client() {
    let site = Site::new();
    let words = ["exec", "--", "sh", "-c", "sleep 3000 & sleep 3001; echo never"];
    let start = || {
        let runtime = site.world.file("run");
        std::fs::create_dir_all(&runtime).unwrap();
        let mut command = site.world.command(SHIPIT);
        command.env("XDG_RUNTIME_DIR", runtime);
        run(command, &words)
    };
    for name in ["KILL", "INT", "TERM"] {
        let running = start();
        begins(&site, "^sleep 300[01]");
        signal(name, &[running.child.id()]);
        let ran = running.wait();
        if name != "KILL" {
            assert_eq!((ran.code, ran.stdout.as_str()), (130, ""), "{}", ran.stderr);
        }
        ends(&site, "^sleep 300[01]");
    }
    // One that has something to do first is waited for.
    let running = run(
        site.world.command(SHIPIT),
        &["exec", "--", "sh", "-c", "trap 'echo tidied; exit 7' INT; sleep 3002 & wait"],
    );
    begins(&site, "^sleep 3002");
    signal("INT", &[running.child.id()]);
    assert_eq!(running.wait().expect(7).stdout, "tidied\n");
    ends(&site, "^sleep 3002");
    // One that does not care is made to.
    let running =
        run(site.world.command(SHIPIT), &["exec", "--", "sh", "-c", "trap '' INT TERM; sleep 3003"]);
    begins(&site, "^sleep 3003");
    signal("INT", &[running.child.id()]);
    running.wait().expect(137);
    ends(&site, "3003");
    // The connection breaks.
    let running = start();
    begins(&site, "^sleep 3001");
    signal("KILL", &connections(&site.world));
    running.wait().expect(125).says(&["was lost", "will be within a minute"]);
    ends(&site, "^sleep 300[01]");
}

#[test]
fn a_command_behind_a_cut_cable_is_ended() {
    let site = Site::new();
    let running = run(site.world.command(SHIPIT), &["exec", "--", "sleep", "3005"]);
    begins(&site, "^sleep 3005");
    // Nobody is told: the keeper hears nothing more.
    site.server.cut();
    ends(&site, "^sleep 3005");
    running.wait().expect(125).says(&["was lost"]);
    site.server.mend();
}

#[test]
fn a_terminal_is_one_on_both_sides() {
    let site = Site::new();
    // `script` gives shipit a terminal.
    let on_terminal = |words: &str, keys: &str| {
        let mut command = site.world.command("sh");
        command.env("TERM", "xterm");
        let line = format!(
            "{{ sleep 8; printf '{keys}'; sleep 20; }} | script -qec \"'{SHIPIT}' exec {words}\" /dev/null"
        );
        let output = command.args(["-c", &line]).output().expect("script");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) =
        on_terminal("-- sh -c 'tty; echo \\$TERM; read -r line; echo got \\$line; exit 5'", "hello\\n");
    assert!(said.contains("/dev/pts/") && said.contains("xterm") && said.contains("got hello"), "{said}");
    assert_eq!(code, Some(5));
    // Ctrl-C is the command's.
    let (code, said) =
        on_terminal("-- sh -c 'trap \\\"echo caught; exit 6\\\" INT; echo ready; sleep 3004'", "\\003");
    assert!(said.contains("caught"), "{said}");
    assert_eq!(code, Some(6));
    let (_, said) = on_terminal("-T -- tty", "");
    assert!(said.contains("not a tty"), "{said}");
    site.world.shipit(&["exec", "-t", "--", "true"]).expect(125).says(&["--tty needs a terminal"]);
}

#[test]
fn what_stands_in_its_way_is_said_and_is_125() {
    let site = Site::empty(Server::boot(Variant::Debian));
    let fails = |words: &[&str], says: &[&str]| {
        site.world.shipit(words).expect(125).says(says);
    };
    fails(&["exec", "--", "true"], &["nothing is live", "shipit deploy"]);
    site.good();
    fails(&["exec"], &["required arguments", "<CMD>"]);
    fails(&["exec", "true"], &["unexpected argument"]);
    fails(&["exec", "--json", "--", "true"], &["has no --json"]);
    fails(&["-e", "nowhere", "exec", "--", "true"], &["nowhere"]);
    site.server.sh_ok("sed -i '/(app)/d' /etc/sudoers.d/shipit && visudo -cq");
    fails(
        &["exec", "--", "true"],
        &["deploy may not run a command as app", "deploy ALL=(app) NOPASSWD: ALL"],
    );
    site.server.sh_ok("echo 'deploy ALL=(app) NOPASSWD: ALL' >>/etc/sudoers.d/shipit");
    site.server.sh_ok("install -m 600 /dev/null /etc/secret.env");
    site.drop_in("[Service]\nEnvironmentFile=/etc/secret.env");
    fails(&["exec", "--", "true"], &["app can't read /etc/secret.env", "chgrp app /etc/secret.env"]);
    site.server.sh_ok("chgrp app /etc/secret.env; chmod g+r /etc/secret.env");
    site.world.shipit(&["exec", "--", "true"]).expect(0);
    site.server.sh_ok("gpasswd -d deploy systemd-journal >/dev/null");
    site.server.cut();
    fails(&["exec", "--", "true"], &["can't be reached"]);
    site.server.mend();
}
