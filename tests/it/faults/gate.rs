//! Steps that are too short to be met from outside: a real program of the server, which the transaction runs there,
//! does its work and then stands still until the test lets it go on. Nothing in the product knows of it.

use std::time::Duration;

use crate::support::lab::Server;
use crate::support::watched::Watched;

use super::cells::Step;

/// The hook's program, for the step that is one already.
pub const HOOK: &str = "/usr/local/bin/stand-still";

/// How long a program stands still at most, in tenths of a second: where a test fails, nothing stays for ever.
const LONGEST: u32 = 900;

/// The program that is run at this step, and the words by which its run is known; none: an event of `--json` tells.
fn program(step: Step, rollback: bool) -> Option<(&'static str, &'static str)> {
    Some(match step {
        Step::Connected if rollback => ("mkdir", r#""-p /var/www/server/.shipit""#),
        // Reads the list of paths that the client asks about.
        Step::Built => ("cat", r#""""#),
        Step::Copied => ("mkdir", r#""-p /var/www/server/.shipit""#),
        Step::Locked => ("mkdir", r#""-p releases .shipit/incoming""#),
        Step::Hook => ("stand-still", "*"),
        Step::Relinked => ("sync", "."),
        Step::Kept => ("mv", r#""-fT .shipit/pending .shipit/end.kept""#),
        Step::Pruning => ("rm", "*gone-*"),
        Step::Connected | Step::Restarted | Step::Checking | Step::Keeping => return None,
    })
}

/// Prepares the server for the step. Whether there is a gate at all.
pub fn close(server: &Server, step: Step, rollback: bool) -> bool {
    open(server);
    let Some((name, words)) = program(step, rollback) else { return false };
    // All descriptors are closed: the real program would be gone by now, and hold neither the lock nor the client's line.
    let script = format!(
        r#"#!/bin/sh
real=/usr/bin/{name}
[ -e $real ] || real=true
case "$*" in
  {words})
    if mkdir /run/gate/at 2>/dev/null; then
      $real "$@"
      code=$?
      exec 0<&- 1>&- 2>&- 7>&- 8>&- 9>&-
      n=0
      while [ -e /run/gate/closed ] && [ $n -lt {LONGEST} ]; do sleep 0.1; n=$((n + 1)); done
      exit $code
    fi ;;
esac
exec $real "$@"
"#
    );
    server.sh_with_input(
        "root",
        &format!(
            "mkdir -p /run/gate && chmod 777 /run/gate && touch /run/gate/closed && \
             cat >/usr/local/bin/{name} && chmod 755 /usr/local/bin/{name}"
        ),
        script.as_bytes(),
    );
    true
}

/// Waits until something stands there.
#[track_caller]
pub fn reached(server: &Server, deploy: &mut Watched) {
    for _ in 0..30 {
        let look = "n=0; while [ $n -lt 100 ]; do [ ! -d /run/gate/at ] || exit 0; sleep 0.02; n=$((n + 1)); done; exit 1";
        if server.sh(look).success() {
            return;
        }
        assert!(!deploy.is_over(), "shipit ended before this step: {}", deploy.said());
    }
    panic!("this step never came: {}", deploy.said());
}

/// Lets it go on, and the server is as it was.
pub fn open(server: &Server) {
    server.sh_ok(&format!(
        "rm -rf /run/gate /usr/local/bin/mkdir /usr/local/bin/cat /usr/local/bin/sync /usr/local/bin/mv \
         /usr/local/bin/rm {HOOK}"
    ));
}

/// A pause that belongs to a fault, as in "mended after 5 s".
pub fn lasts(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}
