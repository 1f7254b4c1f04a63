//! The last lines of a run that ends well: what is live, where, and how to undo it.

use super::streams::To;
use super::style::{GOOD, ODD, STRONG, paint};
use super::{Ui, json, text};
use crate::model::done::{Did, Done};
use crate::model::names::ReleaseId;

impl Ui {
    /// The last lines of a deploy or rollback: what is live, where, and how to undo it.
    pub fn done(&self, done: &Done) {
        if let Some(github) = &self.github {
            self.left(github.done(done, &|words| self.command(words), &self.zone));
        }
        if self.is_json() {
            return self.streams().write(To::Out, &json::done(done));
        }
        let took = text::duration(done.took);
        let name = paint(STRONG, done.release.short());
        let host = &done.host;
        let url = done.url.as_ref().map(|url| format!("; {url}")).unwrap_or_default();
        match done.did {
            Did::Live => {
                let deploy = done.deploy.map(|deploy| format!(" ({deploy})")).unwrap_or_default();
                let checked = text::clean(&done.checked);
                let live = paint(GOOD, "live:");
                let line = format!("{live} {name}{deploy} on {host} in {took}; {checked}{url}\n");
                self.streams().write(To::Out, &line);
                let before = done.previous.as_deref().and_then(|name| name.parse::<ReleaseId>().ok());
                let before = before.filter(|before| *before != done.release);
                if let Some(before) = &before {
                    self.say(format!("undo: {}", self.command(format_args!("rollback {}", before.short()))));
                }
                self.done_held(done, before.as_ref());
            }
            Did::AlreadyLive => {
                let line =
                    format!("{} {name} on {host}; nothing was touched{url}\n", paint(GOOD, "already live:"));
                self.streams().write(To::Out, &line);
                self.done_held(done, None);
            }
            Did::Restarted => {
                let word = paint(GOOD, "restarted:");
                let checked = text::clean(&done.checked);
                self.streams()
                    .write(To::Out, &format!("{word} {name} on {host} in {took}; {checked}{url}\n"));
            }
            Did::Planned => self.say(format!("dry run: nothing was changed on {host}")),
        }
    }

    /// After a rollback: whether a deploy may undo it unasked. A CI run of the newest commit would.
    fn done_held(&self, done: &Done, before: Option<&ReleaseId>) {
        for hold in &done.held {
            let lift = self.command("unhold");
            self.say(format!(
                "{} no deploys, {}; to lift it: {lift}",
                paint(ODD, "held:"),
                hold.by(&self.zone)
            ));
        }
        if let (true, true, Some(before)) = (done.rollback, done.held.is_empty(), before) {
            let (before, hold) = (before.short(), self.command("hold"));
            self.say(format!(
                "a next deploy, CI's too, may bring {before} back; to keep deploys out: {hold}"
            ));
        }
    }
}
