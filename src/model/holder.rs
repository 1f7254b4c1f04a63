//! Who holds the server's lock: the note beside it, for messages only.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::names::short_release;
use super::when;

/// What the note says. It may be missing, torn or a newer shipit's: every part is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Since when, RFC 3339.
    #[serde(default)]
    pub since: Option<String>,
    /// Who: `anna@laptop`.
    #[serde(default)]
    pub who: Option<String>,
    /// Where from: the URL of a CI run.
    #[serde(default)]
    pub from: Option<String>,
    /// `deploy` or `rollback`.
    #[serde(default)]
    pub command: Option<String>,
    /// The release that is to go live.
    #[serde(default)]
    pub release: Option<String>,
}

impl Holder {
    /// Reads the note.
    pub fn read(note: &str) -> Self {
        serde_json::from_str(note).unwrap_or_default()
    }

    /// In words: `anna@laptop has been running `deploy` of 3f9c2d1 since 2026-11-22 14:03`.
    pub fn text(&self, zone: &TimeZone) -> String {
        let Some(since) = &self.since else { return "another deploy is running".to_owned() };
        let what = self.release.as_deref().map(|release| format!(" of {}", short_release(release)));
        format!(
            "{} has been running `{}`{} since {}{}",
            self.who.as_deref().unwrap_or("somebody"),
            self.command.as_deref().unwrap_or("shipit"),
            what.unwrap_or_default(),
            when::local(since, zone),
            self.from.as_ref().map(|from| format!(" ({from})")).unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_note_names_nobody() {
        assert_eq!(Holder::read(r#"{"since":"2026-11-2"#), Holder::default());
        assert_eq!(Holder::read(r#"{"who":"anna","new":1}"#).who.as_deref(), Some("anna"));
    }
}
