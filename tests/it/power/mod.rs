//! The power goes. Each test copies the disk of a running server (`lab snapshot`: what the copy holds is what the disk
//! had) and boots the copy: the unit runs a complete release, no path is believed that is torn, the next deploy just works.

mod record;
mod steps;
mod torn;

use std::time::Duration;

use serde_json::Value;

use crate::support::lab::Server;
use crate::support::site::Site;
use crate::support::world::eventually;

/// A server's disk: small, because each copy of it is read whole.
const DISK: &str = "256M";
/// A unit that is enabled is started by the boot.
const BOOT: Duration = Duration::from_secs(20);

/// An empty site whose disk can lose its power.
fn site() -> Site {
    Site::empty(Server::builder().disk(DISK).boot())
}

/// What was there survives: everything so far has been on the disk for long.
fn long_ago(site: &Site) {
    site.server.sh_ok("sync -f /");
}

/// The unit runs a complete release, one of these commits, and `current`, the page and the store agree on which. Gives it.
#[track_caller]
fn runs_one_of(site: &Site, commits: &[&str]) -> String {
    let current = site.server.sh_ok("readlink /var/www/server/current");
    let release =
        current.trim().strip_prefix("releases/").unwrap_or_else(|| panic!("current is {current:?}"));
    assert!(commits.contains(&release), "{release} is none of {commits:?}");
    let page = page(site);
    assert!(page.contains(&format!("rev: {release}")), "{page}");
    assert!(!page.contains("view: none") && page.contains("view: <h1>"), "{page}");
    let torn =
        torn_paths(site, "$(nix-store --query --requisites $(readlink /var/www/server/current/result))");
    assert_eq!(torn, "", "the live release is torn");
    release.to_owned()
}

/// The page, as soon as the unit that the boot has started gives it.
#[track_caller]
fn page(site: &Site) -> String {
    let mut page = None;
    eventually(BOOT, || {
        page = site.now().page;
        if page.is_some() { Ok(()) } else { Err(site.now()) }
    });
    page.unwrap_or_default()
}

/// Which of these valid paths have other bytes than Nix wrote down.
fn torn_paths(site: &Site, paths: &str) -> String {
    site.server.sh_ok(&format!(
        "[ -e /nix/store ] || exit 0
         for path in {paths}; do nix-store --verify-path $path >/dev/null 2>&1 || echo $path; done"
    ))
}

/// Which of all paths that Nix calls valid.
fn all_torn(site: &Site) -> String {
    torn_paths(
        site,
        "$(for path in /nix/store/*-*; do nix-store --check-validity $path 2>/dev/null && echo $path; done)",
    )
}

/// The journal, but for a last line that is torn.
fn journal(site: &Site) -> Vec<Value> {
    let lines = site.now().journal;
    let whole = |(at, line): (usize, &String)| match serde_json::from_str(line) {
        Ok(entry) => Some(entry),
        Err(_) if at + 1 == lines.len() => None,
        Err(error) => panic!("{error} in line {at} of {lines:#?}"),
    };
    lines.iter().enumerate().filter_map(whole).collect()
}

/// `status`, as JSON and in words, tells of a release that runs and that nobody has checked.
#[track_caller]
fn status_says_unchecked(site: &Site) {
    let status = site.world.shipit(&["status", "--json"]).expect(0).json();
    assert!(
        status["unfinished"]["within_s"].is_null() && status["unfinished"]["token"].is_string(),
        "{status:#}"
    );
    let words = site.world.shipit(&["status"]).expect(0).stdout;
    assert!(words.contains("not checked yet") && words.contains("never checked to its end"), "{words}");
}
