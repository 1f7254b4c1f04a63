//! A server whose words end somewhere in the middle: nothing is concluded from them, and it is asked.

use crate::support::site::Site;

/// From now on only so many bytes of what a script says reach the client: of a `look` or a `switch`. None ends that.
fn cut_after(site: &Site, script: &str, bytes: Option<usize>) {
    let text = bytes.map(|bytes| format!("{script} {bytes}")).unwrap_or_default();
    site.server.sh_ok(&format!("echo '{text}' >/run/cut"));
}

/// Every command of the login goes through a shell that cuts it off.
fn with_shears(site: &Site) {
    // By their length: the switch is by far the longest of the scripts.
    let shell = r#"#!/bin/bash
read -r which bytes </run/cut
if [ "${#2}" -gt 20000 ]; then what=switch; elif [ "${#2}" -gt 5000 ]; then what=look; else what=other; fi
[ "$which" = "$what" ] || exec /bin/sh "$@"
# A look ends there; a switch goes on, and its connection breaks.
if [ "$what" = look ]; then /bin/sh "$@" | head -c "$bytes"; exit; fi
exec /bin/sh "$@" > >(dd bs=1 count="$bytes" status=none; kill -KILL "$PPID")
"#;
    let put = "cat >/usr/local/bin/shears && chmod 755 /usr/local/bin/shears && usermod --shell /usr/local/bin/shears deploy";
    assert!(site.server.sh_with_input("root", put, shell.as_bytes()).success());
    cut_after(site, "none", None);
}

#[test]
fn a_look_that_breaks_off_is_no_look() {
    let site = Site::new();
    with_shears(&site);
    let before = site.now();
    for bytes in [0, 1, 30, 700, 1500] {
        cut_after(&site, "look", Some(bytes));
        let ran = site.world.shipit(&["status"]).expect(3);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
        let says = if bytes > 30 { "its answer broke off" } else { "error: " };
        ran.says(&[says]);
    }
    site.commit("ok");
    site.untouched(&["deploy"], 3, &["its answer broke off"]);
    site.untouched(&["rollback"], 3, &["its answer broke off"]);
    assert_eq!(site.now(), before);
    cut_after(&site, "none", None);
    site.good();
}

#[test]
fn a_switch_whose_words_break_off_is_asked_about() {
    let site = Site::new();
    with_shears(&site);
    let mut outcomes = Vec::new();
    // From before the first word to within the last ones.
    for bytes in [0, 12, 60, 300, 700] {
        let before = site.now();
        let commit = site.commit("ok");
        cut_after(&site, "switch", Some(bytes));
        let ran = site.world.shipit(&["deploy", "--json"]);
        cut_after(&site, "none", None);
        let now = site.now();
        let result = ran.json();
        match ran.code {
            0 => {
                assert_eq!(now.current, format!("releases/{commit}"), "{bytes}: {result:#}");
                site.is_live(&commit);
            }
            7 => {
                assert_eq!(now.current, before.current, "{bytes}: {result:#}");
                assert_eq!(now.page, before.page);
                site.agrees(&now);
                let live = result["live"].as_str().unwrap_or_default();
                assert!(live.ends_with("runs again") || live.ends_with("runs as before"), "{live}");
            }
            other => panic!("{bytes}: exit code {other}\n{}", ran.stderr),
        }
        now.has_no_leftovers();
        outcomes.push((bytes, ran.code, ran.took.as_secs()));
    }
    eprintln!("(bytes, exit code, seconds): {outcomes:?}");
    // Without `ready` there is no `go`; with it, what was begun is what the journal says.
    assert!(outcomes.iter().take(2).all(|(_, code, _)| *code == 7), "{outcomes:?}");
    site.good();
}
