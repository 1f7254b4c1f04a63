//! Texts for people: foreign ones made harmless, and sizes, durations and times as one says them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use crate::model::size::bytes;
use crate::model::when;

/// One line of a text that somebody else wrote: without the codes that colour it, move the cursor or name the
/// window, and without characters that reorder or hide what follows.
pub fn clean(text: &str) -> String {
    // A progress line overwrites itself: only its last state was meant to be seen.
    let text = text.trim_end_matches(['\r', '\n']);
    let text = text.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or_default();
    let stripped = anstream::adapter::strip_str(text).to_string();
    stripped.chars().map(harmless).collect::<String>().trim_end().to_owned()
}

/// The same for a text of several lines.
pub fn clean_lines(text: &str) -> Vec<String> {
    text.split('\n').map(clean).collect()
}

fn harmless(c: char) -> char {
    match c {
        '\t' | '\n' => ' ',
        c if is_harmful(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// Control characters, and those that change the direction of what follows.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// At most this many columns, an ellipsis included.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let fits = |c: &char| {
        let wide = c.width().unwrap_or_default();
        let fits = wide <= room;
        room = room.saturating_sub(wide);
        fits
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.truncate(short.trim_end().len());
    short + "…"
}

/// `1.3 s`
pub fn duration(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 0.095 {
        format!("{} ms", took.as_millis())
    } else if seconds < 59.95 {
        format!("{seconds:.1} s")
    } else {
        whole_seconds(Duration::from_secs(seconds.round() as u64))
    }
}

/// `2 min 5 s`: for limits and long waits.
pub fn whole_seconds(span: Duration) -> String {
    let seconds = span.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).take(2).map(|(n, unit)| format!("{n} {unit}")).collect();
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// `1 path`, `3 paths`
pub fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A time of the journal (RFC 3339) where the reader is; one that is no time, as it stands.
pub fn local(time: &str, zone: &TimeZone) -> String {
    clean(&when::local(time, zone))
}

/// A time of systemd, `Sun 2026-11-22 14:03:05 UTC`, where the reader is; one of another zone, as it stands:
/// abbreviations of zones are ambiguous.
pub fn local_systemd(time: &str, zone: &TimeZone) -> String {
    match systemd(time) {
        Some(timestamp) => when::minutes(timestamp, zone),
        None => clean(time),
    }
}

/// systemd's way to write a time, read; none when it is not in UTC.
pub fn systemd(time: &str) -> Option<Timestamp> {
    let (_, rest) = time.split_once(' ')?;
    let civil: DateTime = DateTime::strptime("%Y-%m-%d %H:%M:%S", rest.strip_suffix(" UTC")?).ok()?;
    Offset::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_can_not_reach_the_terminal() {
        assert_eq!(clean("\u{1b}[31merror\u{1b}[0m: no\ttable\r\n"), "error: no table");
        assert_eq!(clean("\u{1b}]0;title\u{7}a\u{1b}[2J\u{1b}[Hb"), "ab");
        assert_eq!(clean("a\u{8}b\u{9b}c\u{202e}d\u{0}"), "ab\u{fffd}c\u{fffd}d");
        assert_eq!(clean("10%\r50%\r100%\r"), "100%");
        assert_eq!(clean("größe 😀  "), "größe 😀");
        assert_eq!(clean_lines("a\n\nb\u{1b}[0m"), ["a", "", "b"]);
    }

    #[test]
    fn numbers_as_one_says_them() {
        let said: Vec<String> =
            [0, 999, 1000, 12_400_000, 99_960, 999_600, 5_000_000_000].map(bytes).to_vec();
        assert_eq!(said, ["0 B", "999 B", "1.0 kB", "12.4 MB", "100 kB", "1.0 MB", "5.0 GB"]);
        let said: Vec<String> = [0, 40, 100, 1340, 59_940, 59_960, 125_000, 3_720_000]
            .map(|ms| duration(Duration::from_millis(ms)))
            .to_vec();
        assert_eq!(said, ["0 ms", "40 ms", "0.1 s", "1.3 s", "59.9 s", "1 min", "2 min 5 s", "1 h 2 min"]);
        assert_eq!(count(1, "path") + &count(0, " path"), "1 path0  paths");
    }

    #[test]
    fn times_are_the_reader_s() {
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(local("2026-11-22T13:03:59Z", &berlin), "2026-11-22 14:03");
        assert_eq!(local("noon\u{7}", &berlin), "noon");
        assert_eq!(local_systemd("Sun 2026-11-22 23:30:05 UTC", &berlin), "2026-11-23 00:30");
        assert_eq!(local_systemd("Sun 2026-11-22 23:30:05 CET", &berlin), "Sun 2026-11-22 23:30:05 CET");
        assert_eq!(local_systemd("", &berlin), "");
    }

    #[test]
    fn cutting_counts_columns() {
        assert_eq!(cut("hello", 5), "hello");
        assert_eq!(cut("hello you", 7), "hello…");
        assert_eq!(cut("日本語です", 6), "日本…");
        assert_eq!(cut("hello", 0), "…");
    }
}
