//! Durations as people write them: `30s`, `5m`, `1m30s`.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// More than this is a slip of the hand: everything that a `Limit` bounds happens while a deploy waits.
const LONGEST_LIMIT: Duration = Duration::from_secs(60 * 60);
/// `--wait`: a deploy that waits for more than a day for another one has been forgotten.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long something may take: at least a millisecond, at most an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(pub Duration);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Limit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration in quotes, such as \"30s\" or \"5m\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Limit, E> {
                let duration = parse(text).map_err(E::custom)?;
                if duration < Duration::from_millis(1) {
                    return Err(E::custom(format!("duration {text:?} is too short: at least \"1ms\"")));
                }
                if duration > LONGEST_LIMIT {
                    return Err(E::custom(format!("duration {text:?} is too long: at most \"1h\"")));
                }
                Ok(Limit(duration))
            }
        }
        from.deserialize_str(Text)
    }
}

/// The value of `--wait`: from nothing to a day.
pub fn wait(text: &str) -> Result<Duration, String> {
    let duration = parse(text)?;
    if duration > LONGEST_WAIT { Err("longer than a day (24h)".to_owned()) } else { Ok(duration) }
}

fn parse(text: &str) -> Result<Duration, String> {
    // The length is bounded so that no message repeats a page of text.
    let duration: SignedDuration = (text.len() <= 40)
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| format!("{:?} is not a duration such as \"30s\", \"5m\" or \"1m30s\"", short(text)))?;
    Duration::try_from(duration).map_err(|_| format!("duration {text:?} is negative"))
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("1m30s", 90), ("1h", 3600), ("1m 30s", 90), ("0s", 0)]
        {
            assert_eq!(wait(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(wait("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let long = "9".repeat(5000) + "s";
        for text in [
            "",
            " ",
            "30",
            "s",
            "-1s",
            "1s ago",
            "25h",
            "1 fortnight",
            "1e9h",
            "99999999999999999h",
            "\n",
            &long,
        ] {
            assert!(wait(text).is_err(), "{text:?}");
        }
    }
}
