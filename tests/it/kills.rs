//! Whatever dies, whenever: what ran before runs again, the next deploy just works, and what is said agrees with
//! what happened. Most of these deploy a release that accepts requests and never answers, so that the check lasts.

use std::time::Duration;

use crate::support::lab::{Server, Variant};
use crate::support::watched::{
    Watched, at_rest, connections, journal, last_entry, serves, signal, temporary,
};
use crate::support::world::{World, eventually};

const SECOND: Duration = Duration::from_secs(1);
/// A client that is gone is noticed at once, and the old release starts in no time.
const SOON: Duration = Duration::from_secs(5);
/// A command that only has to end.
const END: Duration = Duration::from_secs(60);

/// The transaction's two processes on the server, into `$guardian` and `$half`.
const FIND: &str =
    "guardian=$(pgrep -u deploy -o -f '[e]xec sh -c|[s]h -c eval.* shipit ') && half=$(pgrep -P $guardian)";

/// A server with version 1 on it, and a commit of version 2 that never answers.
fn mute() -> (Server, World) {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.edit("within = \"10s\"", "within = \"120s\"");
    world.commit("1", "ok");
    world.deploy();
    world.commit("2", "mute");
    (server, world)
}

/// Starts a deploy and waits until its release was started and is being asked.
fn checking(server: &Server, world: &World) -> Watched {
    let mut deploy = Watched::start(world, &["deploy"]);
    deploy.until("started");
    let current = server.sh_ok("readlink /var/www/server/current");
    assert_eq!(current.trim(), format!("releases/{}", world.git(&["rev-parse", "HEAD"])));
    deploy
}

/// `shipit status --json`.
fn status(world: &World) -> serde_json::Value {
    world.shipit(&["status", "--json"]).expect(0).json()
}

/// The next deploy needs no step by hand.
fn next_deploy_works(server: &Server, world: &World, version: &str) {
    world.commit(version, "ok");
    world.deploy();
    serves(server, version, SECOND);
    at_rest(server);
    assert_eq!(status(world)["unfinished"], serde_json::Value::Null);
}

#[test]
fn a_client_that_is_killed_or_interrupted_in_the_check() {
    let (server, world) = mute();
    // (signal, exit code, what the journal says of it)
    let ends = [
        ("KILL", 137, "contact with the client was lost"),
        ("INT", 130, "interrupted by SIGINT"),
        ("TERM", 143, "ended by SIGTERM or SIGHUP"),
        ("HUP", 143, "ended by SIGTERM or SIGHUP"),
    ];
    let mut left = Vec::new();
    for (name, code, reason) in ends {
        let deploy = checking(&server, &world);
        deploy.signal(name);
        let took = serves(&server, "1", SOON);
        let ran = deploy.wait(END).expect(code);
        eprintln!("{name}: the old release answers after {took:?}");
        at_rest(&server);
        let entry = last_entry(&server);
        assert_eq!((&entry["event"], &entry["reason"]), (&"reverted".into(), &reason.into()));
        let status = status(&world);
        assert_eq!(status["last"]["status"], "reverted");
        assert_eq!(status["unfinished"], serde_json::Value::Null);
        assert_eq!(status["current"]["subject"], "1");
        if name == "KILL" {
            left = temporary(&world);
        } else {
            let result = ran.json();
            assert_eq!((&result["outcome"], &result["exit"]), (&"interrupted".into(), &code.into()));
            assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
        }
    }
    next_deploy_works(&server, &world, "3");
    // Those that could clean up did; the killed one's connection ends by itself.
    assert_eq!(temporary(&world), left);
    eventually(Duration::from_secs(45), || match &connections(&world)[..] {
        [] => Ok(()),
        left => Err(left.to_vec()),
    });
}

#[test]
fn an_interrupt_leaves_nothing_on_the_laptop() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    deploy.signal("INT");
    deploy.wait(END).expect(130);
    assert_eq!(temporary(&world), Vec::<std::path::PathBuf>::new());
    assert_eq!(connections(&world), Vec::<u32>::new());
    serves(&server, "1", SECOND);
}

