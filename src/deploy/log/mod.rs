//! The unit's log: the lines that journald has, the last ones or as they come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use crate::deploy::run::Run;
use crate::deploy::server::connect::{connect, ssh_failure};
use crate::deploy::server::mend;
use crate::deploy::server::state::Look;
use crate::deploy::words;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::remote::{self, Script};
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::Connection;
use line::parsed;
use release::{named, seconds, spans};

mod line;
mod release;

pub use line::Line;

/// How often the server is told that somebody still reads.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long it goes on without that.
const SILENCE: Duration = Duration::from_secs(45);
/// How long a log may take to come that is not followed.
const LONGEST: Duration = Duration::from_secs(60 * 60);

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
    let mut wish = None;
    let stopped = |came: Wish| {
        wish = Some(came);
        Failure::msg(came.kind(), came.reason())
    };
    match (wishes.or_stop(work, stopped).await, wish) {
        // The usual end of it.
        (Err(_), Some(wish)) if request.follow => Ok(End::Stopped(wish)),
        (ended, _) => ended,
    }
}

async fn over(
    run: &Run<'_>,
    request: &Request<'_>,
    connection: &Connection,
    mut on_line: impl FnMut(&Line) -> Outcome<bool>,
) -> Outcome<End> {
    let settings = run.settings;
    let state = run.look(connection, Look::default()).await?;
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
