//! One line of the log, out of journalctl's JSON.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::model::names::Invocation;

/// One line of the log. A message may have several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When journald got it.
    pub time: Timestamp,
    /// Who said it: the app, or systemd about it.
    pub identifier: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// As syslog counts: 3 is an error, 6 is usual.
    pub priority: Option<u8>,
    /// The start of the unit that it belongs to.
    pub invocation: Option<Invocation>,
    /// What was said.
    pub message: String,
}

/// A line of `journalctl -o json`. Fields that journald has more than once are lists, those that are no text are bytes.
pub fn parsed(line: &str) -> Option<Line> {
    let fields: serde_json::Map<String, Value> = serde_json::from_str(line).ok()?;
    let text = |name: &str| fields.get(name).and_then(as_text);
    let micros: i64 = text("__REALTIME_TIMESTAMP")?.parse().ok()?;
    let invocation = ["INVOCATION_ID", "USER_INVOCATION_ID", "_SYSTEMD_INVOCATION_ID"];
    // systemd's own process has a start of its own; what it says is about another.
    Some(Line {
        time: Timestamp::from_microsecond(micros).ok()?,
        identifier: text("SYSLOG_IDENTIFIER").or_else(|| text("_COMM")),
        pid: text("_PID").and_then(|pid| pid.parse().ok()),
        priority: text("PRIORITY").and_then(|priority| priority.parse().ok()),
        invocation: invocation.iter().find_map(|name| text(name)?.parse().ok()),
        message: text("MESSAGE").unwrap_or_default(),
    })
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.iter().all(Value::is_u64) => {
            let bytes: Vec<u8> =
                items.iter().filter_map(Value::as_u64).filter_map(|byte| u8::try_from(byte).ok()).collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Array(items) => items.first().and_then(as_text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_journalctl_are_read() {
        let line = parsed(
        r#"{"__REALTIME_TIMESTAMP":"1795352585123456","MESSAGE":"hello","PRIORITY":"6","_PID":"42","SYSLOG_IDENTIFIER":"server","_SYSTEMD_INVOCATION_ID":"0123456789abcdef0123456789abcdef","__CURSOR":"s=1"}"#,
    )
    .unwrap();
        assert_eq!(line.time.to_string(), "2026-11-22T13:03:05.123456Z");
        assert_eq!((line.message.as_str(), line.pid, line.priority), ("hello", Some(42), Some(6)));
        assert_eq!(line.identifier.as_deref(), Some("server"));
        // systemd about the unit: its own start is another.
        let line = parsed(
        r#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":[104,255,27],"_SYSTEMD_INVOCATION_ID":"ffffffffffffffffffffffffffffffff","INVOCATION_ID":"0123456789abcdef0123456789abcdef","_COMM":["a","b"],"_PID":1}"#,
    )
    .unwrap();
        assert_eq!(line.invocation.unwrap().as_str(), "0123456789abcdef0123456789abcdef");
        assert_eq!((line.message.as_str(), line.identifier.as_deref()), ("h\u{fffd}\u{1b}", Some("a")));
        for odd in
            ["", "{", "[]", "{}", r#"{"__REALTIME_TIMESTAMP":"x"}"#, r#"{"__REALTIME_TIMESTAMP":null}"#]
        {
            assert_eq!(parsed(odd), None, "{odd}");
        }
    }
}
