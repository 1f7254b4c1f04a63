//! A run on GitHub Actions: folded groups and annotations in its log, outputs for later steps, a summary on its page.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub mod commands;
mod markdown;
mod summary;

use self::commands::Place;
use self::summary::Story;
use super::error::Shown;
use super::json;
use super::text::clean;
use crate::model::done::Done;
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind};
use crate::model::names::ReleaseId;
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
        GitHub { runner, environment: environment.to_owned(), folder, folds, told: Mutex::default() }
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
    pub fn done(&self, done: &Done, rollback: impl Fn(&ReleaseId) -> String) -> Result<(), Unwritten> {
        let page = self.told().story.done(done, &self.environment, rollback);
        let put_out = self.put_out(&[
            ("outcome", json::word(done.did)),
            ("release", done.release.as_str()),
            ("previous", done.previous.as_deref().unwrap_or_default()),
            ("url", done.url.as_deref().unwrap_or_default()),
            ("duration", &format!("{:.1}", done.took.as_secs_f32())),
        ]);
        self.summarize(&page).and(put_out)
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
        let title = format!("shipit: {}", shown.outcome);
        let line = commands::error(&title, self.place(&shown).as_ref(), &text);
        let page = self.told().story.failed(&shown, &self.environment);
        let left = self.summarize(&page).and(self.put_out(&[("outcome", shown.outcome)]));
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

    fn summarize(&self, page: &str) -> Result<(), Unwritten> {
        self.runner.summary.as_deref().map_or(Ok(()), |path| append(path, page))
    }

    /// Lines `name=value`: no value has a line's end in it.
    fn put_out(&self, values: &[(&str, &str)]) -> Result<(), Unwritten> {
        let lines: String = values
            .iter()
            .map(|(name, value)| format!("{name}={}\n", value.replace(|c: char| c.is_control(), " ")))
            .collect();
        self.runner.output.as_deref().map_or(Ok(()), |path| append(path, &lines))
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
