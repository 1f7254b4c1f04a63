//! The run's page: what went live, what it brings, where the time went, and how to undo it.

use std::time::Duration;

use super::markdown::{block, code, sentence, text};
use crate::model::difference::{Closures, Commits};
use crate::model::done::{Did, Done};
use crate::model::event::Event;
use crate::model::names::{Commit, ReleaseId, short_release};
use crate::ui::error::Shown;
use crate::ui::news;
use crate::ui::text::{clean, clean_lines, duration};

/// What a run told that belongs on its page.
#[derive(Debug, Default)]
pub struct Story {
    source: Option<(Option<Commit>, Option<String>)>,
    times: Vec<(&'static str, Duration)>,
    commits: Option<Commits>,
    closures: Option<Closures>,
    steps: Vec<String>,
}

impl Story {
    /// Takes in an event.
    pub fn see(&mut self, event: &Event) {
        match event {
            Event::Source { commit, subject, .. } => self.source = Some((commit.clone(), subject.clone())),
            Event::Connected { took, .. } => self.times.push(("connect", *took)),
            Event::Built { took, .. } => self.times.push(("build", *took)),
            Event::Copied { took, .. } => self.times.push(("copy", *took)),
            Event::HookDone { took } => self.times.push(("hook", *took)),
            Event::Kept { took, .. } => self.times.push(("switch and check", *took)),
            Event::Commits { commits, .. } => self.commits = Some(commits.clone()),
            Event::Closure { closures, .. } => self.closures = Some(closures.clone()),
            Event::Plan { step } => self.steps.push(step.clone()),
            _ => {}
        }
    }

    /// The page of a good end. `rollback`: the command that undoes it.
    pub fn done(&self, done: &Done, environment: &str, rollback: impl Fn(&ReleaseId) -> String) -> String {
        let what = match done.did {
            Did::Live => "is live",
            Did::AlreadyLive => "was live already",
            Did::Restarted => "was restarted",
            Did::Planned => "was planned: nothing was changed",
        };
        let host = code(done.host.as_str());
        let mut page = format!("### {} {what} on {host}\n\n", code(&done.release.short()));
        let before = done.previous.as_deref().filter(|name| *name != done.release.as_str());
        let deploy = done.deploy.map(|deploy| deploy.to_string());
        let rows = [
            ("environment", Some(text(environment))),
            ("deploy", deploy.as_deref().map(text)),
            ("release", Some(self.release(done))),
            ("before", before.map(|name| code(&short_release(name)))),
            ("checked", (done.did != Did::Planned).then(|| text(&clean(&done.checked)))),
            // No URL that is taken has a bar or an angle in it.
            ("url", done.url.as_deref().map(|url| format!("<{url}>"))),
            ("time", Some(self.time(done.took))),
        ];
        page += &table(rows);
        page += &self.news();
        if !self.steps.is_empty() {
            page += &format!("\n{}", block(&self.steps.iter().map(|step| clean(step)).collect::<Vec<_>>()));
        }
        let before = before.and_then(|name| name.parse::<ReleaseId>().ok());
        if let (Did::Live, Some(before)) = (done.did, before) {
            page += &format!("\nTo go back: {}\n", code(&rollback(&before)));
        }
        page
    }

    /// The page of a bad end.
    pub fn failed(&self, failure: &Shown, environment: &str) -> String {
        let (first, more) = failure.error.split_once('\n').unwrap_or((&failure.error, ""));
        let mut page = format!("### {}\n\n", text(first));
        let live = failure.live.as_deref().map(|live| format!("**{}**", text(live)));
        let causes = (!failure.causes.is_empty()).then(|| text(&failure.causes.join("; ")));
        let commit =
            self.source.as_ref().map(|(commit, subject)| source(commit.as_ref(), subject.as_deref()));
        page += &table([
            ("live", live),
            ("cause", causes),
            ("environment", Some(text(environment))),
            ("commit", commit),
            ("outcome", Some(format!("{} (exit {})", code(failure.outcome), failure.exit))),
        ]);
        if !more.is_empty() {
            page += &format!("\n{}", block(&clean_lines(more)));
        }
        if let Some(detail) = &failure.detail {
            let lines: Vec<String> = detail.lines.iter().flat_map(|line| clean_lines(line)).collect();
            page += &format!("\n{}\n\n{}", text(&detail.title), block(&lines));
        }
        for hint in &failure.hints {
            page += &format!("\n- {}", sentence(hint));
        }
        page + "\n"
    }

    fn release(&self, done: &Done) -> String {
        let subject = self.source.as_ref().and_then(|(_, subject)| subject.as_deref()).map(text);
        format!("{} {}", code(done.release.as_str()), subject.unwrap_or_default()).trim_end().to_owned()
    }

    fn time(&self, all: Duration) -> String {
        let parts: Vec<String> =
            self.times.iter().map(|(name, took)| format!("{name} {}", duration(*took))).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        format!("{}{parts}", duration(all))
    }

    fn news(&self) -> String {
        let mut news = String::new();
        if let Some(commits) = &self.commits {
            news += &format!("\nCommits\n\n{}", block(&lines(&news::commits_block(commits))));
        }
        if let Some(closures) = &self.closures {
            news += &format!("\nClosure\n\n{}", block(&lines(&news::closure_block(closures))));
        }
        news
    }
}

fn source(commit: Option<&Commit>, subject: Option<&str>) -> String {
    let name = commit.map_or_else(|| "a folder without git".to_owned(), |commit| code(commit.short()));
    format!("{name} {}", subject.map(text).unwrap_or_default()).trim_end().to_owned()
}

/// The lines of a block of the screen, without its own indentation.
fn lines(block: &str) -> Vec<String> {
    block.lines().map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned()).collect()
}

/// A table without a header: those that there are.
fn table<const N: usize>(rows: [(&str, Option<String>); N]) -> String {
    let mut table = "| | |\n|---|---|\n".to_owned();
    for (name, value) in rows.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        table += &format!("| {name} | {value} |\n");
    }
    table
}