#[test]
fn interrupted_twice_it_does_not_wait_for_the_server() {
    let (server, world) = mute();
    // The old release takes its time to stop, so that going back lasts.
    let deploy = checking(&server, &world);
    // The server half stands still: the first interrupt gets no answer.
    server.sh_ok(&format!("{FIND}; kill -STOP $half"));
    deploy.signal("INT");
    std::thread::sleep(SECOND);
    deploy.signal("INT");
    let began = std::time::Instant::now();
    let ran = deploy.wait(END).expect(130);
    assert!(began.elapsed() < 3 * SECOND, "{:?}", began.elapsed());
    assert!(
        ran.json()["live"].as_str().is_some_and(|live| live.contains("by itself within")),
        "{}",
        ran.stdout
    );
    assert_eq!(temporary(&world), Vec::<std::path::PathBuf>::new());
    server.sh_ok(&format!("{FIND}; kill -CONT $half"));
    serves(&server, "1", SOON);
    at_rest(&server);
    next_deploy_works(&server, &world, "3");
}

#[test]
fn an_interrupt_after_it_was_kept_changes_nothing() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.edit("assets = ", "keep = 1\nassets = ");
    for version in ["1", "2"] {
        world.commit(version, "ok");
        world.deploy();
    }
    // Removing version 1 comes after the verdict, and takes a while.
    server.sh_ok(
        "printf '#!/bin/sh\\ncase $* in *gone-*) sleep 3 ;; esac\\nexec /usr/bin/rm \"$@\"\\n' >/usr/local/bin/rm
         chmod 755 /usr/local/bin/rm",
    );
    world.commit("3", "ok");
    let mut deploy = Watched::start(&world, &["deploy"]);
    deploy.until("kept");
    deploy.signal("INT");
    let ran = deploy.wait(END).expect(0);
    assert_eq!(ran.json()["outcome"], "live");
    serves(&server, "3", SECOND);
    at_rest(&server);
    assert_eq!(journal(&server).iter().filter(|entry| entry["event"] == "kept").count(), 3);
}

#[test]
fn interrupted_before_the_switch_nothing_is_changed() {
    let (server, world) = mute();
    let first = server.sh_ok("readlink /var/www/server/current");
    let invocation = server.sh_ok("systemctl show -p InvocationID server.service");
    let untouched = || {
        assert_eq!(server.sh_ok("readlink /var/www/server/current"), first);
        assert_eq!(server.sh_ok("systemctl show -p InvocationID server.service"), invocation);
        at_rest(&server);
    };
    // (behaviour, event, what comes with it)
    world.edit("[health]", "[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\n\n[health]");
    for (number, (behaviour, event)) in [
        ("slow-build 100", "building-derivation"),
        ("heavy 20", "copying-path"),
        ("migrate-hang", "hook-started"),
    ]
    .into_iter()
    .enumerate()
    {
        for (name, code) in [("INT", 130), ("KILL", 137)] {
            world.commit(&format!("x{number}-{name}"), behaviour);
            if event == "copying-path" {
                server.rate("20mbit");
            }
            let mut deploy = Watched::start(&world, &["deploy"]);
            deploy.until(event);
            std::thread::sleep(SECOND / 2);
            assert!(!deploy.is_over(), "{behaviour} was over too soon");
            let hooks = server.sh("pgrep -u app -f '[s]leep 1000000'").success();
            assert_eq!(hooks, event == "hook-started", "{behaviour}");
            deploy.signal(name);
            let ran = deploy.wait(SOON).expect(code);
            server.rate("off");
            untouched();
            // Nobody is left of the hook: neither it nor what watched over it.
            eventually(SOON, || match server.sh("ps -o pid,args -u app | grep -v [h]ttpd | tail -n +2") {
                ps if ps.stdout.is_empty() => Ok(()),
                ps => Err(ps),
            });
            if name == "INT" {
                let result = ran.json();
                let unchanged = if hooks { "nothing else was changed" } else { "nothing was changed" };
                assert!(result["error"].as_str().is_some_and(|error| error.contains(unchanged)), "{result}");
            }
        }
    }
    next_deploy_works(&server, &world, "3");
}

