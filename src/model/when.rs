//! Times of the server, told where the reader is.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time of the journal (RFC 3339) where the reader is, to the minute; one that is no time, as it stands.
pub fn local(time: &str, zone: &TimeZone) -> String {
    match time.parse::<Timestamp>() {
        Ok(timestamp) => minutes(timestamp, zone),
        Err(_) => time.to_owned(),
    }
}

/// `2026-11-22 14:03`
pub fn minutes(timestamp: Timestamp, zone: &TimeZone) -> String {
    timestamp.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}
