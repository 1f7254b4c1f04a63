//! Two pairs of eyes on a server while something happens to it: one asks for the page from here, one looks at `current`
//! from inside.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use crate::support::lab::Server;

/// Writes a line whenever `current` leads to no whole release. The shell's own commands, but for the pause.
const INSIDE: &str = "cd /var/www/server && : >/run/current-was && : >/run/watch-current
    setsid sh -c 'while [ -e /run/watch-current ]; do
        [ -x current/result/bin/server ] || ls -ld current >>/run/current-was 2>&1
        sleep 0.05
    done' </dev/null >/dev/null 2>&1 &";

/// What is being watched.
pub struct Eyes<'scope, 'a> {
    server: &'a Server,
    over: Over,
    pages: ScopedJoinHandle<'scope, BTreeSet<String>>,
}

/// Tells the other thread that it is over, also when a test fails meanwhile.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// The commits that answered with status 200.
    pub commits: BTreeSet<String>,
    /// What `current` was when it led nowhere.
    pub dangling: String,
}

impl<'scope, 'a: 'scope> Eyes<'scope, 'a> {
    /// Begins to look.
    pub fn open<'env>(scope: &'scope Scope<'scope, 'env>, server: &'a Server) -> Self {
        server.sh_ok(INSIDE);
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let pages = scope.spawn(move || {
            let mut commits = BTreeSet::new();
            while !stop.load(Ordering::Relaxed) {
                if let Some((200, page)) = server.http_get("/") {
                    commits.extend(commit(&page));
                }
                std::thread::sleep(Duration::from_millis(300));
            }
            commits
        });
        Eyes { server, over: Over(over), pages }
    }

    /// Looks away, and tells.
    pub fn shut(self) -> Seen {
        drop(self.over);
        // After a crash there is nothing to read: what was seen until then died with it.
        let dangling = self.server.sh("rm -f /run/watch-current; cat /run/current-was").stdout;
        Seen { commits: self.pages.join().expect("a thread that only asks"), dangling }
    }
}

/// The commit that a page was made by.
pub fn commit(page: &str) -> Option<String> {
    page.lines().find_map(|line| line.strip_prefix("rev: ")).map(str::to_owned)
}
