//! What was looked at, and how it was found: the values of `shipit doctor`, and of what a deploy needs.

use serde::Serialize;

use super::failure::{Failure, Kind};

/// Where a thing lies that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// This machine.
    Laptop,
    /// The way to the server.
    Connection,
    /// The server, whatever runs on it.
    Server,
    /// The app's unit and its answers.
    App,
}

impl Group {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Group::Laptop => "laptop",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::App => "app",
        }
    }
}

/// How it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Worth knowing, and no trouble.
    Note,
    /// A deploy goes on, and something is not as good as it could be.
    Warning,
    /// A deploy is refused or fails.
    Failed,
    /// It could not be looked at, because something before it failed.
    Skipped,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Where it lies.
    pub group: Group,
    /// What it is, in a word or two; the same in every run.
    pub name: &'static str,
    /// How it was found.
    pub status: Status,
    /// What was found.
    pub text: String,
    /// What to type or change.
    pub hints: Vec<String>,
}

impl Check {
    /// What a judge found, or the words for it where there is nothing to remark.
    pub fn of(
        group: Group,
        name: &'static str,
        remark: Option<Remark>,
        fine: impl FnOnce() -> String,
    ) -> Self {
        match remark {
            Some(Remark { status, text, hints }) => Check { group, name, status, text, hints },
            None => Check { group, name, status: Status::Ok, text: fine(), hints: Vec::new() },
        }
    }

    /// It can't be looked at before this one, `group/name`, is mended.
    pub fn skipped(group: Group, name: &'static str, because: &str) -> Self {
        let text = format!("not looked at, because `{because}` failed");
        Check { group, name, status: Status::Skipped, text, hints: Vec::new() }
    }
}

/// Something that is not as it should be: what, and what to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// How bad it is.
    pub status: Status,
    /// What is so.
    pub text: String,
    /// What to type or change.
    pub hints: Vec<String>,
}

impl Remark {
    /// With it no deploy succeeds.
    pub fn failed(text: impl Into<String>) -> Self {
        Remark { status: Status::Failed, text: text.into(), hints: Vec::new() }
    }

    /// A deploy goes on with it.
    pub fn warning(text: impl Into<String>) -> Self {
        Remark { status: Status::Warning, ..Remark::failed(text) }
    }

    /// Nothing has to be done about it.
    pub fn note(text: impl Into<String>) -> Self {
        Remark { status: Status::Note, ..Remark::failed(text) }
    }

    /// Adds the next thing to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The end of a command that can't go on with it.
    pub fn into_failure(self, kind: Kind) -> Failure {
        Failure { hints: self.hints, ..Failure::msg(kind, self.text) }
    }

    /// One sentence, for a warning on the side.
    pub fn into_sentence(self) -> String {
        let parts: Vec<String> = std::iter::once(self.text).chain(self.hints).collect();
        parts.join("; ")
    }
}

impl From<Failure> for Remark {
    /// The causes and what a program said stand behind it: a check has one text.
    fn from(failure: Failure) -> Self {
        let mut chain: Vec<String> = failure.error.chain().map(ToString::to_string).collect();
        chain.dedup();
        let mut text = chain.join(": ");
        if let Some(line) = failure.detail.iter().flat_map(|detail| &detail.lines).next_back() {
            text += &format!(" ({})", line.trim());
        }
        Remark { status: Status::Failed, text, hints: failure.hints }
    }
}
