//! Checks for people: in groups, aligned, each with what to type below it, so that the eye finds what is red.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::style::{BAD, FAINT, GOOD, NOW, ODD, STRONG, paint};
use super::text::{clean, clean_lines};
use crate::model::check::{Check, Status};

/// Before the text of a check: two blanks, the status, two blanks.
const BEFORE_NAME: usize = 11;
/// Text is wrapped to no less than this, however narrow the terminal is.
const NARROWEST: usize = 30;

/// The checks as lines. `columns` is the terminal's width, if it is one.
pub fn lines(checks: &[Check], columns: Option<usize>) -> String {
    let names = checks.iter().map(|check| check.name.width()).max().unwrap_or_default();
    let before = BEFORE_NAME + names + 2;
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(before).max(NARROWEST));
    let mut text = String::new();
    for group in checks.chunk_by(|one, other| one.group == other.group) {
        text += &format!("{}\n", paint(STRONG, group[0].group.word()));
        // What could not be looked at for one reason is said once.
        if group.len() > 1
            && group.iter().all(|check| check.status == Status::Skipped && check.text == group[0].text)
        {
            text +=
                &one(&Check { name: "all of it", ..group[0].clone() }, names.max("all of it".len()), room);
            continue;
        }
        for check in group {
            text += &one(check, names, room);
        }
    }
    text
}

fn one(check: &Check, names: usize, room: usize) -> String {
    let (style, word) = word(check.status);
    let name = check.name;
    let mut text = format!("  {}{}  {name}", paint(style, word), " ".repeat(7 - word.len()));
    let said = wrapped(&clean(&check.text.replace('\n', " ")), room);
    for (number, line) in said.iter().enumerate() {
        let blanks = if number == 0 { names - name.width() + 2 } else { BEFORE_NAME + names + 2 };
        text += &format!(
            "{}{}\n",
            " ".repeat(blanks),
            if style == FAINT { paint(FAINT, line) } else { line.clone() }
        );
    }
    // Not wrapped: what is to be pasted is one line for the shell, however many it takes on the screen.
    for hint in &check.hints {
        let hint = clean_lines(hint.trim_end()).join(&format!("\n{}", " ".repeat(BEFORE_NAME)));
        text += &format!("{}{} {hint}\n", " ".repeat(BEFORE_NAME), paint(NOW, "hint:"));
    }
    text
}

const fn word(status: Status) -> (Style, &'static str) {
    match status {
        Status::Ok => (GOOD, "ok"),
        Status::Note => (NOW, "note"),
        Status::Warning => (ODD, "warning"),
        Status::Failed => (BAD, "failed"),
        Status::Skipped => (FAINT, "skipped"),
    }
}

/// The text in lines of at most so many columns, where its blanks allow it; at least one line.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last].push_str(word);
        } else if lines[last].width() + 1 + word.width() <= room {
            lines[last].push(' ');
            lines[last].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;
    use crate::model::check::{Group, Remark};

    fn shown(columns: Option<usize>) -> String {
        let of = |group, name, remark| Check::of(group, name, remark, || "fine\u{1b}[2J".to_owned());
        let checks = [
            of(Group::Laptop, "nix", None),
            of(Group::Laptop, "flakes", Some(Remark::note("not enabled").hint("echo a >> b"))),
            of(
                Group::Server,
                "start limit",
                Some(
                    Remark::failed("deploy may not restart server.service on it").hint("a && b").hint("c\nd"),
                ),
            ),
            Check::skipped(Group::Server, "trust", "server/nix"),
            Check::skipped(Group::App, "unit", "server/systemd"),
            Check::skipped(Group::App, "type", "server/systemd"),
        ];
        anstream::adapter::strip_str(&lines(&checks, columns)).to_string()
    }

    #[test]
    fn what_failed_stands_out_with_what_mends_it() {
        assert_data_eq!(
            shown(None),
            str![[r#"
laptop
  ok       nix          fine
  note     flakes       not enabled
           hint: echo a >> b
server
  failed   start limit  deploy may not restart server.service on it
           hint: a && b
           hint: c
           d
  skipped  trust        not looked at, because `server/nix` failed
app
  skipped  all of it    not looked at, because `server/systemd` failed

"#]]
        );
        assert_data_eq!(
            shown(Some(56)),
            str![[r#"
laptop
  ok       nix          fine
  note     flakes       not enabled
           hint: echo a >> b
server
  failed   start limit  deploy may not restart
                        server.service on it
           hint: a && b
           hint: c
           d
  skipped  trust        not looked at, because
                        `server/nix` failed
app
  skipped  all of it    not looked at, because
                        `server/systemd` failed

"#]]
        );
    }
}
