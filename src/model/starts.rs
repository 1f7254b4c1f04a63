//! Which start of the unit ran which release. Pure: systemd's log tells when the unit was started, the journal when which
//! release was switched to.

use jiff::Timestamp;

use super::journal::{Entry, History, What};
use super::names::{DeployNumber, Invocation, ReleaseId};

/// One start of the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// systemd's name for it.
    pub invocation: Invocation,
    /// When it began, in microseconds since 1970.
    pub at: u64,
}

/// A part of the unit's log: from here to there, both included; none: to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// In microseconds since 1970.
    pub from: u64,
    /// Likewise.
    pub to: Option<u64>,
}

/// One switch, as the journal tells it.
struct Switch<'a> {
    number: DeployNumber,
    began: i64,
    release: &'a str,
    previous: Option<&'a str>,
    /// When it ended and whether what was live before was started again; none: it stands, or has no end.
    undone: Option<(i64, bool)>,
}

/// The parts of the unit's log that this release wrote. `starts` are in their order.
pub fn spans(history: &History, starts: &[Start], release: &ReleaseId) -> Vec<Span> {
    let switches = switches(history);
    let mut spans: Vec<Span> = Vec::new();
    for (place, start) in starts.iter().enumerate() {
        let next = starts.get(place + 1);
        if ran(&switches, start, next) != Some(release.as_str()) {
            continue;
        }
        let to = next.map(|next| next.at.saturating_sub(1));
        match spans.last_mut() {
            Some(last) if last.to.is_some_and(|to| to + 1 == start.at) => last.to = to,
            _ => spans.push(Span { from: start.at, to }),
        }
    }
    spans
}

/// What a start ran.
fn ran<'a>(switches: &[Switch<'a>], start: &Start, next: Option<&Start>) -> Option<&'a str> {
    let second = |start: &Start| i64::try_from(start.at / 1_000_000).unwrap_or(i64::MAX);
    let at = second(start);
    let Some(last) = switches.iter().rfind(|switch| switch.began <= at) else {
        return switches.first().and_then(|first| first.previous);
    };
    match last.undone {
        None => Some(last.release),
        Some((ended, _)) if at > ended => last.previous,
        // Of the starts of a switch that was undone, the last is that of what was put back.
        Some((ended, true)) if next.is_none_or(|next| second(next) > ended) => last.previous,
        Some(_) => Some(last.release),
    }
}

fn switches(history: &History) -> Vec<Switch<'_>> {
    let mut switches: Vec<Switch<'_>> = Vec::new();
    for entry in history.entries.iter().filter(|entry| !entry.is_restart() && entry.deploy.0 > 0) {
        let (Some(release), Ok(time)) = (&entry.release, entry.time.parse::<Timestamp>()) else { continue };
        let time = time.as_second();
        match entry.event {
            What::Started => switches.push(Switch {
                number: entry.deploy,
                began: time,
                release: release.as_str(),
                previous: entry.previous.as_deref().filter(|name| !name.is_empty()),
                undone: None,
            }),
            What::Reverted | What::Failed | What::Interrupted => {
                if let Some(switch) = switches.iter_mut().rfind(|switch| switch.number == entry.deploy) {
                    switch.undone = Some((time, started_again(entry)));
                }
            }
            _ => {}
        }
    }
    switches
}

fn started_again(end: &Entry) -> bool {
    matches!(end.outcome.as_deref(), Some("reverted" | "down" | "broken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[(&str, u64, &str, &str, &str)]) -> History {
        let line = |(event, deploy, second, release, more): &(&str, u64, &str, &str, &str)| {
            format!(
                r#"{{"v":1,"deploy":{deploy},"time":"2026-11-22T13:00:{second}Z","event":"{event}","release":"{release}"{more}}}"#
            )
        };
        let lines: Vec<String> = lines.iter().map(line).collect();
        let history = History::read(lines.iter().map(String::as_str));
        assert_eq!(history.unreadable, 0);
        history
    }

    /// Starts at these tenths of a second of the same minute.
    fn starts(tenths: &[u64]) -> Vec<Start> {
        let minute = "2026-11-22T13:00:00Z".parse::<Timestamp>().unwrap().as_microsecond() as u64;
        let start = |tenth: &u64| Start {
            invocation: format!("{tenth:032x}").parse().unwrap(),
            at: minute + tenth * 100_000,
        };
        tenths.iter().map(start).collect()
    }

    #[test]
    fn each_start_ran_what_was_live_then() {
        let history = history(&[
            ("started", 1, "10", "aa", r#","previous":"old""#),
            ("live", 1, "10", "aa", ""),
            ("kept", 1, "12", "aa", ""),
            ("started", 2, "20", "bb", r#","previous":"aa""#),
            ("reverted", 2, "25", "bb", r#","outcome":"reverted""#),
            ("started", 3, "30", "aa", r#","previous":"aa","command":"restart""#),
            ("kept", 3, "31", "aa", r#","command":"restart""#),
            ("started", 4, "40", "cc", r#","previous":"aa""#),
            ("kept", 4, "42", "cc", ""),
            ("started", 5, "50", "dd", r#","previous":"cc""#),
            ("failed", 5, "52", "dd", r#","outcome":"stuck""#),
        ]);
        //                     old  aa   bb   bb   aa   aa   cc   dd   cc
        let starts = starts(&[50, 105, 205, 215, 235, 305, 405, 505, 550]);
        let found = |release: &str| -> Vec<(usize, Option<usize>)> {
            let place = |at: u64| starts.iter().position(|start| start.at == at);
            spans(&history, &starts, &release.parse().unwrap())
                .into_iter()
                .map(|span| (place(span.from).unwrap(), span.to.map(|to| place(to + 1).unwrap())))
                .collect()
        };
        assert_eq!(found("old"), [(0, Some(1))]);
        assert_eq!(found("aa"), [(1, Some(2)), (4, Some(6))]);
        assert_eq!(found("bb"), [(2, Some(4))]);
        assert_eq!(found("cc"), [(6, Some(7)), (8, None)]);
        assert_eq!(found("dd"), [(7, Some(8))], "a restart that was refused started nothing");
        assert_eq!(found("ee"), []);
    }
}
