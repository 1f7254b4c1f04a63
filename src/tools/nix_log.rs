//! Nix's own log (`--log-format internal-json`), line by line, into values and from those into events. Pure.
//!
//! The numbers are Nix's (`src/libutil/logging.hh`). They have grown with each version, and other text lies between the
//! lines (ssh's, a builder's), so nothing here is an error: what is not known is passed over.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde_json::Value;

use super::nix_json::PathInfo;
use crate::model::event::Event;

/// How many of the last lines of each derivation's log are kept.
pub const KEPT_LOG_LINES: usize = 25;
/// How many derivations' logs are kept at a time: the oldest go, a failed one is among the last.
const KEPT_LOGS: usize = 64;
/// How many lines of Nix's own error text are kept, from its end.
const KEPT_ERROR_LINES: usize = 400;

const COPY_PATH: u64 = 100;
const BUILDS: u64 = 104;
const BUILD: u64 = 105;
const SUBSTITUTE: u64 = 108;
const BUILD_LOG_LINE: u64 = 101;
const SET_PHASE: u64 = 104;
const PROGRESS: u64 = 105;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// An activity begins.
    Start {
        /// Its number.
        id: u64,
        /// What it is.
        kind: u64,
        /// What it is about.
        fields: Vec<Field>,
    },
    /// … and ends.
    Stop {
        /// Its number.
        id: u64,
    },
    /// News of an activity.
    Result {
        /// Which activity.
        id: u64,
        /// What kind of news.
        kind: u64,
        /// The news.
        fields: Vec<Field>,
    },
    /// Text for the user.
    Message {
        /// 0: an error; 1: a warning; more: talk.
        level: u64,
        /// Without colours.
        text: String,
    },
    /// Not Nix's log: ssh, or a crash. Without colours.
    Text(String),
    /// A line of Nix's log that this version does not know.
    Other,
}

/// A field of an activity or of its news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A number.
    Number(u64),
    /// A text, as it came.
    Text(String),
}

impl Field {
    fn text(&self) -> Option<&str> {
        match self {
            Field::Text(text) => Some(text),
            Field::Number(_) => None,
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Field::Number(number) => Some(*number),
            Field::Text(_) => None,
        }
    }
}

/// Reads one line.
pub fn parse(line: &str) -> Line {
    // ssh and builders may leave a piece without a newline in front of it.
    let Some((_, json)) = line.split_once("@nix ").filter(|(before, _)| !before.contains('{')) else {
        return Line::Text(plain(line));
    };
    let Ok(Value::Object(record)) = serde_json::from_str(json) else {
        return Line::Text(plain(line));
    };
    let number = |key: &str| record.get(key).and_then(Value::as_u64);
    let fields = || match record.get("fields") {
        Some(Value::Array(fields)) => fields
            .iter()
            .map(|field| match field {
                Value::String(text) => Field::Text(text.clone()),
                other => Field::Number(other.as_u64().unwrap_or(0)),
            })
            .collect(),
        _ => Vec::new(),
    };
    let line = match record.get("action").and_then(Value::as_str) {
        Some("start") => {
            number("id").zip(number("type")).map(|(id, kind)| Line::Start { id, kind, fields: fields() })
        }
        Some("stop") => number("id").map(|id| Line::Stop { id }),
        Some("result") => {
            number("id").zip(number("type")).map(|(id, kind)| Line::Result { id, kind, fields: fields() })
        }
        Some("msg") => record
            .get("msg")
            .and_then(Value::as_str)
            .map(|text| Line::Message { level: number("level").unwrap_or(3), text: plain(text) }),
        _ => None,
    };
    line.unwrap_or(Line::Other)
}

/// Text without escape sequences and control characters; tabs and newlines stay. What a carriage return would have
/// overwritten on a terminal is dropped.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => match chars.next() {
                // A colour or a movement: up to its final letter.
                Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                // A title or a link: up to BEL or ESC \.
                Some(']') => {
                    while let Some(c) = chars.next() {
                        if c == '\u{7}' {
                            break;
                        }
                        if c == '\u{1b}' {
                            chars.next();
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\r' if chars.peek().is_some_and(|next| *next != '\n') => {
                out.truncate(out.rfind('\n').map_or(0, |at| at + 1));
            }
            '\n' | '\t' => out.push(char),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// What a run of Nix is for: the same activity means another event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `nix build`
    Build,
    /// `nix copy` of so many paths.
    Copy {
        /// How many.
        paths: u64,
    },
}

/// What was learned from the lines so far.
#[derive(Debug)]
pub struct NixLog {
    purpose: Purpose,
    builds: Option<u64>,
    done: u64,
    expected: u64,
    built: u64,
    fetched: u64,
    copied: u64,
    /// Which derivation an activity builds, and since when.
    building: BTreeMap<u64, (String, Instant)>,
    /// The name of the path that an activity fetches.
    fetching: BTreeMap<u64, String>,
    /// Which path an activity sends, and how many bytes of it went already.
    sending: BTreeMap<u64, (String, u64)>,
    /// What is to be sent, with its size.
    sizes: BTreeMap<String, u64>,
    /// … all together.
    bytes: u64,
    /// The bytes of the paths that were sent to their end.
    sent: u64,
    /// The last lines of each derivation's log, the derivation that began last at the end.
    logs: VecDeque<(String, VecDeque<String>)>,
    errors: VecDeque<String>,
    texts: VecDeque<String>,
}

/// Why Nix failed, in its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NixFailure {
    /// The derivation that failed, when it was a build.
    pub derivation: Option<String>,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// The error in one line.
    pub headline: String,
    /// All of the error text, without colours and without the log that newer versions repeat in it; before it, what
    /// others said (ssh, git), which is often the cause.
    pub text: Vec<String>,
}

