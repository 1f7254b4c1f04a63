//! Hooks run as the unit would: its user, its environment, its new folder.

use std::collections::BTreeMap;

use crate::support::facts::{ROOT, current, events, invocation, journal, listing, page};
use crate::support::lab::{Server, Variant};
use crate::support::world::World;

/// As systemd reads it (systemd.exec(5), EnvironmentFile=).
const ENVIRONMENT_FILE: &str = r#"# a comment
; another one
PLAIN=two words
  INDENTED=yes
SPACED = around
TRAILING=blanks   
EMPTY=
DOUBLE="a \"b\" \$c \\ d $e `f` \n"
SINGLE='a "b" $c \n'
APOSTROPHE=it's
HASH=a # b
ESCAPED=a\ b\\c\"d
CONTINUED=one \
two
LINES="one
two"
JOINED='a'"b"c
EQUALS=a=b=c
UMLAUT=grün
OVERRIDDEN=by the file
NO_EQUALS_SIGN
export EXPORTED=1
LAST="no newline""#;

#[test]
fn a_hook_runs_as_the_unit_does() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    server.sh_with_input("root", "cat >/etc/server.env", ENVIRONMENT_FILE.as_bytes());
    server.sh_ok(
        "chown root:app /etc/server.env && chmod 640 /etc/server.env
         mkdir /etc/systemd/system/server.service.d
         cat >/etc/systemd/system/server.service.d/env.conf <<'END'
[Service]
Environment=\"BLANKS=a b\" 'QUOTES=it is \"so\"' OVERRIDDEN=by-the-unit PERCENT=100%%
EnvironmentFile=/etc/server.env
EnvironmentFile=-/etc/there-is-none.env
UMask=0027
END
         cp -r /etc/systemd/system/server.service.d /etc/systemd/system/measure.service.d
         printf '[Service]\\nType=oneshot\\nUser=app\\nExecStart=sh -c \"cat /proc/self/environ >/var/www/server/data/unit\"\\n' \
           >/etc/systemd/system/measure.service
         systemctl daemon-reload",
    );
    assert!(!server.sh_as("deploy", "cat /etc/server.env").success(), "only the app may read it");
    let hook = "id -un >$0/user; pwd >$0/cwd; cat views/index.html >$0/view; readlink result >$0/result; \
                cat /proc/$$/environ >$0/environ; readlink ../../current >$0/current; umask >$0/umask";
    world.edit(
        "[health]",
        &format!("[hooks]\nbefore_switch = [\"sh\", \"-c\", '''{hook}''', \"{ROOT}/data\"]\n\n[health]"),
    );
    let first = world.commit("1", "ok");
    world.deploy();
    let second = world.commit("2", "ok");
    world.deploy();

    let said = |name: &str| server.sh_ok(&format!("cat {ROOT}/data/{name}"));
    assert_eq!(said("user"), "app\n");
    assert_eq!(said("cwd"), format!("{ROOT}/releases/{second}\n"));
    assert_eq!(said("view"), "<h1>2</h1>\n");
    assert_eq!(said("result"), server.sh_ok(&format!("readlink {ROOT}/current/result")));
    assert_eq!(said("current"), format!("releases/{first}\n"), "it runs before the switch");
    assert_eq!(said("umask"), "0027\n");

    // Every variable that systemd gives the unit, with systemd's own reading of the file as the measure.
    let variables = |text: &str| -> BTreeMap<String, String> {
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    server.sh_ok("systemctl start measure.service");
    let (mut unit, mut hook) = (variables(&said("unit")), variables(&said("environ")));
    assert_eq!(unit.get("OVERRIDDEN").map(String::as_str), Some("by the file"), "{unit:#?}");
    assert_eq!(unit.get("PERCENT").map(String::as_str), Some("100%"), "{unit:#?}");
    // What is about this one start, and the locale of systemd itself.
    let own = [
        "LANG",
        "INVOCATION_ID",
        "SYSTEMD_EXEC_PID",
        "MEMORY_PRESSURE_WATCH",
        "MEMORY_PRESSURE_WRITE",
        "JOURNAL_STREAM",
    ];
    unit.retain(|key, _| !own.contains(&key.as_str()));
    for name in ["SERVER_PORT", "SERVER_DB_PATH"] {
        assert!(hook.remove(name).is_some(), "no {name} in {hook:#?}");
    }
    // Set by the shell itself.
    for environment in [&mut unit, &mut hook] {
        for name in ["PWD", "OLDPWD", "SHLVL", "_"] {
            environment.remove(name);
        }
    }
    assert_eq!(hook, unit);
}

