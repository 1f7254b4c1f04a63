//! The screen: the only module that prints. stdout is the answer, stderr is the talk (`docs/output.md`).
//!
//! Flows tell events, commands give values; what they look like is decided here. [`Ui::follow`] hands each event to
//! a screen (`screen.rs`).

use std::fmt::Display;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::cli::{Command, Global};
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::runner::Runner;
use error::Shown;
use github::{GitHub, Unwritten};
use live::Live;
use live::frame::Frame;
use pace::Pace;
use plain::Plain;
use screen::Screen;
use streams::{Streams, To, stderr_is_coloured};
use table::Cell;

pub mod checks;
mod end;
pub(crate) mod error;
mod github;
pub mod json;
mod live;
pub mod log;
mod news;
mod now;
mod pace;
pub(crate) mod plain;
mod prompt;
mod screen;
mod streams;
pub mod style;
pub mod table;
mod terminal;
pub mod text;
pub mod usage;

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Warnings and errors.
    Quiet,
    /// What happens.
    #[default]
    Normal,
    /// Every step of it.
    Verbose,
}

/// What stdout holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Text for people.
    Text,
    /// One JSON object.
    Object,
    /// A JSON object a line, the last of type `result`.
    Lines,
}

/// The screen of one run.
pub struct Ui {
    streams: Mutex<Streams>,
    form: Form,
    verbosity: Verbosity,
    /// What was typed up to the command's name: hints repeat it.
    typed: String,
    /// The width of stdout's terminal.
    columns: Option<usize>,
    zone: TimeZone,
    stderr_is_terminal: bool,
    stdin_is_terminal: bool,
    /// What goes on may be drawn over, in colours or without.
    redraws: Option<Coloured>,
    /// What goes on was drawn over.
    has_drawn: AtomicBool,
    stdout_is_terminal: bool,
    /// What a run on GitHub Actions leaves there.
    github: Option<GitHub>,
}

/// Whether colours are shown.
type Coloured = bool;

impl Ui {
    /// The screen that the command line asks for. `redraws`: nothing but lines goes to stderr, and a terminal there
    /// can move its cursor. `runner`: it is GitHub's.
    pub fn new(global: &Global, command: &Command, redraws: bool, runner: Option<Runner>) -> Self {
        let mut streams = Streams::standard(global.color);
        streams.inert = runner.is_some();
        let redraws = redraws && io::stderr().is_terminal();
        Ui {
            columns: terminal::size(io::stdout()).map(|(columns, _)| columns),
            zone: TimeZone::system(),
            stderr_is_terminal: io::stderr().is_terminal(),
            // Nobody sits at a runner, whatever its streams are.
            stdin_is_terminal: io::stdin().is_terminal() && runner.is_none(),
            redraws: redraws.then(|| stderr_is_coloured(global.color)),
            stdout_is_terminal: io::stdout().is_terminal(),
            github: runner.map(|runner| github(global, runner)),
            ..Ui::plain_pipe(global, command, streams)
        }
    }