impl NixLog {
    /// Nothing was read yet.
    pub fn new(purpose: Purpose) -> Self {
        NixLog {
            purpose,
            builds: None,
            done: 0,
            expected: 0,
            built: 0,
            fetched: 0,
            copied: 0,
            building: BTreeMap::new(),
            fetching: BTreeMap::new(),
            sending: BTreeMap::new(),
            sizes: BTreeMap::new(),
            bytes: 0,
            sent: 0,
            logs: VecDeque::new(),
            errors: VecDeque::new(),
            texts: VecDeque::new(),
        }
    }

    /// … of a copy of these paths: with their sizes it is known how far the copy is.
    #[must_use]
    pub fn of_paths(mut self, paths: &[PathInfo]) -> Self {
        self.sizes = paths.iter().map(|info| (info.path.to_string(), info.size)).collect();
        self.bytes = paths.iter().map(|info| info.size).sum();
        self
    }

    /// How many derivations were built.
    pub fn built(&self) -> u64 {
        self.built
    }

    /// How many paths were fetched from a substituter.
    pub fn fetched(&self) -> u64 {
        self.fetched
    }

    /// Takes a line; perhaps it is news.
    pub fn line(&mut self, line: &str, now: Instant) -> Option<Event> {
        match parse(line) {
            Line::Start { id, kind, fields } => self.start(id, kind, &fields, now),
            Line::Stop { id } => self.stop(id, now),
            Line::Result { id, kind, fields } => self.result(id, kind, &fields),
            Line::Message { level: 0, text } => {
                keep(&mut self.errors, text.lines(), KEPT_ERROR_LINES);
                None
            }
            Line::Text(text) => {
                keep(&mut self.texts, text.lines().filter(|line| !line.trim().is_empty()), KEPT_LOG_LINES);
                None
            }
            Line::Message { .. } | Line::Other => None,
        }
    }

    fn start(&mut self, id: u64, kind: u64, fields: &[Field], now: Instant) -> Option<Event> {
        let first = fields.first().and_then(Field::text);
        match (self.purpose, kind) {
            (Purpose::Build, BUILDS) => {
                self.builds = Some(id);
                None
            }
            (Purpose::Build, BUILD) => {
                let derivation = first?;
                self.built += 1;
                self.building.insert(id, (derivation.to_owned(), now));
                self.logs.push_back((derivation.to_owned(), VecDeque::new()));
                if self.logs.len() > KEPT_LOGS {
                    self.logs.pop_front();
                }
                let name = derivation_name(derivation);
                // Each build that began counts as at least known.
                let expected = self.expected.max(self.built).max(self.done + 1);
                Some(Event::BuildingDerivation { name, done: self.done, expected })
            }
            (Purpose::Build, SUBSTITUTE) => {
                self.fetched += 1;
                let from = fields.get(1).and_then(Field::text).unwrap_or_default().to_owned();
                let name = name(first?).to_owned();
                self.fetching.insert(id, name.clone());
                Some(Event::Fetching { name, from })
            }
            (Purpose::Copy { paths }, COPY_PATH) => {
                let path = first?;
                self.copied += 1;
                self.sending.insert(id, (path.to_owned(), 0));
                Some(Event::CopyingPath {
                    name: name(path).to_owned(),
                    number: self.copied,
                    // Nix may send more than was asked for, when something went from the server meanwhile.
                    of: paths.max(self.copied),
                })
            }
            _ => None,
        }
    }

    fn stop(&mut self, id: u64, now: Instant) -> Option<Event> {
        if let Some((derivation, began)) = self.building.remove(&id) {
            let took = now.duration_since(began);
            return Some(Event::DerivationEnded { name: derivation_name(&derivation), took });
        }
        if let Some(name) = self.fetching.remove(&id) {
            return Some(Event::Fetched { name });
        }
        let (path, went) = self.sending.remove(&id)?;
        // Older versions do not say how far a path is, only when it is over.
        let size = self.sizes.get(&path).copied().unwrap_or(went);
        self.sent = self.sent.saturating_add(size);
        self.progress()
    }

