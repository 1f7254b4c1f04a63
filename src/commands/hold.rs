//! `hold` and `unhold`: a person's "no deploys now", and its end.

use serde::Serialize;

use super::{Cx, flow};
use crate::cli::HoldArgs;
use crate::deploy::hold::{self, Answer, Verb};
use crate::model::event::Events;
use crate::model::failure::Outcome;
use crate::model::hold::Hold;
use crate::model::holder::Holder;
use crate::ui::json;
use crate::ui::style::{GOOD, ODD, PLAIN};
use crate::ui::table::{self, Cell};

/// Longer reasons are cut: they stand in error messages.
const LONGEST_REASON: usize = 300;

#[derive(Serialize)]
struct Said<'a> {
    version: u32,
    environment: &'a str,
    host: &'a str,
    changed: bool,
    held: &'a [Hold],
    before: &'a [Hold],
    running: Option<&'a Holder>,
    switched: bool,
}

/// Holds deploys.
pub async fn hold(cx: &Cx<'_>, args: &HoldArgs) -> Outcome<()> {
    let reason = reason(&args.reason.join(" "));
    let answer = ask(cx, Verb::Hold, reason.as_deref()).await?;
    let (host, zone) = (&cx.settings.host, cx.ui.zone());
    let newest = answer.now.last().map(|hold| hold.by(zone)).unwrap_or_default();
    let text = if answer.changed {
        format!("no deploys to {host} from now on, {newest}")
    } else {
        format!("no deploys to {host}, {newest}; nothing was changed")
    };
    say(cx, &answer, if answer.changed { "held:" } else { "held already:" }, &text)?;
    for earlier in answer.before.iter().filter(|hold| answer.changed && !answer.now.contains(hold)) {
        cx.ui.say(format!("in place of the hold {}", earlier.by(zone)));
    }
    for other in answer.now.iter().rev().skip(1) {
        cx.ui.say(format!("held as well {}", other.by(zone)));
    }
    if let Some(holder) =
        answer.running.as_ref().filter(|holder| matches!(holder.command.as_deref(), None | Some("deploy")))
    {
        let stopped = if answer.switched {
            "it has switched already, so it goes on to its end"
        } else {
            "it is refused before it switches"
        };
        cx.ui.warn(&format!("{}: {stopped}; to see it: {}", holder.text(zone), cx.ui.command("status")));
    }
    cx.ui.say(format!("when it is over: {}", cx.ui.command("unhold")));
    Ok(())
}

/// Lifts all holds.
pub async fn unhold(cx: &Cx<'_>) -> Outcome<()> {
    let answer = ask(cx, Verb::Unhold, None).await?;
    let host = &cx.settings.host;
    if answer.changed {
        say(cx, &answer, "lifted:", &format!("deploys to {host} are possible again"))?;
    } else {
        say(cx, &answer, "not held:", &format!("deploys to {host} were possible already"))?;
    }
    for hold in &answer.before {
        cx.ui.say(format!("they were held {}", hold.by(cx.ui.zone())));
    }
    Ok(())
}

async fn ask(cx: &Cx<'_>, verb: Verb, reason: Option<&str>) -> Outcome<Answer> {
    let (run, mut interrupts) = flow(cx, Events::channel().0, None)?;
    let answer = hold::ask(&run, verb, reason, &mut interrupts).await?;
    if answer.unwritten {
        cx.ui.warn("the server's journal has no line of this, because it could not be written");
    }
    Ok(answer)
}

fn say(cx: &Cx<'_>, answer: &Answer, word: &str, text: &str) -> Outcome<()> {
    let style = if answer.now.is_empty() { GOOD } else { ODD };
    let said = Said {
        version: json::VERSION,
        environment: cx.settings.environment.as_str(),
        host: cx.settings.host.as_str(),
        changed: answer.changed,
        held: &answer.now,
        before: &answer.before,
        running: answer.running.as_ref(),
        switched: answer.switched,
    };
    // The reason is what it is for: it is not cut off.
    let rows = [vec![Cell::new(style, word), Cell::new(PLAIN, text)]];
    cx.ui.answer_text(&table::lines(&rows, None), &said)
}

/// A reason on one line, and not endless; none where nothing was said.
pub fn reason(words: &str) -> Option<String> {
    let text: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().take(LONGEST_REASON).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(reason("the  database\n is moved\u{7}"), Some("the database is moved".to_owned()));
        assert_eq!(reason(" \n"), None);
        assert_eq!(reason(&"x".repeat(999)).map(|text| text.len()), Some(LONGEST_REASON));
    }
}