#[test]
fn a_hook_that_can_not_run_changes_nothing() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    let first = world.commit("1", "ok");
    world.deploy();
    let start = invocation(&server, "server.service");
    world.edit("[health]", "[hooks]\nbefore_switch = [\"result/bin/server\", \"migrate\"]\n\n[health]");
    world.commit("2", "ok");
    let untouched = || {
        assert_eq!(current(&server), format!("releases/{first}"));
        assert_eq!(invocation(&server, "server.service"), start);
        assert!(page(&server).contains("version: 1"));
    };

    // systemd reads it as root; the app, and so its hook, can't.
    server.sh_ok(
        "install -m 600 /dev/null /etc/secret.env && mkdir /etc/systemd/system/server.service.d
         printf '[Service]\\nEnvironmentFile=/etc/secret.env\\n' >/etc/systemd/system/server.service.d/env.conf
         systemctl daemon-reload",
    );
    world
        .shipit(&["deploy"])
        .expect(3)
        .says(&["app can't read /etc/secret.env", "chgrp app /etc/secret.env"]);
    untouched();
    server.sh_ok("rm /etc/systemd/system/server.service.d/env.conf; systemctl daemon-reload");

    // One that is killed did not use up its time, and the other way round.
    let before = "before_switch = [\"result/bin/server\", \"migrate\"]";
    let deploy = |hook: &str| {
        world.edit(before, hook);
        world.commit("2", "ok");
        let failed = world.shipit(&["deploy"]).expect(7);
        world.edit(hook, before);
        untouched();
        failed
    };
    deploy("before_switch = [\"sh\", \"-c\", \"kill -KILL $$\"]").says(&[
        "hook `sh -c kill -KILL $$`: it was killed, not by shipit",
        "runs as before",
        &first[..7],
    ]);
    let lines = journal(&server);
    assert_eq!(events(&lines), "started live kept failed");
    assert!(lines[3]["reason"].as_str().is_some_and(|reason| reason.contains("hook")), "{}", lines[3]);
    let status = world.shipit(&["status", "--json"]).expect(0).json();
    assert_eq!((&status["last"]["status"], &status["last"]["deploy"]), (&"failed".into(), &2.into()));
    let hang = "before_switch = [\"result/bin/server\", \"migrate-hang\"]\ntimeout = \"1s\"";
    let failed = deploy(hang).says(&["it was not done within 1 s", "migration 1: waiting for a lock"]);
    assert!(failed.took < std::time::Duration::from_secs(20), "{:?}", failed.took);
    let left = server.sh("pgrep -u app -f 'sleep 1000000'");
    assert!(!left.success(), "the hook goes on: {left}");

    // Without the sudo rule it is known before anything is sent.
    server.sh_ok("sed -i '/(app)/d' /etc/sudoers.d/shipit && visudo -cq");
    world.commit("3", "ok");
    let before = listing(&server);
    world.shipit(&["deploy"]).expect(3).says(&[
        "deploy may not run the hook as app",
        "visudo -cf /etc/sudoers.d/shipit-server-hooks",
        "deploy ALL=(app) NOPASSWD: ALL",
    ]);
    assert_eq!(listing(&server), before);
    untouched();
    // A rollback runs no hook, so it needs no rule; without hooks neither does a deploy.
    world.edit("before_switch = [\"result/bin/server\", \"migrate\"]\n", "");
    let third = world.commit("3", "ok");
    world.deploy();
    assert_eq!(current(&server), format!("releases/{third}"));
    world.edit("[hooks]", "[hooks]\nbefore_switch = [\"true\"]");
    world.shipit(&["rollback"]).expect(0);
    assert_eq!(current(&server), format!("releases/{first}"));
}
