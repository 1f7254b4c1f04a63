//! `logs`: the unit's lines.

use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::{Cx, flow};
use crate::cli::LogsArgs;
use crate::deploy::log::{self, End, Line, Request};
use crate::model::event::Events;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::ui::json;
use crate::ui::style::{BAD, FAINT, ODD, PLAIN, paint};
use crate::ui::text::clean_lines;

/// How many lines are shown where nothing says how many.
const USUAL: u32 = 100;

#[derive(Serialize)]
struct Said<'a> {
    version: u32,
    #[serde(flatten)]
    line: &'a Line,
}

/// Runs it.
pub async fn run(cx: &Cx<'_>, args: &LogsArgs) -> Outcome<u8> {
    let (events, receiver) = Events::channel();
    let (run, mut interrupts) = flow(cx, events, None)?;
    let now = Zoned::new(Timestamp::now(), cx.ui.zone().clone());
    let since = args.since.as_ref().map(|since| since.for_journalctl(&now)).transpose();
    let request = Request {
        lines: args.lines.or(args.since.is_none().then_some(USUAL)),
        since: since.map_err(|why| Failure::msg(Kind::Usage, why).hint(cx.ui.command("logs --help")))?,
        release: args.release.as_deref(),
        follow: args.follow,
    };
    let on_line = |line: &Line| cx.ui.answer_line(&text(line, cx), &Said { version: json::VERSION, line });
    let end = cx.ui.attend(receiver, log::read(&run, &request, &mut interrupts, on_line)).await?;
    match end {
        End::Stopped(wish) => return Ok(wish.kind().exit_code()),
        End::Told(0) if args.release.is_none() => {
            let (unit, host) = (&cx.settings.unit, &cx.settings.host);
            let since = if args.since.is_some() { " since then" } else { "" };
            cx.ui.say(format!("the log of {unit} on {host} has no lines{since}"));
        }
        End::Told(_) | End::Unread => {}
    }
    Ok(0)
}

/// `2026-11-22 14:03:05 server[42]: text`; a further line of a message stands below its first.
fn text(line: &Line, cx: &Cx<'_>) -> String {
    let time = line.time.to_zoned(cx.ui.zone().clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let who = match (&line.identifier, line.pid) {
        (Some(name), Some(pid)) => format!(" {name}[{pid}]:"),
        (Some(name), None) => format!(" {name}:"),
        _ => String::new(),
    };
    let head: String = clean_lines(&format!("{time}{who}")).join(" ");
    let style = match line.priority {
        Some(0..=3) => BAD,
        Some(4) => ODD,
        _ => PLAIN,
    };
    let mut text = String::new();
    for (number, said) in clean_lines(line.message.trim_end_matches('\n')).iter().enumerate() {
        let lead = if number == 0 { paint(FAINT, &head) } else { " ".repeat(head.chars().count()) };
        text += format!("{lead} {}", paint(style, said)).trim_end();
        text.push('\n');
    }
    text
}
