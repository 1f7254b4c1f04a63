//! The unit's log: the lines that journald has, the last ones or as they come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use super::run::Run;
use super::server::connect::{connect, ssh_failure};
use super::server::mend;
use super::words;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{Invocation, ReleaseId};
use crate::model::retention::{self, NoPick};
use crate::model::server::ServerState;
use crate::model::starts::{self, Span, Start};
use crate::remote::{self, Script};
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::Connection;

/// How often the server is told that somebody still reads.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long it goes on without that.
const SILENCE: Duration = Duration::from_secs(45);
/// How long a log may take to come that is not followed.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Of a unit that was started more often, the newest starts are looked at.
const MOST_STARTS: u32 = 20_000;

/// What the command line asks for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The last so many lines; none: all.
    pub lines: Option<u32>,
    /// As journalctl takes it.
    pub since: Option<String>,
    /// Only what this release said.
    pub release: Option<&'a str>,
    /// Go on with what comes.
    pub follow: bool,
}

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

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All was told: so many lines.
    Told(u64),
    /// The reader of it went away.
    Unread,
    /// The user ended the following.
    Stopped(Wish),
}

/// Reads. `on_line`: false ends it, because nobody listens any more.
///
/// # Errors
/// [`Kind::NotReady`] where the log may not be read, [`Kind::ContactLost`] when the lines break off.
pub async fn read(
    run: &Run<'_>,
    request: &Request<'_>,
    interrupts: &mut Interrupts,
    on_line: impl FnMut(&Line) -> Outcome<bool>,
) -> Outcome<End> {
    let mut wishes = interrupts.clone();
    let work = async {
        let connection = connect(&run.options).await?;
        let ended = over(run, request, &connection, on_line).await;
        connection.close().await;
        ended
    };
    tokio::select! {
        ended = work => ended,
        wish = wishes.more_than(0) => match request.follow {
            // The usual end of it.
            true => Ok(End::Stopped(wish)),
            false => Err(Failure::msg(wish.kind(), wish.reason())),
        }
    }
}

async fn over(
    run: &Run<'_>,
    request: &Request<'_>,
    connection: &Connection,
    mut on_line: impl FnMut(&Line) -> Outcome<bool>,
) -> Outcome<End> {
    let settings = run.settings;
    let state = run.look(connection, false).await?;
    if !state.may_read_journal {
        let (user, unit, host) = (&state.user, &settings.unit, &settings.host);
        return Err(Failure::msg(Kind::NotReady, format!("{user} may not read the log of {unit} on {host}"))
            .hint(mend::journal_group(settings, &state)));
    }
    let mut words = vec![
        format!("control={}", words::control(&state)),
        format!("unit={}", settings.unit),
        format!("silence={}", SILENCE.as_secs()),
    ];
    if let Some(name) = request.release {
        let release = named(run, &state, name)?;
        let spans = spans(run, connection, &words, &state, &release).await?;
        if spans.is_empty() {
            run.events.warn(format!("the log has no start of {} with {}", settings.unit, release.short()));
            return Ok(End::Told(0));
        }
        words.extend(
            spans.iter().map(|span| {
                format!("span={},{}", seconds(span.from), span.to.map(seconds).unwrap_or_default())
            }),
        );
    }
    let several = request.release.is_some();
    words.extend(request.lines.map(|lines| format!("count={lines}")));
    words.extend(request.since.as_ref().map(|since| format!("since={since}")));
    if request.follow {
        words.push("follow=yes".to_owned());
    }
    // Each part has so many lines: the last of all of them are wanted.
    let mut last: VecDeque<Line> = VecDeque::new();
    let most = request.lines.filter(|_| several).map(|lines| lines as usize);
    let (mut told, mut unread) = (0, false);
    listen(run, connection, &words, request.follow, |line| {
        if let Some(most) = most {
            last.push_back(line);
            if last.len() > most {
                last.pop_front();
            }
            return Ok(true);
        }
        told += 1;
        unread = !on_line(&line)?;
        Ok(!unread)
    })
    .await?;
    for line in &last {
        told += 1;
        if !on_line(line)? {
            unread = true;
            break;
        }
    }
    Ok(if unread { End::Unread } else { End::Told(told) })
}