    fn result(&mut self, id: u64, kind: u64, fields: &[Field]) -> Option<Event> {
        let number = |at: usize| fields.get(at).and_then(Field::number).unwrap_or(0);
        let text = || fields.first().and_then(Field::text).map(plain);
        match kind {
            PROGRESS if self.builds == Some(id) => {
                self.done = number(0);
                self.expected = number(1);
                None
            }
            PROGRESS => {
                self.sending.get_mut(&id)?.1 = number(0);
                self.progress()
            }
            BUILD_LOG_LINE => {
                let ((derivation, _), line) = (self.building.get(&id)?, text()?);
                let (_, log) = self.logs.iter_mut().rev().find(|(of, _)| of == derivation)?;
                keep(log, [line.as_str()], KEPT_LOG_LINES);
                Some(Event::BuildLog { name: derivation_name(derivation), line })
            }
            SET_PHASE => {
                let ((derivation, _), phase) = (self.building.get(&id)?, text()?);
                Some(Event::BuildPhase { name: derivation_name(derivation), phase })
            }
            _ => None,
        }
    }

    /// How far the copy is.
    fn progress(&self) -> Option<Event> {
        let of = self.bytes;
        let bytes = self.sending.values().fold(self.sent, |sum, (_, went)| sum.saturating_add(*went));
        // Nix may send more than was asked for, and a path anew.
        (of > 0).then_some(Event::CopyProgress { bytes: bytes.min(of), of })
    }

    /// What is known of a failure, after the last line.
    pub fn failure(&self) -> NixFailure {
        let text: Vec<String> = without_repeated_log(self.errors.iter().map(String::as_str));
        // The end of a connection is all that Nix sees of it; why it ended was said by ssh or by the other side.
        let headline = headline(&text)
            .filter(|line| !line.ends_with("unexpected end-of-file") || self.texts.is_empty())
            .or_else(|| self.texts.back().cloned())
            .unwrap_or_default();
        // The derivation whose builder failed is named first; those that only needed it come after it.
        let derivation = text
            .iter()
            .flat_map(|line| derivations(line))
            .find(|derivation| self.logs.iter().any(|(of, _)| of == derivation))
            .map(str::to_owned);
        let log = derivation
            .as_deref()
            .and_then(|derivation| self.logs.iter().rev().find(|(of, _)| of == derivation))
            .map(|(_, lines)| lines.iter().cloned().collect())
            .unwrap_or_default();
        let text = self.texts.iter().cloned().chain(text).collect();
        NixFailure { derivation, log, headline, text }
    }
}

/// The part of a store path behind the hash.
fn name(path: &str) -> &str {
    let base = path.rsplit('/').next().unwrap_or(path);
    base.split_once('-').map_or(base, |(_, name)| name)
}

/// … of a derivation, without its `.drv`.
fn derivation_name(path: &str) -> String {
    let name = name(path);
    name.strip_suffix(".drv").unwrap_or(name).to_owned()
}

fn keep<'a>(list: &mut VecDeque<String>, lines: impl IntoIterator<Item = &'a str>, most: usize) {
    for line in lines {
        list.push_back(line.trim_end().to_owned());
        if list.len() > most {
            list.pop_front();
        }
    }
}

/// The `/nix/store/….drv` in a line.
fn derivations(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("/nix/store/").filter_map(|(at, _)| {
        let rest = &line[at..];
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/+-._?=".contains(c))).unwrap_or(rest.len());
        let path = &rest[..end];
        path.find(".drv").map(|end| &path[..end + ".drv".len()])
    })
}

/// Newer versions repeat the end of a failed build's log in the error, each line behind a `>`, and name the command
/// for the rest.
fn without_repeated_log<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    lines
        .filter(|line| {
            let line = line.trim();
            let repeated = line.starts_with("> ")
                || line == ">"
                || line.starts_with("For full logs, run")
                || line.starts_with("nix log /nix/store/")
                || line.starts_with("nix-store -l /nix/store/");
            let title = line.strip_prefix("last ").is_some_and(|rest| rest.ends_with("log lines:"));
            !repeated && !title
        })
        .map(str::to_owned)
        .collect()
}

/// The error in one line. Newer versions put the trace in front of it, under an `error:` of its own without text.
fn headline(text: &[String]) -> Option<String> {
    let said = |line: &String| {
        let rest = line.trim_start().strip_prefix("error:")?.trim();
        (!rest.is_empty()).then(|| rest.to_owned())
    };
    text.iter().find_map(said).or_else(|| text.iter().find(|line| !line.trim().is_empty()).cloned())
}

/// A long text with its middle left out: Nix's trace stands between the two ends that tell something.
pub fn shortened(text: &[String], most: usize) -> Vec<String> {
    if text.len() <= most {
        return text.to_vec();
    }
    let head = most / 4;
    let tail = most - head - 1;
    let mut lines = text[..head].to_vec();
    lines.push(format!("… {} lines left out …", text.len() - head - tail));
    lines.extend_from_slice(&text[text.len() - tail..]);
    lines
}

#[cfg(test)]
#[path = "nix_log_tests.rs"]
mod tests;