    /// The same where nothing is a terminal.
    fn plain_pipe(global: &Global, command: &Command, streams: Streams) -> Self {
        let form = match (global.json, command) {
            (false, _) => Form::Text,
            (true, Command::Deploy(_) | Command::Rollback(_) | Command::Restart(_)) => Form::Lines,
            (true, _) => Form::Object,
        };
        let verbosity = match (global.quiet, global.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, 0) => Verbosity::Normal,
            _ => Verbosity::Verbose,
        };
        Ui {
            streams: Mutex::new(streams),
            form,
            verbosity,
            typed: typed(global),
            columns: None,
            zone: TimeZone::UTC,
            stderr_is_terminal: false,
            stdin_is_terminal: false,
            redraws: None,
            has_drawn: AtomicBool::new(false),
            stdout_is_terminal: false,
            github: None,
        }
    }

    /// Whether the answer is to be JSON.
    pub fn is_json(&self) -> bool {
        self.form != Form::Text
    }

    /// Whether somebody sits there who can be asked for a passphrase.
    pub fn is_interactive(&self) -> bool {
        self.stdin_is_terminal && self.stderr_is_terminal
    }

    /// Whether stdin is a terminal, and whether all three streams are.
    pub fn terminals(&self) -> (bool, bool) {
        let all = self.stdin_is_terminal && self.stdout_is_terminal && self.stderr_is_terminal;
        (self.stdin_is_terminal, all)
    }

    /// The width of stdout's terminal, if it is one.
    pub fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// Where the reader is.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// A command to type, with the options that choose the same configuration: `shipit -e staging rollback`.
    pub fn command(&self, words: impl Display) -> String {
        format!("{} {words}", self.typed)
    }

    /// How the events of a flow are shown.
    fn screen(&self) -> Screen {
        match (self.form, self.redraws) {
            (Form::Object, _) => Screen::Warnings,
            (Form::Lines, _) => Screen::Json(Pace::new(Instant::now())),
            (Form::Text, Some(coloured)) if self.verbosity == Verbosity::Normal => {
                let story = Plain::beside_live(self.verbosity, self.is_interactive());
                let size = || terminal::size(io::stderr()).unwrap_or((80, 24));
                let frame = Frame::new(io::stderr(), Box::new(size), coloured);
                self.has_drawn.store(true, Ordering::Relaxed);
                Screen::Live(Box::new(Live::new(story, frame, self.is_interactive())))
            }
            (Form::Text, _) => {
                let lines = Plain::new(self.verbosity, self.stderr_is_terminal);
                Screen::Plain(lines, Pace::new(Instant::now()))
            }
        }
    }

    /// How a run ends that does not end well.
    pub fn failure(&self, failure: &Failure) {
        if let Some(github) = &self.github {
            self.streams().command(&github.end_group());
        }
        // Behind the terminal's own `^C`, which nothing was drawn over.
        let begun = failure.kind == Kind::Interrupted && self.stdin_is_terminal && self.stderr_is_terminal;
        if begun && !self.has_drawn.load(Ordering::Relaxed) {
            self.streams().write(To::Err, "\n");
        }
        self.streams().write(To::Err, &Shown::of(failure).text());
        if let Some(github) = &self.github {
            let (annotation, left) = github.failed(failure);
            self.streams().command(&annotation);
            self.left(left);
        }
        match self.form {
            Form::Text => {}
            Form::Object => self.streams().write(To::Out, &json::failed(failure)),
            Form::Lines => self.streams().write(To::Out, &json::failed_result(failure)),
        }
    }

    /// The answer of a command, as a table or as one object.
    pub fn answer(&self, rows: &[Vec<Cell>], object: &impl Serialize) -> Outcome<()> {
        self.answer_text(&table::lines(rows, self.columns), object)
    }

    /// The same where the text is no table.
    pub fn answer_text(&self, text: &str, object: &impl Serialize) -> Outcome<()> {
        let json = self.is_json().then(|| json::line(object));
        let text = json.as_deref().unwrap_or(text);
        let mut streams = self.streams();
        streams.write(To::Out, text);
        written(&mut streams)
    }

    /// One line of an answer that goes on, with its newline, or its object; false: nobody reads any more.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn answer_line(&self, text: &str, object: &impl Serialize) -> Outcome<bool> {
        let mut streams = self.streams();
        if self.is_json() {
            streams.write(To::Out, &json::line(object));
        } else {
            streams.write(To::Out, text);
        }
        written(&mut streams)?;
        Ok(!streams.is_gone())
    }

    /// A text of another form than the answers, as it stands: a script, a page.
    pub fn print(&self, text: &str) -> Outcome<()> {
        let mut streams = self.streams();
        streams.write(To::Out, text);
        written(&mut streams)
    }

    /// A sentence on the side: on stderr, and not where only the answer is wanted.
    pub fn say(&self, sentence: impl Display) {
        if self.form == Form::Text && self.verbosity != Verbosity::Quiet {
            self.streams().write(To::Err, &format!("{sentence}\n"));
        }
    }

    /// Lines that a question is about: they are shown however little is to be said.
    pub fn lay_out(&self, text: &str) {
        self.streams().write(To::Err, text);
    }

    /// Asks a person, and gives the line that is typed; none at the end of the input, and where nobody sits there.
    /// `hidden`: it is not shown. To be dropped when the wish to stop comes first.
    pub async fn ask(&self, question: &str, hidden: bool) -> Option<String> {
        if !self.is_interactive() {
            return None;
        }
        // Before the question, so that nothing of an answer is seen, or taken for something typed before it.
        let quiet = hidden.then(prompt::Unseen::begin);
        self.streams().write(To::Err, &format!("{question} "));
        let line = prompt::line().await;
        if quiet.is_some() {
            self.streams().write(To::Err, "\n");
        }
        line
    }

    /// A warning outside of a flow.
    pub fn warn(&self, text: &str) {
        match &self.github {
            Some(_) => self.streams().command(&GitHub::warning(text)),
            None => self.streams().write(To::Err, &plain::warning(text)),
        }
    }

    /// How a run ends that ends well, and has no [`Done`](crate::model::done::Done).
    pub fn ended(&self, outcome: &str) {
        if let Some(github) = &self.github {
            self.left(github.ended(outcome));
        }
    }

    /// What a later step of a job on GitHub may want to know.
    pub fn hand_on(&self, outputs: &[(&str, &str)]) {
        if let Some(github) = &self.github {
            self.left(github.hand_on(outputs));
        }
    }

    /// Says what could not be left for GitHub. The deploy is what it is.
    fn left(&self, left: Result<(), Unwritten>) {
        if let Err(unwritten) = left {
            self.warn(&unwritten.to_string());
        }
    }

    /// A panic while something was written leaves a half line, nothing worse.
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the answer came out.
fn written(streams: &mut Streams) -> Outcome<()> {
    match streams.take_unwritten() {
        None => Ok(()),
        Some(error) => {
            let error = anyhow::Error::new(error).context("the answer could not be written to stdout");
            Err(Failure::new(Kind::Usage, error))
        }
    }
}

fn github(global: &Global, runner: Runner) -> GitHub {
    let environment = global.environment.as_deref().unwrap_or("production");
    let folder = global.directory.clone().unwrap_or_default();
    GitHub::new(runner, environment, folder, !global.json && !global.quiet)
}

/// `shipit`, with the options that were given to choose the configuration.
fn typed(global: &Global) -> String {
    let mut words = vec!["shipit".to_owned()];
    let quoted = |text: &str| shlex::try_quote(text).map_or_else(|_| text.to_owned(), Into::into);
    let path = |path: &Path| quoted(&path.to_string_lossy());
    if let Some(folder) = &global.directory {
        words.extend(["-C".to_owned(), path(folder)]);
    }
    if let Some(file) = &global.config {
        words.extend(["-c".to_owned(), path(file)]);
    }
    if let Some(name) = global.environment.as_deref().filter(|name| *name != "production") {
        words.extend(["-e".to_owned(), quoted(name)]);
    }
    words.join(" ")
}

#[cfg(test)]
pub mod tests;