fn named(run: &Run<'_>, state: &ServerState, name: &str) -> Outcome<ReleaseId> {
    let there: Vec<ReleaseId> = state.releases.iter().map(|(release, _)| release.clone()).collect();
    match retention::named(&state.history, &there, name) {
        Ok(release) => Ok(release),
        // The log has its lines all the same.
        Err(NoPick::Gone(release)) => Ok(release),
        Err(why) => Err(Failure::msg(Kind::Usage, format!("{}: {why}", run.settings.host))
            .hint(format!("which ones there are: {}", run.command("releases")))),
    }
}

/// The parts of the log that a release wrote.
async fn spans(
    run: &Run<'_>,
    connection: &Connection,
    common: &[String],
    state: &ServerState,
    release: &ReleaseId,
) -> Outcome<Vec<Span>> {
    let words = [common, &["what=starts".to_owned(), format!("count={MOST_STARTS}")]].concat();
    let mut found: Vec<Start> = Vec::new();
    listen(run, connection, &words, false, |line| {
        if let Some(invocation) = line.invocation
            && !found.iter().rev().take(20).any(|start| start.invocation == invocation)
        {
            found.push(Start {
                invocation,
                at: u64::try_from(line.time.as_microsecond()).unwrap_or_default(),
            });
        }
        Ok(true)
    })
    .await?;
    Ok(starts::spans(&state.history, &found, release))
}

/// Hears a log to its end. What is warned of is told by the way.
async fn listen(
    run: &Run<'_>,
    connection: &Connection,
    words: &[String],
    follow: bool,
    mut on_line: impl FnMut(Line) -> Outcome<bool>,
) -> Outcome<()> {
    let settings = run.settings;
    let mut talk = connection.talk(Script::ReadLog, words).await.map_err(ssh_failure)?;
    let mut beats = interval(HEARTBEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let until = Instant::now() + LONGEST;
    let (mut begun, mut ended, mut failed) = (false, false, None);
    let mut last: Option<Timestamp> = None;
    loop {
        let line = tokio::select! {
            line = talk.next_of_any() => line,
            _ = beats.tick() => {
                // A connection that is gone shows itself as the end of the lines.
                let _ = talk.say("beat").await;
                if !follow && Instant::now() > until { None } else { continue }
            }
        };
        let Some(line) = line else { break };
        match remote::parse(&line) {
            Some(("lines", "")) => begun = true,
            Some(("end", "")) => ended = true,
            Some(("failed", rest)) => failed = Some(rest.to_owned()),
            Some(("elsewhere", text)) => {
                run.events.warn(format!("the unit says {text}, so what it writes there is not in this log"))
            }
            Some(_) => {}
            None if begun => {
                if let Some(line) = parsed(&line) {
                    last = Some(line.time);
                    if !on_line(line)? {
                        return Ok(());
                    }
                }
            }
            None => {}
        }
    }
    let again = |text: Failure| {
        let since = last
            .map(|time| time.to_zoned(run.zone.clone()).strftime(" --since '%Y-%m-%d %H:%M:%S'").to_string());
        let follow = if follow { " -f" } else { "" };
        text.hint(format!("to go on: {}", run.command(&format!("logs{follow}{}", since.unwrap_or_default()))))
    };
    match failed {
        Some(said) => {
            let (code, text) = said.split_once(' ').unwrap_or((&said, ""));
            let why = format!("journalctl on {} ended with code {code}: {text}", settings.host);
            Err(again(Failure::msg(Kind::NotReady, why)))
        }
        None if ended => Ok(()),
        None => Err(again(Failure::msg(
            Kind::ContactLost,
            format!("the connection to {} was lost; the log goes on there", settings.host),
        ))),
    }
}

/// Seconds, as journalctl takes them.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// A line of `journalctl -o json`. Fields that journald has more than once are lists, those that are no text are bytes.
fn parsed(line: &str) -> Option<Line> {
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

    #[test]
    fn a_moment_keeps_its_microseconds() {
        assert_eq!(seconds(1_795_352_585_000_007), "1795352585.000007");
    }
}
