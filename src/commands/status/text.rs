//! The answer of `status` for people.

use std::time::Duration;

use anstyle::Style;
use jiff::tz::TimeZone;

use super::{Runs, Status, Unfinished};
use crate::commands::story::{Chapter, Standing};
use crate::model::holder::Holder;
use crate::model::names::short_release;
use crate::model::server::{Current, RootState};
use crate::ui::style::{BAD, GOOD, NOW, ODD, PLAIN, STRONG};
use crate::ui::table::Cell;
use crate::ui::text::{self, bytes, local, local_systemd, whole_seconds};

/// What the text depends on besides the server.
pub(super) struct Words<'a> {
    pub(super) zone: &'a TimeZone,
    /// The command that deploys.
    pub(super) deploy: String,
}

impl Status<'_> {
    /// The rows of the table.
    pub(super) fn rows(&self, words: &Words<'_>) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        let mut row = |name: &str, style: Style, text: String| {
            rows.push(vec![Cell::new(STRONG, name), Cell::new(style, text)]);
        };
        row("server", PLAIN, format!("{} ({})", self.host, self.environment));
        if let Some(url) = self.url {
            row("url", PLAIN, url.to_owned());
        }
        let (style, text) = self.live(words);
        row("live", style, text);
        for hold in self.held {
            row("held", ODD, format!("no deploys, {}", hold.by(words.zone)));
        }
        let (style, text) = self.unit(words);
        row("unit", style, text);
        if let Some(last) = self.last {
            row("last", last.status.style(), last_text(last, words));
        }
        if let Some(holder) = &self.running {
            row("running", NOW, holder_text(holder, words));
        }
        if let Some(unfinished) = &self.unfinished {
            let (style, text) = self.unfinished(unfinished);
            row("pending", style, text);
        }
        let free = |name: &str, free: Option<u64>| free.map(|free| format!("{} free in {name}", bytes(free)));
        let disks: Vec<String> = [
            free(self.settings.root.as_str(), self.disk.root_free),
            free("/nix/store", self.disk.store_free),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !disks.is_empty() {
            row("disk", PLAIN, disks.join(", "));
        }
        for text in self.not_ready() {
            row("missing", ODD, text);
        }
        rows
    }

    fn live(&self, words: &Words<'_>) -> (Style, String) {
        let now = &self.current;
        match &self.state.current {
            Current::Absent if self.last.is_some() => (ODD, format!("nothing: {}", words.deploy)),
            Current::Absent => (ODD, format!("nothing was deployed yet: {}", words.deploy)),
            Current::Directory => (
                ODD,
                format!(
                    "`current` is a real directory; the next deploy makes it a release: {}",
                    words.deploy
                ),
            ),
            Current::Strange => (BAD, "`current` is neither a link nor a directory".to_owned()),
            Current::Elsewhere(target) => {
                (ODD, format!("`current` points at {target}, which is not one of shipit's releases"))
            }
            Current::Release(id) => {
                let mut text = id.short();
                match (now.deploy, now.since) {
                    (Some(deploy), Some(since)) => {
                        text += &format!(" (v{deploy}) since {}", local(since, words.zone));
                    }
                    // The newest deploy did it and has no verdict yet.
                    _ if self.last.is_some_and(|last| last.release == *id && in_between(last.status)) => {
                        text += ", not checked yet";
                    }
                    _ => text += ", put there by hand: the journal has no healthy deploy of it",
                }
                if let Some(subject) = now.subject {
                    text += &format!(": {subject}");
                }
                let style = if now.deploy.is_some() { GOOD } else { ODD };
                if self.state.closure_of(id).is_none() {
                    return (BAD, text + "; its closure is not there");
                }
                (style, text)
            }
        }
    }

    fn unfinished(&self, unfinished: &Unfinished<'_>) -> (Style, String) {
        let last = self.last.filter(|last| in_between(last.status));
        let release = last.map_or("a release".to_owned(), |last| last.release.short());
        if last.is_some_and(Chapter::is_restart) {
            return match unfinished.within_s {
                Some(_) => (NOW, format!("{release} was restarted and is being checked")),
                None => (ODD, format!("{release} was restarted and never checked to its end")),
            };
        }
        let before = last.and_then(|last| last.previous.as_deref());
        let before = before.map_or("what ran before".to_owned(), short_release);
        match unfinished.within_s {
            Some(seconds) => {
                let limit = whole_seconds(Duration::from_secs(seconds));
                let text = format!(
                    "{release} is being checked; should that break off, the server goes back to {before} by itself, at the latest after {limit}"
                );
                (NOW, text)
            }
            None => {
                let boot = if self.settles_at_boot {
                    ", and so does a boot"
                } else {
                    "; a boot before that starts it unchecked"
                };
                let text = format!(
                    "{release} was switched to and never checked to its end; the next deploy or rollback puts {before} back first{boot}"
                );
                (ODD, text)
            }
        }
    }

    fn unit(&self, words: &Words<'_>) -> (Style, String) {
        let unit = &self.unit;
        match unit.load {
            "loaded" => {}
            "" => return (ODD, format!("{}: systemd did not answer", unit.name)),
            "not-found" => return (ODD, format!("{} is not there: the server has no such unit", unit.name)),
            load => return (BAD, format!("{} is {load}", unit.name)),
        }
        let mut text = format!("{} {} ({})", unit.name, unit.active, unit.sub);
        if unit.active == "active" && !self.state.unit.since.is_empty() {
            text += &format!(" since {}", local_systemd(&self.state.unit.since, words.zone));
        }
        if unit.restarts > 0 {
            text += &format!(", restarted {} by systemd", text::count(unit.restarts, "time"));
        }
        let (style, more) = match unit.runs {
            Runs::Checked => (GOOD, "; this start was checked"),
            Runs::PutBack => (GOOD, "; it was started again when the last deploy was undone"),
            Runs::Restarted => (PLAIN, "; it was started again since the deploy was checked"),
            Runs::Stopped => (BAD, ""),
            Runs::Unknown => (PLAIN, ""),
        };
        (style, text + more)
    }

    /// What a deploy would stumble over, as far as one look shows.
    fn not_ready(&self) -> Vec<String> {
        let state = self.state;
        let mut texts = Vec::new();
        if !state.missing_programs.is_empty() {
            texts.push(format!("on the server: {}", state.missing_programs.join(", ")));
        }
        if state.nix_bin.is_none() {
            texts.push("Nix is not installed on the server".to_owned());
        }
        if let Some(said) = &state.daemon_refusal {
            texts.push(format!("the Nix daemon does not let {} in: {said}", state.user));
        }
        match &state.root {
            RootState::Ready | RootState::Creatable => {}
            RootState::Absent => {
                let setup = self.settings.command("setup --as root");
                let (root, user) = (&self.settings.root, &state.user);
                texts.push(format!("{root} is not there, and {user} can't make it: {setup} does"));
            }
            RootState::NotWritable { owner, folder } => {
                texts.push(format!("{folder} belongs to {owner}: {} can't write there", state.user));
            }
        }
        texts
    }
}