#[test]
fn the_ssh_master_is_killed_in_the_check() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    let masters = connections(&world);
    assert!(!masters.is_empty());
    signal("KILL", &masters);
    serves(&server, "1", SOON);
    // It asks over a new connection, and knows.
    let ran = deploy.wait(Duration::from_secs(20)).expect(7);
    let result = ran.json();
    assert!(
        result["error"].as_str().is_some_and(|error| error.contains("contact with the client was lost")),
        "{result}"
    );
    assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
    at_rest(&server);
    assert_eq!(temporary(&world), Vec::<std::path::PathBuf>::new());
    assert_eq!(connections(&world), Vec::<u32>::new());
    next_deploy_works(&server, &world, "3");
}

#[test]
fn halves_of_the_server_half_are_killed() {
    let (server, world) = mute();
    for (victims, event, reason) in [
        ("$half", "reverted", "its server half was killed"),
        ("$guardian", "reverted", "contact with the client was lost"),
        ("$guardian $half", "interrupted", "both its client and its server half ended without a word"),
    ] {
        let deploy = checking(&server, &world);
        server.sh_ok(&format!("{FIND} && kill -KILL {victims}"));
        // With both dead it is the client that asks and so recovers.
        let took = serves(&server, "1", 3 * SOON);
        let ran = deploy.wait(END).expect(7);
        eprintln!("{victims}: {took:?}");
        let entry = last_entry(&server);
        assert_eq!((&entry["event"], &entry["reason"]), (&event.into(), &reason.into()));
        let result = ran.json();
        assert!(result["error"].as_str().is_some_and(|error| error.contains(reason)), "{result}");
        at_rest(&server);
    }
    next_deploy_works(&server, &world, "3");
}

#[test]
fn client_and_server_half_are_both_killed() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    deploy.signal("STOP");
    server.sh_ok(&format!("{FIND} && kill -KILL $guardian $half"));
    deploy.signal("KILL");
    deploy.wait(SOON).expect(137);
    // Nobody is left to go back; that much can be seen.
    assert!(server.sh_ok("readlink /var/www/server/current").contains(&world.git(&["rev-parse", "HEAD"])));
    let seen = status(&world);
    assert!(seen["unfinished"]["token"].is_string() && seen["unfinished"]["within_s"].is_null(), "{seen}");
    assert_eq!(seen["last"]["status"], "unfinished");
    let said = world.shipit(&["status"]).expect(0).stdout;
    assert!(said.contains("nobody is at it any more"), "{said}");
    // The same commit again: it may look live, but nobody has found it healthy.
    world.edit("within = \"120s\"", "within = \"2s\"");
    let ran = world.shipit(&["deploy", "HEAD"]).expect(7);
    assert!(ran.stderr.contains("was not healthy within 2 s"), "{}", ran.stderr);
    serves(&server, "1", SECOND);
    let ends: Vec<_> = journal(&server).iter().map(|entry| entry["event"].clone()).collect();
    assert_eq!(
        ends,
        ["started", "live", "kept", "started", "live", "interrupted", "started", "live", "reverted"]
    );
    world.edit("within = \"2s\"", "within = \"30s\"");
    next_deploy_works(&server, &world, "3");
}

#[test]
fn sshd_restarts_and_the_cable_is_cut_for_a_while() {
    let (server, world) = mute();
    world.commit("3", "slow-start 12");
    let deploy = checking(&server, &world);
    server.sh_ok("systemctl restart ssh.service");
    server.cut();
    std::thread::sleep(5 * SECOND);
    server.mend();
    let ran = deploy.wait(END).expect(0);
    assert_eq!(ran.json()["outcome"], "live");
    serves(&server, "3", SECOND);
    at_rest(&server);
    assert_eq!(last_entry(&server)["event"], "kept");
}

