//! The text of shipit.toml, its name, and how a place in it is shown.

use std::fmt::{Display, Write};
use std::ops::Range;
use std::path::PathBuf;

use crate::model::failure::{Failure, Kind};
use crate::model::secret::before_private_key;

/// As much of a line as is shown; nobody looks for a caret in more.
const WIDEST: usize = 120;
/// As much of a message; some repeat the value, and a value can be a megabyte.
const LONGEST: usize = 500;

/// A configuration file that was read.
#[derive(Debug)]
pub struct Source {
    /// What it is called in messages: `shipit.toml`, or the path as it was given.
    pub name: String,
    /// The folder that it lies in, absolute.
    pub folder: PathBuf,
    /// What is in it.
    pub text: String,
}

impl Source {
    /// A failure at this place: `shipit.toml:2:8: message`, and the line with a mark under the place.
    pub fn failure(&self, place: Range<usize>, message: impl Display) -> Failure {
        let start = self.boundary(place.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let number = self.text[..line_start].matches('\n').count() + 1;
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        // What shall stay secret ends up in no log.
        let line = before_private_key(line);
        let column = self.text[line_start..start].chars().count();
        let end = self.boundary(place.end).min(line_start + line.len());
        let marks = self.text.get(start..end).map_or(1, |marked| marked.chars().count().max(1));

        let from = if line.chars().count() > WIDEST { column.saturating_sub(WIDEST / 3) } else { 0 };
        let shown: String = line.chars().skip(from).take(WIDEST).map(harmless).collect();
        let marks = marks.min((shown.chars().count() + from).saturating_sub(column).max(1));

        let mut text = String::new();
        let gutter = " ".repeat(number.to_string().len());
        // Writing to a String can't fail.
        let _ = write!(text, "{}:{number}:{}: ", self.name, column + 1);
        let message = message.to_string();
        text.extend(before_private_key(&message).chars().take(LONGEST).map(harmless));
        if message.chars().count() > LONGEST {
            text.push('…');
        }
        let _ = write!(text, "\n{gutter} |\n{number} | {}\n{gutter} | ", shown.trim_end());
        text.extend(std::iter::repeat_n(' ', column - from).chain(std::iter::repeat_n('^', marks)));
        Failure::msg(Kind::Usage, text)
    }

    /// The character that this byte belongs to; the end, if there is none.
    fn boundary(&self, byte: usize) -> usize {
        let before = (0..=byte.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at));
        before.unwrap_or_default()
    }
}

/// A file must not be able to send codes to the terminal by way of an error message.
fn harmless(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, place: Range<usize>) -> String {
        let source = Source { name: "x".to_owned(), folder: PathBuf::new(), text: text.to_owned() };
        source.failure(place, "m").error.to_string()
    }

    #[test]
    fn a_place_is_shown_wherever_it_is() {
        for (text, place, expected) in [
            ("", 0..0, "x:1:1: m\n  |\n1 | \n  | ^"),
            ("", 7..9, "x:1:1: m\n  |\n1 | \n  | ^"),
            ("ab\n", 3..3, "x:2:1: m\n  |\n2 | \n  | ^"),
            ("a\r\nbcd\r\n", 4..9, "x:2:2: m\n  |\n2 | bcd\n  |  ^^"),
            ("ü = é", 4..7, "x:1:4: m\n  |\n1 | ü = é\n  |    ^^"),
            ("\ta\u{1b}[2J", 1..99, "x:1:2: m\n  |\n1 |  a\u{fffd}[2J\n  |  ^^^^^"),
        ] {
            assert_eq!(shown(text, place), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}X{}", "a".repeat(100_000), "b".repeat(100_000));
        let shown = shown(&text, 100_000..200_001);
        assert!(shown.len() < 600, "{}", shown.len());
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[2].find('X'), lines[3].find('^'));
    }

    #[test]
    fn a_private_key_is_not_shown() {
        let text = "host_key = \"-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEA\"\n";
        assert_eq!(shown(text, 11..80), "x:1:12: m\n  |\n1 | host_key = \"\n  |            ^");
    }

    #[test]
    fn any_place_of_any_text_can_be_shown() {
        let text = "a = \"é\"\n\n[ü]\r\nb\t=\u{0}2";
        for start in 0..text.len() + 2 {
            for end in start..text.len() + 2 {
                assert!(shown(text, start..end).contains('^'));
            }
        }
    }
}
