//! The run's page: what went live, what it brings, where the time went, and how to undo it.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::markdown::{block, cell, code, sentence, text};
use crate::model::difference::{Closures, Commits};
use crate::model::done::{Did, Done};
use crate::model::event::Event;
use crate::model::names::{Commit, ReleaseId, short_release};
use crate::ui::error::Shown;
use crate::ui::news::{self, DONE, PLANNED, Tense};
use crate::ui::text::{clean, clean_lines, duration};

/// What can be typed after a run.
pub struct Commands<'a> {
    /// These words for shipit, with the options that choose the same configuration.
    pub shipit: &'a dyn Fn(&str) -> String,
    /// The workflow's file, where it can roll back.
    pub workflow: Option<&'a str>,
    /// Where the reader is.
    pub zone: &'a TimeZone,
}

/// What a run told that belongs on its page.
#[derive(Debug, Default)]
pub struct Story {
    source: Option<(Option<Commit>, Option<String>)>,
    times: Vec<(&'static str, Duration)>,
    commits: Option<(&'static Tense, Commits)>,
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
            // Where nothing was to be sent there was no such step.
            Event::Copied { paths, took, .. } if *paths > 0 => self.times.push(("copy", *took)),
            Event::HookDone { took } => self.times.push(("hook", *took)),
            Event::Kept { took, .. } => self.times.push(("switch and check", *took)),
            Event::Commits { planned, commits } => {
                self.commits = Some((if *planned { PLANNED } else { DONE }, commits.clone()));
            }
            Event::Closure { closures, .. } => self.closures = Some(closures.clone()),
            Event::Plan { step } => self.steps.push(step.clone()),
            _ => {}
        }
    }

    /// The page of a good end.
    pub fn done(&self, done: &Done, environment: &str, commands: &Commands<'_>) -> String {
        let what = match done.did {
            Did::Live if done.rollback => "is live again",
            Did::Live => "is live",
            Did::AlreadyLive => "was live already: nothing was touched",
            Did::Restarted => "was restarted",
            Did::Planned => "was planned: nothing was changed",
        };
        let host = code(done.host.as_str());
        let mut page = format!("### {} {what} on {host}\n\n", code(&done.release.short()));
        let before = done.previous.as_deref().filter(|name| *name != done.release.as_str());
        let deploy = done.deploy.map(|deploy| deploy.to_string());
        let (subject, subject_before) = (done.subjects.0.as_deref(), done.subjects.1.as_deref());
        let rows = [
            ("environment", Some(text(environment))),
            ("deploy", deploy.as_deref().map(text)),
            ("release", Some(named(done.release.as_str(), subject))),
            ("before", before.map(|name| named(&short_release(name), subject_before))),
            ("checked", matches!(done.did, Did::Live | Did::Restarted).then(|| text(&clean(&done.checked)))),
            // No URL that is taken has an angle in it.
            ("url", done.url.as_deref().map(|url| format!("<{url}>"))),
            ("time", Some(self.time(done.took))),
        ];
        page += &table(rows);
        page += &self.news();
        if !self.steps.is_empty() {
            page += &format!("\n{}", block(&self.steps.iter().map(|step| clean(step)).collect::<Vec<_>>()));
        }
        let before = before.and_then(|name| name.parse::<ReleaseId>().ok());
        if let (Did::Live, Some(before)) = (done.did, &before) {
            page += &way_back(done, before, commands);
        }
        if done.rollback || done.did == Did::Live {
            page += &held(done, before.as_ref(), commands);
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

    fn time(&self, all: Duration) -> String {
        let parts: Vec<String> =
            self.times.iter().map(|(name, took)| format!("{name} {}", duration(*took))).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        format!("{}{parts}", duration(all))
    }

    fn news(&self) -> String {
        let mut news = String::new();
        if let Some((tense, commits)) = &self.commits {
            news += &format!("\nCommits\n\n{}", block(&lines(&news::commits_block(commits, tense))));
        }
        if let Some(closures) = &self.closures {
            news += &format!("\nClosure\n\n{}", block(&lines(&news::closure_block(closures))));
        }
        news
    }
}

/// How to undo it: for a terminal, and from where the run is looked at.
fn way_back(done: &Done, before: &ReleaseId, commands: &Commands<'_>) -> String {
    let to = if done.rollback { "To go forward again" } else { "To go back" };
    let typed = code(&(commands.shipit)(&format!("rollback {}", before.short())));
    let workflow = commands.workflow.map(|file| {
        let typed = format!("gh workflow run {} -f rollback-to={before}", quoted(file));
        format!(", or by this workflow: {}", code(&typed))
    });
    format!("\n{to}: {typed}{}\n", workflow.unwrap_or_default())
}

/// Whether a next deploy may undo it.
fn held(done: &Done, before: Option<&ReleaseId>, commands: &Commands<'_>) -> String {
    let command = |words: &str| code(&(commands.shipit)(words));
    match (&done.held[..], before) {
        ([], Some(before)) if done.rollback && done.did == Did::Live => format!(
            "\nA next deploy, CI's too, may bring {} back; to keep deploys out: {}\n",
            code(&before.short()),
            command("hold")
        ),
        ([], _) => String::new(),
        (holds, _) => {
            let reasons: Vec<String> = holds.iter().map(|hold| text(&hold.by(commands.zone))).collect();
            format!("\nDeploys are held {}; to lift it: {}\n", reasons.join(", "), command("unhold"))
        }
    }
}

fn source(commit: Option<&Commit>, subject: Option<&str>) -> String {
    match commit {
        Some(commit) => named(commit.short(), subject),
        None => {
            format!("a folder without git {}", subject.map(text).unwrap_or_default()).trim_end().to_owned()
        }
    }
}

/// A name, and what it is about.
fn named(name: &str, subject: Option<&str>) -> String {
    format!("{} {}", code(name), subject.map(text).unwrap_or_default()).trim_end().to_owned()
}

fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Into::into)
}

/// The lines of a block of the screen, without its own indentation.
fn lines(block: &str) -> Vec<String> {
    block.lines().map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned()).collect()
}

/// A table without a header: those that there are.
fn table<const N: usize>(rows: [(&str, Option<String>); N]) -> String {
    let mut table = "| | |\n|---|---|\n".to_owned();
    for (name, value) in rows.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        table += &format!("| {name} | {} |\n", cell(&value));
    }
    table
}