#[test]
fn cut_until_the_server_went_back_and_then_mended() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    server.cut();
    let took = eventually(Duration::from_secs(36), || old_runs(&server));
    assert!(took > Duration::from_secs(25), "gone back after {took:?} already");
    server.mend();
    let result = deploy.wait(END).expect(7).json();
    assert!(
        result["error"].as_str().is_some_and(|error| error.contains("the client was silent for 30 s")),
        "{result}"
    );
    assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
    assert_eq!(last_entry(&server)["event"], "reverted");
    next_deploy_works(&server, &world, "3");
}

#[test]
fn cut_for_good() {
    let (server, world) = mute();
    // The deadline that is printed has the unit's limits in it.
    server.sh_ok(
        "mkdir -p /etc/systemd/system/server.service.d
         printf '[Service]\\nTimeoutStartSec=2\\nTimeoutStopSec=2\\n' >/etc/systemd/system/server.service.d/limits.conf
         systemctl daemon-reload",
    );
    let mut deploy = checking(&server, &world);
    server.cut();
    // Without its master the client knows at once that contact is lost, and tries for as long as it says.
    signal("KILL", &connections(&world));
    let within = deploy.until("contact-lost")["within_s"].as_u64().expect("a number");
    assert_eq!(within, 30 + 2 + 2 + 30);
    eventually(Duration::from_secs(36), || old_runs(&server));
    let ran = deploy.wait(Duration::from_secs(within + 12)).expect(9);
    let result = ran.json();
    assert_eq!(result["outcome"], "contact-lost");
    assert!(result["live"].as_str().is_some_and(|live| live.contains("by itself within 34 s")), "{result}");
    assert_eq!(temporary(&world), Vec::<std::path::PathBuf>::new());
    server.mend();
    assert_eq!(last_entry(&server)["reason"], "the client was silent for 30 s");
    next_deploy_works(&server, &world, "3");
}

/// Whether version 1 runs, asked on the server: its cables may be cut.
fn old_runs(server: &Server) -> Result<(), String> {
    let page = server.sh("cd /var/www/server && curl -s -m 1 http://127.0.0.1:3001/version || bash -c 'exec 3<>/dev/tcp/127.0.0.1/3001 && printf \"GET /version HTTP/1.0\\r\\n\\r\\n\" >&3 && cat <&3'");
    if page.stdout.trim_end().ends_with('1') { Ok(()) } else { Err(page.to_string()) }
}

#[test]
fn a_client_that_is_frozen() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    deploy.signal("STOP");
    let took = serves(&server, "1", Duration::from_secs(36));
    assert!(took > Duration::from_secs(25), "gone back after {took:?} already");
    deploy.signal("CONT");
    let result = deploy.wait(SOON).expect(7).json();
    assert!(
        result["error"].as_str().is_some_and(|error| error.contains("the client was silent for 30 s")),
        "{result}"
    );
    next_deploy_works(&server, &world, "3");
}

#[test]
fn the_whole_server_crashes_in_the_check() {
    let (server, world) = mute();
    // First with a client that stays: it asks as soon as it can, and that recovers.
    let deploy = checking(&server, &world);
    server.crash();
    server.boot_again();
    let result = deploy.wait(END).expect(7).json();
    assert!(result["error"].as_str().is_some_and(|error| error.contains("ended without a word")), "{result}");
    serves(&server, "1", SECOND);
    at_rest(&server);
    // Then with one that dies too.
    let deploy = checking(&server, &world);
    server.crash();
    deploy.signal("KILL");
    deploy.wait(SOON).expect(137);
    server.boot_again();
    assert!(status(&world)["unfinished"]["token"].is_string());
    world.commit("3", "ok");
    let ran = world.deploy();
    assert!(ran.stderr.contains("an earlier deploy ended without a word"), "{}", ran.stderr);
    serves(&server, "3", SECOND);
    at_rest(&server);
    let previous = journal(&server)
        .iter()
        .rfind(|entry| entry["event"] == "started")
        .map(|entry| entry["previous"].clone());
    let first = world.git(&["rev-list", "--max-parents=0", "HEAD"]);
    assert_eq!(
        previous,
        Some(first.into()),
        "what the next one goes back to is the old release, not the unchecked one"
    );
}

