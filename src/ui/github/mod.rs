//! A run on GitHub Actions: folded groups and annotations in its log, outputs for later steps, a summary on its page.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

pub mod commands;
mod markdown;
mod summary;

use self::commands::Place;
use self::summary::{Commands, Story};
use super::error::Shown;
use super::json;
use super::text::clean;
use crate::model::done::Done;
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind};
use crate::model::runner::Runner;

/// So many of the unit's last lines are told with the error: an annotation shows few.
const LINES: usize = 4;

/// What is left on GitHub's side.
pub struct GitHub {
    runner: Runner,
    environment: String,
    /// `-C`: what paths in messages are relative to.
    folder: PathBuf,
    /// There are lines that can be folded.
    folds: bool,
    began: Instant,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    story: Story,
    in_group: bool,
}

impl GitHub {
    /// For this run. `folds`: its lines are for people, and not kept short.
    pub fn new(runner: Runner, environment: &str, folder: PathBuf, folds: bool) -> Self {
        let (environment, began) = (environment.to_owned(), Instant::now());
        GitHub { runner, environment, folder, folds, began, told: Mutex::default() }
    }

    /// Takes in an event, and gives what stands before its line: what is long is folded.
    pub fn see(&self, event: &Event) -> String {
        let mut told = self.told();
        told.story.see(event);
        if !self.folds {
            return String::new();
        }
        match event {
            Event::Building { .. } => told.begin("building"),
            Event::Missing { paths, .. } if *paths > 0 => told.end(),
            Event::CopyingPath { number: 1, .. } => told.begin("copying"),
            Event::Built { .. } | Event::Copied { .. } | Event::Placed { .. } => told.end(),
            _ => String::new(),
        }
    }

    /// The warning, in place of its line.
    pub fn warning(text: &str) -> String {
        commands::warning(&clean(text))
    }

    /// Leaves what there is to leave at a good end.
    pub fn done(
        &self,
        done: &Done,
        shipit: &dyn Fn(&str) -> String,
        zone: &TimeZone,
    ) -> Result<(), Unwritten> {
        let commands = Commands { shipit, workflow: self.workflow_that_rolls_back(), zone };
        let page = self.told().story.done(done, &self.environment, &commands);
        let put_out = self.hand_on(&[
            ("outcome", json::word(done.did)),
            ("release", done.release.as_str()),
            ("previous", done.previous.as_deref().unwrap_or_default()),
            ("url", done.url.as_deref().unwrap_or_default()),
            ("duration", &seconds(done.took)),
        ]);
        self.summarize(&page).and(put_out)
    }

    /// … of a command that makes nothing live, or failed.
    pub fn ended(&self, outcome: &str) -> Result<(), Unwritten> {
        self.hand_on(&[("outcome", outcome), ("duration", &seconds(self.began.elapsed()))])
    }

    /// Nothing that comes is folded.
    pub fn end_group(&self) -> String {
        self.told().end()
    }

    /// … and at a bad one: gives the line for the log, too.
    pub fn failed(&self, failure: &Failure) -> (String, Result<(), Unwritten>) {
        let shown = Shown::of(failure);
        // What follows on other lines is drawn for a screen.
        let mut text = clean(shown.error.lines().next().unwrap_or_default());
        text.extend(shown.causes.iter().map(|cause| format!("\n{}", clean(cause))));
        if let (Some(detail), Kind::NotLive | Kind::NotRestored | Kind::Build) = (&shown.detail, failure.kind)
        {
            let last = detail.lines.iter().skip(detail.lines.len().saturating_sub(LINES));
            text.extend(last.map(|line| format!("\n{}", clean(line))));
        }
        text.extend(shown.live.iter().map(|live| format!("\nlive: {}", clean(live))));
        text.extend(shown.hints.first().map(|hint| format!("\nhint: {}", clean(hint))));
        let line = commands::error(&title(shown.outcome), self.place(&shown).as_ref(), &text);
        let page = self.told().story.failed(&shown, &self.environment);
        let left = self.summarize(&page).and(self.ended(shown.outcome));
        (line, left)
    }

    /// The line of shipit.toml that a message begins with: `shipit.toml:2:1: unknown key`.
    fn place(&self, shown: &Shown) -> Option<Place> {
        let mut parts = shown.error.splitn(3, ':');
        let (file, line) = (parts.next()?, parts.next()?.parse().ok()?);
        let file = self.folder.join(file).canonicalize().ok()?;
        let root = self.runner.workspace.as_deref()?.canonicalize().ok()?;
        let file = file.strip_prefix(root).ok()?.to_str()?.to_owned();
        Some(Place { file, line: Some(line) })
    }

    /// The file of the workflow that runs, if it has the input that `init --github` gives it, and uses it.
    fn workflow_that_rolls_back(&self) -> Option<&str> {
        let name = self.runner.workflow.as_deref()?;
        let file = self.runner.workspace.as_deref()?.join(".github/workflows").join(name);
        let text = std::fs::read_to_string(file).ok()?;
        let has = |line: &str| text.lines().any(|it| it.trim() == line);
        let is_used = text.contains("inputs.rollback-to");
        (has("workflow_dispatch:") && has("rollback-to:") && is_used).then_some(name)
    }

    fn summarize(&self, page: &str) -> Result<(), Unwritten> {
        self.runner.summary.as_deref().map_or(Ok(()), |path| append(path, page))
    }

    /// Outputs for later steps.
    pub fn hand_on(&self, outputs: &[(&str, &str)]) -> Result<(), Unwritten> {
        put_out(&self.runner, outputs)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn begin(&mut self, title: &str) -> String {
        let end = self.end();
        self.in_group = true;
        end + &commands::group(title)
    }

    fn end(&mut self) -> String {
        if std::mem::take(&mut self.in_group) { commands::END_GROUP.to_owned() } else { String::new() }
    }
}

/// What words on the command line that can't be obeyed leave: before them there is no environment, and nothing to tell.
/// Gives the line for the log, too.
pub fn wrong_words(runner: &Runner, why: &str) -> (String, Result<(), Unwritten>) {
    let outcome = Kind::Usage.word();
    let why: Vec<String> = why.lines().map(clean).collect();
    let line = commands::error(&title(outcome), None, &why.join("\n"));
    (line, put_out(runner, &[("outcome", outcome)]))
}

fn title(outcome: &str) -> String {
    format!("shipit: {outcome}")
}

fn seconds(took: Duration) -> String {
    format!("{:.1}", took.as_secs_f32())
}

/// Lines `name=value`: no value has a line's end in it.
fn put_out(runner: &Runner, outputs: &[(&str, &str)]) -> Result<(), Unwritten> {
    let lines: String = outputs
        .iter()
        .map(|(name, value)| format!("{name}={}\n", value.replace(|c: char| c.is_control(), " ")))
        .collect();
    runner.output.as_deref().map_or(Ok(()), |path| append(path, &lines))
}

/// A file of the runner that could not be written to.
pub struct Unwritten {
    path: PathBuf,
    error: std::io::Error,
}

impl std::fmt::Display for Unwritten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the runner's file {} could not be written: {}", self.path.display(), self.error)
    }
}

/// In one write: other steps' programs append to it, too.
fn append(path: &Path, text: &str) -> Result<(), Unwritten> {
    let write = || OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes());
    write().map_err(|error| Unwritten { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests;
