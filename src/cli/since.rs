//! A time in the past, as people write one: `10m`, `2 days`, `14:03`, `2026-11-22 14:03`, RFC 3339.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// Since when.
#[derive(Debug, Clone)]
pub enum Since {
    /// This long ago.
    Ago(Box<Span>),
    /// At this moment.
    At(Timestamp),
    /// At this time of the reader's calendar.
    On(DateTime),
    /// At this time of today.
    Today(Time),
}

/// For clap.
pub fn since(text: &str) -> Result<Since, String> {
    let text = text.trim();
    let no = || format!("{:?} is no time such as 10m, 2d, 14:03, \"2026-11-22 14:03\"", short(text));
    if text.len() > 60 {
        return Err(no());
    }
    if let Ok(moment) = text.parse() {
        return Ok(Since::At(moment));
    }
    if let Ok(time) = text.parse() {
        return Ok(Since::On(time));
    }
    // A bare number would be an hour.
    if let (true, Ok(time)) = (text.contains(':'), text.parse()) {
        return Ok(Since::Today(time));
    }
    let span: Span = text.parse().map_err(|_| no())?;
    Ok(Since::Ago(Box::new(span.abs())))
}

impl Since {
    /// As journalctl is told: what is counted from now is counted by the server's clock.
    ///
    /// # Errors
    /// When it lies further back than there is a calendar, or in the future.
    pub fn for_journalctl(&self, now: &Zoned) -> Result<String, String> {
        let in_words = |error: jiff::Error| format!("--since: {error}");
        let zone: &TimeZone = now.time_zone();
        let at = match self {
            Since::Ago(span) => {
                let then = now.checked_sub(**span).map_err(in_words)?;
                let seconds = now.timestamp().as_second() - then.timestamp().as_second();
                return Ok(format!("-{seconds}s"));
            }
            Since::At(moment) => *moment,
            Since::On(time) => time.to_zoned(zone.clone()).map_err(in_words)?.timestamp(),
            Since::Today(time) => {
                now.date().to_datetime(*time).to_zoned(zone.clone()).map_err(in_words)?.timestamp()
            }
        };
        if at > now.timestamp() {
            return Err(format!(
                "--since: {} has not come yet",
                at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M")
            ));
        }
        Ok(format!("@{}", at.as_second()))
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Zoned = "2026-11-22T14:03:05+01:00[Europe/Berlin]".parse().unwrap();
        let told = |text: &str| since(text).unwrap().for_journalctl(&now).unwrap();
        for (text, expected) in [
            ("10m", "-600s"),
            ("1h30m", "-5400s"),
            ("2 days", "-172800s"),
            ("2d", "-172800s"),
            ("10m ago", "-600s"),
            ("2026-11-22T13:00:00Z", "@1795352400"),
            ("2026-11-22 14:00", "@1795352400"),
            ("2026-11-22 14:00:05", "@1795352405"),
            ("2026-11-22", "@1795302000"),
            ("14:00", "@1795352400"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
        assert_eq!(
            since("15:00").unwrap().for_journalctl(&now).unwrap_err(),
            "--since: 2026-11-22 15:00 has not come yet"
        );
        let long = "9".repeat(5000);
        for text in ["", "10", "yesterdayish", "25:00", "2026-13-01", "-", &long] {
            assert!(since(text).is_err(), "{text:?}");
        }
        assert!(since("15000 years").is_ok_and(|long| long.for_journalctl(&now).is_err()));
    }
}