#[test]
fn two_clients_at_once() {
    let server = Server::boot(Variant::Debian);
    let worlds = [World::new(&server), World::new(&server)];
    worlds[0].commit("0", "ok");
    worlds[0].deploy();
    for (world, version) in worlds.iter().zip(["1", "2"]) {
        world.edit("within = \"10s\"", "within = \"30s\"");
        world.commit(version, "slow-start 8");
    }
    let deploys = worlds.each_ref().map(|world| Watched::start(world, &["deploy"]));
    let ends = deploys.map(|deploy| deploy.wait(END));
    let codes = ends.each_ref().map(|ran| ran.code);
    let winner = codes.iter().position(|code| *code == 0).unwrap_or_else(|| panic!("{codes:?}"));
    assert_eq!(codes[1 - winner], 6, "{}\n{}", ends[0].stdout, ends[1].stdout);
    let result = ends[1 - winner].json();
    assert!(
        result["error"].as_str().is_some_and(|error| error.contains("has been running `deploy`")),
        "{result}"
    );
    assert_eq!(result["live"], "what runs was not touched");
    serves(&server, ["1", "2"][winner], SECOND);
    assert_eq!(journal(&server).iter().filter(|entry| entry["event"] == "started").count(), 2);
    at_rest(&server);
}

#[test]
fn somebody_relinks_current_in_the_check() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    server
        .sh_ok("mkdir /var/www/server/theirs && cd /var/www/server && ln -s theirs new && mv -T new current");
    deploy.signal("TERM");
    let result = deploy.wait(END).expect(143).json();
    assert!(
        result["live"].as_str().is_some_and(|live| live.contains("somebody else moved `current`")),
        "{result}"
    );
    assert_eq!(server.sh_ok("readlink /var/www/server/current").trim(), "theirs");
    let entry = last_entry(&server);
    assert_eq!(entry["event"], "failed");
    assert!(entry["reason"].as_str().is_some_and(|reason| reason.contains("left alone")), "{entry}");
    assert_eq!(status(&world)["current"]["state"], "elsewhere");
    at_rest(&server);
    next_deploy_works(&server, &world, "3");
}

#[test]
fn a_clock_that_lies_changes_nothing() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    world.commit("1", "ok");
    world.deploy();
    // Each look at it is an hour earlier than the one before.
    server.sh_ok(
        "echo 0 >/run/lies && chmod 666 /run/lies
         cat >/usr/local/bin/date <<'END'
#!/bin/sh
n=$(($(cat /run/lies) + 1))
echo $n >/run/lies
exec /usr/bin/date -d \"-$n hours\" \"$@\"
END
         chmod 755 /usr/local/bin/date",
    );
    let second = world.commit("2", "ok");
    world.deploy();
    world.commit("3", "crash");
    world.shipit(&["deploy"]).expect(7);
    world.commit("4", "ok");
    world.deploy();
    serves(&server, "4", SECOND);
    assert_ne!(server.sh_ok("cat /run/lies").trim(), "0");
    world.shipit(&["rollback"]).expect(0);
    serves(&server, "2", SECOND);
    assert_eq!(status(&world)["current"]["release"], second.as_str());
    at_rest(&server);
}

/// A root folder and a systemd of paper, for the scripts alone.
struct Paper {
    folder: tempfile::TempDir,
}

