//! What a login shell is, and what its startup files do.

use crate::support::facts::ROOT;
use crate::support::site::Site;

#[test]
fn fish_zsh_and_tcsh_are_login_shells_like_any_other() {
    let site = Site::new();
    let rc = "echo Good morning >&2\nset noclobber\n";
    for file in [".tcshrc", ".zshenv", ".config/fish/config.fish"] {
        let text = if file.contains("fish") { "echo Good morning >&2\n" } else { rc };
        let script = format!("mkdir -p ~/.config/fish && cat >~/{file}");
        assert!(site.server.sh_with_input("deploy", &format!("cd; {script}"), text.as_bytes()).success());
    }
    for shell in ["fish", "zsh", "tcsh"] {
        site.server.sh_ok(&format!("usermod --shell $(command -v {shell}) deploy"));
        site.good();
        site.commit("crash");
        site.goes_back(&["deploy"], &["did not go live", "boom: refused to start"]);
    }
    site.world.shipit(&["rollback"]).expect(0);
}

/// Lets `~/.bashrc` begin with this, which a session without a terminal reads on Debian too.
fn bashrc(site: &Site, text: &str) {
    let script = "cd && { test -e .bashrc.usual || cp .bashrc .bashrc.usual; } && { cat; cat .bashrc.usual; } >.bashrc";
    let ran =
        site.server.sh_with_input("deploy", &format!("export HOME=/home/deploy; {script}"), text.as_bytes());
    assert!(ran.success(), "{ran}");
}

#[test]
fn a_noisy_bashrc_changes_nothing() {
    let site = Site::new();
    for text in [
        // Options that reach all shells below it, aliases of what is used, an odd PATH, much noise.
        "set -ex; export SHELLOPTS; shopt -s expand_aliases; alias sh=false eval=false printf=false mv=rm\n",
        "export PATH=/usr/local/games:$PATH:. IFS=/ PS4='$(touch /tmp/pwned1)' LC_ALL=tr_TR.UTF-8 TMPDIR=/nonexistent\nulimit -c 0\n",
        "i=0; while [ $i -lt 5000 ]; do echo \"line $i @ done kept\" >&2; i=$((i+1)); done\n",
        "sleep 2; trap 'echo bye >&2' EXIT; printf() { echo no; }; export -f printf\n",
    ] {
        bashrc(&site, text);
        site.good();
        assert!(!site.server.sh("test -e /tmp/pwned1").success());
    }
    site.commit("crash");
    site.goes_back(&["deploy"], &["boom: refused to start"]);
}

#[test]
fn a_startup_file_that_takes_what_is_sent_is_said() {
    let site = Site::new();
    site.commit("ok");
    // Another shell would run every line of a conversation as a command: nothing but a comment may ever reach it.
    for (text, says) in [
        ("read -r line\n", "reads what is sent to its commands"),
        ("cat >/dev/null\n", "reads what is sent to its commands"),
        ("exec sh\n", "did not run what it was given"),
        ("exec fish\n", "did not run what it was given"),
        ("exec tcsh\n", "did not run what it was given"),
        ("tee -a ~/taken | bash -v >>~/taken 2>&1; exit\n", "did not run what it was given"),
        ("exit 3\n", "did not run what it was given"),
    ] {
        bashrc(&site, text);
        site.untouched(&["deploy"], 3, &[says]);
        site.untouched(&["rollback"], 3, &[says]);
    }
    assert!(site.server.sh_ok("sort -u /home/deploy/taken").lines().all(|line| line.trim() == "#"));
    bashrc(&site, "");
    // A key that may only run one thing.
    site.server.sh_ok("printf 'Match User deploy\\n  ForceCommand date\\n' >/etc/ssh/sshd_config.d/zz.conf; systemctl reload ssh");
    site.untouched(&["deploy"], 3, &["did not run what it was given", "echo fine"]);
    site.server.sh_ok("rm /etc/ssh/sshd_config.d/zz.conf; systemctl reload ssh");
    site.good();
    assert!(site.server.sh_ok(&format!("ls {ROOT}/.shipit")).contains("journal.jsonl"));
}
