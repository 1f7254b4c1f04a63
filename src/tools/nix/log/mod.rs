//! Nix's own log (`--log-format internal-json`), line by line, into values and from those into events. Pure.
//!
//! The numbers are Nix's (`src/libutil/logging.hh`). They have grown with each version, and other text lies between the
//! lines (ssh's, a builder's), so nothing here is an error: what is not known is passed over.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::json::PathInfo;
use crate::model::event::Event;
use line::{Field, Line, parse};

mod failure;
mod line;

#[cfg(test)]
mod tests;

pub use failure::{NixFailure, shortened};
pub use line::plain;

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

    /// How many paths were begun to be copied.
    pub fn copied(&self) -> u64 {
        self.copied
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