impl Paper {
    /// `current` is a release `new`, put there by a dead deploy of token `t`; `old` ran before.
    fn new(shell: &str) -> Self {
        let paper = Paper { folder: tempfile::tempdir().expect("a folder") };
        paper.sh(&format!(
            "mkdir -p bin root/releases/old root/releases/new root/.shipit && ln -s releases/new root/current
             printf '#!/bin/sh\\nexec {shell} \"$@\"\\n' >bin/sh
             printf '#!/bin/sh\\n' >bin/sync
             printf 'ActiveState=active\\nInvocationID=second\\nJob=\\n' >unit
             cat >bin/systemctl <<'END'
#!/bin/bash
case $1 in
  show) cat ../unit ;;
  is-system-running) echo running ;;
  restart) echo \"$2\" >>../restarts; printf 'ActiveState=active\\nInvocationID=third\\nJob=\\n' >../unit ;;
esac
END
             sed -i '1s|.*|#!/bin/bash|' bin/sh
             chmod 755 bin/*"
        ));
        paper
    }

    fn sh(&self, script: &str) -> String {
        let output = std::process::Command::new("/bin/bash")
            .args(["-c", script])
            .current_dir(self.folder.path())
            .output();
        let output = output.expect("bash");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn pending(&self) {
        self.sh(
            "printf 'token=t\\nnumber=2\\nold=releases/old\\nnew=releases/new\\nbefore=first\\nwas=active\\nmeta=,\"token\":\"t\"\\n' >root/.shipit/pending
             ln -sfn releases/old root/.shipit/back
             echo '{\"event\":\"started\",\"token\":\"t\"}' >root/.shipit/journal.jsonl",
        );
    }

    /// Begins to ask how the deploy ended.
    fn ask(&self) -> std::process::Child {
        let words = ["unit=u", "control=root", "patience=10", "token=t", "wait=20"].map(str::to_owned);
        let root = format!("root={}/root", self.folder.path().display());
        let words: Vec<String> = std::iter::once(root).chain(words).collect();
        let line = shipit::remote::Script::Outcome.command_line(&words);
        std::process::Command::new("/bin/sh")
            .args(["-c", &line])
            .env("PATH", format!("{}/bin:/usr/bin:/bin", self.folder.path().display()))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a shell")
    }

    fn asked(&self) -> String {
        told(self.ask())
    }

    /// What is there in the end.
    fn found(&self) -> String {
        self.sh("cd root; readlink current || ls -d current; ls -A .shipit | grep -v '^back$\\|^lock$' | tr '\\n' ' '; cat ../restarts 2>/dev/null; true")
    }
}

fn told(child: std::process::Child) -> String {
    let output = child.wait_with_output().expect("an answer");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn settling_twice_or_at_once_is_settling_once_in_every_shell() {
    for shell in ["dash", "bash --posix", "busybox sh"] {
        // Switched and left.
        let paper = Paper::new(shell);
        paper.pending();
        let askers = [(); 3].map(|()| paper.ask());
        for answer in askers.map(told).into_iter().chain([paper.asked()]) {
            assert!(answer.contains("\"event\":\"interrupted\",\"token\":\"t\""), "{shell}: {answer}");
            assert!(answer.ends_with("@ outcome told\n@ end\n"), "{shell}: {answer}");
        }
        assert_eq!(paper.found(), "releases/old\njournal.jsonl u\n", "{shell}");
        assert_eq!(paper.sh("wc -l <root/.shipit/journal.jsonl").trim(), "2", "{shell}");

        // Left before the link was moved: what ran before never stopped.
        let paper = Paper::new(shell);
        paper.pending();
        paper.sh("ln -sfn releases/old root/current; sed -i s/second/first/ unit");
        assert!(paper.asked().contains("\"event\":\"interrupted\""), "{shell}");
        assert_eq!(paper.found(), "releases/old\njournal.jsonl ", "{shell}");

        // Relinked by hand meanwhile.
        let paper = Paper::new(shell);
        paper.pending();
        paper.sh("ln -sfn theirs root/current");
        assert!(paper.asked().contains("which was left alone"), "{shell}");
        assert_eq!(paper.found(), "theirs\njournal.jsonl ", "{shell}");

        // Decided, but the line was torn by a full disk.
        let paper = Paper::new(shell);
        paper.pending();
        paper.sh("cd root/.shipit; mv pending end.kept; printf '{\"event\":\"ke' >>journal.jsonl");
        for _ in 0..2 {
            let answer = paper.asked();
            assert!(answer.contains("\"event\":\"kept\",\"token\":\"t\"}"), "{shell}: {answer}");
        }
        assert_eq!(paper.found(), "releases/new\njournal.jsonl ", "{shell}");
        assert_eq!(paper.sh("wc -l <root/.shipit/journal.jsonl").trim(), "3", "{shell}");

        // … and with its line, which is not written again.
        let paper = Paper::new(shell);
        paper.pending();
        paper.sh("cd root/.shipit; mv pending end.kept; echo '{\"event\":\"kept\",\"token\":\"t\"}' >>journal.jsonl");
        paper.asked();
        assert_eq!(paper.sh("wc -l <root/.shipit/journal.jsonl").trim(), "2", "{shell}");
        assert_eq!(paper.found(), "releases/new\njournal.jsonl ", "{shell}");

        // A take-over between its two renames; and one that had not begun, with the link for an exchange in place.
        let paper = Paper::new(shell);
        paper.sh("cd root; rm current; mv releases/old releases/adopted-x; printf releases/adopted-x >.shipit/take; ln -s releases/stale .shipit/take-link");
        for _ in 0..2 {
            assert!(paper.asked().contains("@ outcome told"), "{shell}");
            assert_eq!(paper.found(), "releases/adopted-x\ntake ", "{shell}");
        }
        let paper = Paper::new(shell);
        paper.sh("cd root; rm current; mkdir current; printf releases/adopted-x >.shipit/take; ln -s releases/adopted-x releases/adopted-x");
        paper.asked();
        assert_eq!(paper.found(), "current\n", "{shell}");
        assert_eq!(paper.sh("ls root/releases").replace('\n', " "), "new old ", "{shell}");
    }
}

#[test]
fn going_back_that_lasts_is_not_a_lost_contact() {
    let (server, world) = mute();
    server.sh_ok(
        "mkdir -p /etc/systemd/system/server.service.d
         printf '[Service]\\nTimeoutStopSec=38\\n' >/etc/systemd/system/server.service.d/limits.conf
         systemctl daemon-reload",
    );
    world.edit("within = \"120s\"", "within = \"1s\"");
    world.commit("2", "error\nignore-term");
    let deploy = Watched::start(&world, &["deploy"]);
    let ran = deploy.wait(Duration::from_secs(90)).expect(7);
    assert!(ran.took > Duration::from_secs(38), "{:?}", ran.took);
    assert!(!ran.stdout.contains("\"contact-lost\""), "{}", ran.stdout);
    serves(&server, "1", SECOND);
    at_rest(&server);
}

#[test]
fn the_disk_is_full_in_the_check() {
    let server = Server::builder().variant(Variant::Debian).disk("1G").boot();
    let world = World::new(&server);
    world.edit("within = \"10s\"", "within = \"60s\"");
    world.commit("1", "ok");
    world.deploy();
    world.commit("2", "mute");
    let deploy = checking(&server, &world);
    server.fill("/var/www/server", 0);
    deploy.signal("INT");
    serves(&server, "1", SOON);
    let result = deploy.wait(END).expect(130).json();
    assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
    // Nothing could be written, and nothing is lost: the decision was a rename.
    assert!(!server.sh("test -e /var/www/server/.shipit/pending").success());
    let refused = world.shipit(&["deploy"]).expect(3);
    assert!(refused.stderr.contains("no space on"), "{}", refused.stderr);
    server.free();
    next_deploy_works(&server, &world, "3");
    let ends: Vec<_> = journal(&server).iter().map(|entry| entry["event"].clone()).collect();
    assert_eq!(ends, ["started", "live", "kept", "started", "live", "reverted", "started", "live", "kept"]);
}
