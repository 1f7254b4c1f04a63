//! One deploy or rollback, and what the disk had at each of its steps.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::site::Site;
use crate::support::watched::Watched;
use crate::support::world::eventually;

/// In the way of the programs with which a deploy changes the disk: each call stands still while `/run/steps` is there,
/// before it does anything, until its note there is taken away.
const STEP: &str = r#"#!/bin/sh
name=${0##*/}
if [ -d /run/steps ] && [ "$(/usr/bin/id -un)" = deploy ]; then
  # What was appended to the journal but is not on the disk yet.
  case $* in .shipit/journal.jsonl) event=$(/usr/bin/tail -n 1 .shipit/journal.jsonl) event=${event#*'"event":"'} ;; esac
  echo "$name $* ${event%%'"'*}" >/run/steps/.$$
  /usr/bin/mv /run/steps/.$$ /run/steps/at.$$
  rounds=0
  while [ -e /run/steps/at.$$ ] && [ $rounds -lt 1000 ]; do /usr/bin/sleep 0.03; rounds=$((rounds + 1)); done
fi
exec "/usr/bin/$name" "$@"
"#;

/// The disk at one moment.
pub struct Moment {
    /// What was about to be done when it was copied.
    pub before: String,
    /// … and at the moments at which it had the same.
    pub steps: Vec<String>,
    /// Its copy.
    pub image: PathBuf,
}

/// Runs this command, which has to end well, and copies the disk before each step of it. Moments at which the disk had
/// the same are one.
pub fn record(site: &Site, words: &[&str]) -> Vec<Moment> {
    let installed = site.server.sh_with_input(
        "root",
        "cat >/usr/local/bin/sync && chmod 755 /usr/local/bin/sync && cd /usr/local/bin && cp sync mv && cp sync rm &&
         mkdir -m 1777 /run/steps && /usr/bin/sync -f /",
        STEP.as_bytes(),
    );
    assert!(installed.success(), "{installed}");
    let mut running = Watched::start(&site.world, words);
    let mut moments: Vec<Moment> = Vec::new();
    loop {
        let mut at = String::new();
        eventually(Duration::from_secs(60), || {
            at = site
                .server
                .sh("cd /run/steps && for step in at.*; do [ -e $step ] && echo $step && cat $step; done")
                .stdout;
            if !at.is_empty() || running.is_over() { Ok(()) } else { Err("no step and no end") }
        });
        if at.is_empty() {
            break;
        }
        let number = moments.len();
        let image = site.world.file(&format!("disk-{number}.img"));
        let (note, before) = at.split_once('\n').expect("a note and its text");
        site.server.snapshot(&image);
        let before = before.trim().to_owned();
        match moments.last_mut() {
            Some(last) if same(&last.image, &image) => {
                std::fs::remove_file(&image).expect("an image");
                last.steps.push(before);
            }
            _ => moments.push(Moment { steps: vec![before.clone()], before, image }),
        }
        site.server.sh_ok(&format!("/usr/bin/rm /run/steps/{note}"));
    }
    running.wait(Duration::from_secs(10)).expect(0);
    moments
}

fn same(one: &std::path::Path, other: &std::path::Path) -> bool {
    let status = std::process::Command::new("cmp").arg("-s").arg(one).arg(other).status();
    status.expect("cmp").success()
}