fn in_between(standing: Standing) -> bool {
    matches!(standing, Standing::Running | Standing::Unfinished | Standing::Interrupted)
}

fn last_text(last: &Chapter, words: &Words<'_>) -> String {
    let mut text = String::new();
    if let Some(deploy) = last.deploy {
        text += &format!("{deploy} ");
    }
    match last.command.as_deref() {
        Some("rollback") => text += "rollback to ",
        Some("restart") => text += "restart of ",
        _ => {}
    }
    text += &format!("{} {}", last.release.short(), last.word());
    if let Some(time) = &last.time {
        text += &format!(" {}", local(time, words.zone));
    }
    if let Some(who) = &last.who {
        text += &format!(" by {who}");
    }
    if let Some(reason) = &last.reason {
        text += &format!(": {reason}");
    }
    text
}

fn holder_text(holder: &Holder, words: &Words<'_>) -> String {
    let mut text = holder.command.clone().unwrap_or_else(|| "another deploy".to_owned());
    if let Some(id) = &holder.release {
        text += &format!(" of {}", short_release(id));
    }
    if let Some(who) = &holder.who {
        text += &format!(" by {who}");
    }
    if let Some(since) = &holder.since {
        text += &format!(" since {}", local(since, words.zone));
    }
    if let Some(from) = &holder.from {
        text += &format!(" ({from})");
    }
    text
}
