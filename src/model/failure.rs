//! What a command ends with when it does not end well: a kind (which is the exit code), a chain of causes,
//! and what to type next.

use std::fmt;

/// How a run ended, as its exit code tells. The numbers are part of the interface: `docs/exit-codes.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A bug in shipit.
    Bug,
    /// Wrong words on the command line or in shipit.toml, or a revision that does not exist.
    Usage,
    /// The server can't be reached or is not ready. Found out before anything was touched.
    NotReady,
    /// The build failed. The server is untouched.
    Build,
    /// The copy failed. What runs is untouched.
    Copy,
    /// A person holds deploys.
    Held,
    /// Another deploy is running.
    Busy,
    /// The release did not go live. What ran before runs (on a first deploy: nothing did).
    NotLive,
    /// The release did not go live, and what ran before could not be restored.
    NotRestored,
    /// Contact with the server was lost: it has gone back, or will within the printed deadline.
    ContactLost,
    /// Ended by SIGINT; nothing was changed or it was put back.
    Interrupted,
    /// Ended by SIGTERM or SIGHUP; nothing was changed or it was put back.
    Terminated,
}

impl Kind {
    /// The process's exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            Kind::Bug => 1,
            Kind::Usage => 2,
            Kind::NotReady => 3,
            Kind::Build => 4,
            Kind::Copy => 5,
            Kind::Held | Kind::Busy => 6,
            Kind::NotLive => 7,
            Kind::NotRestored => 8,
            Kind::ContactLost => 9,
            Kind::Interrupted => 130,
            Kind::Terminated => 143,
        }
    }

    /// The word for it in `--json`.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Bug => "bug",
            Kind::Usage => "usage",
            Kind::NotReady => "not-ready",
            Kind::Build => "build-failed",
            Kind::Copy => "copy-failed",
            Kind::Held => "held",
            Kind::Busy => "busy",
            Kind::NotLive => "not-live",
            Kind::NotRestored => "not-restored",
            Kind::ContactLost => "contact-lost",
            Kind::Interrupted | Kind::Terminated => "interrupted",
        }
    }
}

/// A failure as a person meets it: what failed, why, what the machine said, and the next command to type.
#[derive(Debug)]
pub struct Failure {
    /// The exit code's name.
    pub kind: Kind,
    /// What failed, then its causes.
    pub error: anyhow::Error,
    /// Text that belongs to it and was written by something else: the end of a build log, a unit's lines.
    pub detail: Option<Detail>,
    /// What is live now, in one sentence, when the failure could make one wonder.
    pub live: Option<String>,
    /// What to type or change next. A hint names a command, a file or a line.
    pub hints: Vec<String>,
}

/// Quoted text below a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What the text is: "the last 20 lines of server.service (this start)".
    pub title: String,
    /// The lines, oldest first.
    pub lines: Vec<String>,
}

/// The result of all flows.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure of this kind; `error` says what failed.
    pub fn new(kind: Kind, error: impl Into<anyhow::Error>) -> Self {
        Failure { kind, error: error.into(), detail: None, live: None, hints: Vec::new() }
    }

    /// A failure that is said in one sentence.
    pub fn msg(kind: Kind, text: impl fmt::Display) -> Self {
        Failure::new(kind, anyhow::anyhow!("{text}"))
    }

    /// Adds the next thing to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds quoted text; none when there are no lines.
    #[must_use]
    pub fn detail(mut self, title: impl Into<String>, lines: Vec<String>) -> Self {
        if !lines.is_empty() {
            self.detail = Some(Detail { title: title.into(), lines });
        }
        self
    }

    /// Says what is live now.
    #[must_use]
    pub fn live(mut self, sentence: impl Into<String>) -> Self {
        self.live = Some(sentence.into());
        self
    }
}

/// `.failed(Kind::Build, "could not …")` on any result.
pub trait Failed<T> {
    /// Wraps the error in a sentence and gives it a kind.
    fn failed(self, kind: Kind, sentence: impl fmt::Display + Send + Sync + 'static) -> Outcome<T>;
}

impl<T, E: Into<anyhow::Error>> Failed<T> for Result<T, E> {
    fn failed(self, kind: Kind, sentence: impl fmt::Display + Send + Sync + 'static) -> Outcome<T> {
        self.map_err(|error| Failure::new(kind, error.into().context(sentence)))
    }
}
