//! A hold: a person's durable "no deploys now", kept as a line of `.shipit/hold` on the server. It is not the lock.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::when;

/// How much is shown of a line that can't be read.
const LEGIBLE: usize = 80;

/// One person's hold. The file may be torn or written by hand: every part is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when, by the server's clock, RFC 3339.
    #[serde(default)]
    pub since: Option<String>,
    /// Who: `anna@laptop`. None: the line can't be read.
    #[serde(default)]
    pub who: Option<String>,
    /// Where from: the URL of a CI run.
    #[serde(default)]
    pub from: Option<String>,
    /// Why; of a line that can't be read, the line.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Hold {
    /// Reads the file's lines, oldest first. That there is a file is what holds, so an empty or torn one is a hold too:
    /// what can't be read of it is one together.
    pub fn read(lines: &[String]) -> Vec<Self> {
        let (mut holds, mut unread) = (Vec::new(), None);
        for line in lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
            match serde_json::from_str::<Hold>(line) {
                Ok(hold) => holds.push(hold),
                Err(_) => _ = unread.get_or_insert_with(|| beginning(line)),
            }
        }
        if let Some(reason) = unread {
            holds.insert(0, Hold { reason, ..Hold::default() });
        }
        if holds.is_empty() {
            holds.push(Hold::default());
        }
        holds
    }

    /// Who, since when and why: `by anna@laptop since 2026-11-22 14:03: the database is being moved`.
    pub fn by(&self, zone: &TimeZone) -> String {
        let mut text = match &self.who {
            Some(who) => format!("by {who}"),
            None => "by somebody whose note in .shipit/hold can't be read".to_owned(),
        };
        if let Some(since) = &self.since {
            text += &format!(" since {}", when::local(since, zone));
        }
        if let Some(from) = &self.from {
            text += &format!(" ({from})");
        }
        if let Some(reason) = &self.reason {
            text += &format!(": {reason}");
        }
        text
    }
}

/// Enough of a foreign line to recognize it; none of one without letters.
fn beginning(line: &str) -> Option<String> {
    let legible: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LEGIBLE).collect();
    legible.contains(char::is_alphanumeric).then(|| legible.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<String> {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        Hold::read(&lines).iter().map(|hold| hold.by(&TimeZone::fixed(jiff::tz::offset(1)))).collect()
    }

    #[test]
    fn a_hold_says_who_when_and_why() {
        let anna = r#"{"v":1,"since":"2026-11-22T13:03:05Z","who":"anna@laptop","reason":"the database is being moved","tool":"shipit 1"}"#;
        let ci = r#"{"v":1,"since":"2026-11-22T13:04:05Z","who":"bob","from":"https://ci.example/1"}"#;
        assert_eq!(
            read(&[anna, ci]),
            [
                "by anna@laptop since 2026-11-22 14:03: the database is being moved",
                "by bob since 2026-11-22 14:04 (https://ci.example/1)"
            ]
        );
    }

    #[test]
    fn what_can_not_be_read_holds_all_the_same() {
        let unread = "by somebody whose note in .shipit/hold can't be read";
        assert_eq!(read(&[]), [unread]);
        assert_eq!(read(&["", "  "]), [unread]);
        assert_eq!(read(&["{}"]), [unread]);
        assert_eq!(read(&[r#"{"v":1,"who":"an"#]), [format!(r#"{unread}: {{"v":1,"who":"an"#)]);
        assert_eq!(read(&["moving the database"]), [format!("{unread}: moving the database")]);
        assert_eq!(read(&["\u{1}\u{fffd}", &"x\r".repeat(99)]), [unread]);
        let whole = r#"{"who":"anna"}"#;
        assert_eq!(read(&[whole, "a\u{7}b", "c"]), [format!("{unread}: a b"), "by anna".to_owned()]);
    }
}
