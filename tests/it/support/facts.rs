//! What a server says of itself, without shipit: the tests compare it with what shipit says.
#![allow(dead_code, reason = "a toolbox: not every test run takes every tool out of it")]

use serde_json::Value;

use super::lab::Server;

/// The app's folder on every server of the lab.
pub const ROOT: &str = "/var/www/server";

/// The text of the link `current`.
pub fn current(server: &Server) -> String {
    server.sh_ok(&format!("readlink {ROOT}/current")).trim().to_owned()
}

/// The journal's lines below this root, each of which must be one JSON object.
pub fn journal_at(server: &Server, root: &str) -> Vec<Value> {
    let text = server.sh_ok(&format!("cat {root}/.shipit/journal.jsonl"));
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(read).collect()
}

/// The journal's lines.
pub fn journal(server: &Server) -> Vec<Value> {
    journal_at(server, ROOT)
}

/// The journal's events, as in `started live kept`.
pub fn events(journal: &[Value]) -> String {
    let words: Vec<&str> = journal.iter().map(|line| line["event"].as_str().unwrap_or("?")).collect();
    words.join(" ")
}

/// Which start of the unit runs.
pub fn invocation(server: &Server, unit: &str) -> String {
    server.sh_ok(&format!("systemctl show -P InvocationID {unit}")).trim().to_owned()
}

/// Everything that a deploy could touch, as text that is the same as long as it did not: the app's folder with owners,
/// modes and times, the journal, the store, the GC roots, the unit's start.
pub fn listing(server: &Server) -> String {
    server.sh_ok(&format!(
        "find {ROOT} -path {ROOT}/data -prune -o -printf '%p %M %U:%G %T@ %s %l\\n' | sort
         cat {ROOT}/.shipit/journal.jsonl 2>/dev/null
         ls /nix/store | grep -v '^\\.' | sort
         find /nix/var/nix/gcroots /nix/var/nix/temproots -type l -printf '%p %l\\n' | sort
         systemctl show server.service -p InvocationID -p ActiveState"
    ))
}

/// What `/` answers; the test fails unless it is status 200.
#[track_caller]
pub fn page(server: &Server) -> String {
    match server.http_get("/") {
        Some((200, page)) => page,
        other => panic!("the app answers {other:?}"),
    }
}
