//! One line of the log, as a value.

use serde_json::Value;

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
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Field::Text(text) => Some(text),
            Field::Number(_) => None,
        }
    }

    pub(super) fn number(&self) -> Option<u64> {
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
