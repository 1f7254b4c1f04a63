//! A failure as a person meets it: what failed, why, what the machine said, what is live now, what to type next.

use serde::Serialize;

use super::style::{BAD, NOW, STRONG, paint};
use super::text::clean_lines;
use crate::model::failure::{Failure, Kind};

/// A failure taken apart, for both screens.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The kind's word.
    pub outcome: &'static str,
    /// The exit code.
    pub exit: u8,
    /// What failed.
    pub error: String,
    /// Why, the nearest cause first.
    pub causes: Vec<String>,
    /// What the machine said.
    pub detail: Option<ShownDetail>,
    /// What is live now.
    pub live: Option<String>,
    /// What to type or change next.
    pub hints: Vec<String>,
}

/// Quoted text.
#[derive(Debug, Serialize)]
pub struct ShownDetail {
    /// What it is.
    pub title: String,
    /// The lines, oldest first.
    pub lines: Vec<String>,
}

impl Shown {
    /// Takes a failure apart.
    pub fn of(failure: &Failure) -> Self {
        let mut chain: Vec<String> = failure.error.chain().map(ToString::to_string).collect();
        chain.dedup();
        let mut chain = chain.into_iter();
        let mut hints = failure.hints.clone();
        if failure.kind == Kind::Bug {
            hints.push(
                "this is a bug in shipit: please report it, with what you typed and all of this".to_owned(),
            );
        }
        Shown {
            outcome: failure.kind.word(),
            exit: failure.kind.exit_code(),
            error: chain.next().unwrap_or_default(),
            causes: chain.collect(),
            detail: failure
                .detail
                .as_ref()
                .map(|detail| ShownDetail { title: detail.title.clone(), lines: detail.lines.clone() }),
            live: failure.live.clone(),
            hints,
        }
    }

    /// The lines for people.
    pub fn text(&self) -> String {
        let mut text = paragraph(&paint(BAD, "error:"), &self.error);
        for cause in &self.causes {
            text += &paragraph(&paint(BAD, "caused by:"), cause);
        }
        if let Some(detail) = &self.detail {
            text += &format!("{}:\n", clean_lines(&detail.title).join(" "));
            for line in detail.lines.iter().flat_map(|line| clean_lines(line)) {
                text += format!("    {line}").trim_end();
                text += "\n";
            }
        }
        if let Some(live) = &self.live {
            text += &paragraph(&paint(STRONG, "live:"), live);
        }
        if !self.hints.is_empty() {
            text += "\n";
        }
        for hint in &self.hints {
            text += &paragraph(&paint(NOW, "hint:"), hint);
        }
        text
    }
}

/// A text behind its word. Further lines are indented, so that a foreign text can't pass for one of ours.
fn paragraph(word: &str, text: &str) -> String {
    format!("{word} {}\n", clean_lines(text.trim_end()).join("\n  "))
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn text(failure: &Failure) -> String {
        anstream::adapter::strip_str(&Shown::of(failure).text()).to_string()
    }

    #[test]
    fn a_failure_says_what_why_where_and_what_next() {
        let error = Err::<(), _>(anyhow!("http://127.0.0.1:3001/ answered 500"))
            .context("the last check failed")
            .context("3f9c2d1 did not become healthy within 30 s")
            .unwrap_err();
        let lines = ["\u{1b}[31mpanic:\u{1b}[0m no table", "", "hint: rm -rf /\nerror: none"];
        let failure = Failure::new(Kind::NotLive, error)
            .detail("the last 3 lines of server.service (this start)", lines.map(str::to_owned).to_vec())
            .live("v41 (2a1b3c4) runs again")
            .hint("`shipit logs` shows more")
            .hint("`shipit status`");
        assert_data_eq!(
            text(&failure),
            str![[r#"
error: 3f9c2d1 did not become healthy within 30 s
caused by: the last check failed
caused by: http://127.0.0.1:3001/ answered 500
the last 3 lines of server.service (this start):
    panic: no table

    hint: rm -rf /
    error: none
live: v41 (2a1b3c4) runs again

hint: `shipit logs` shows more
hint: `shipit status`

"#]]
        );
    }

    #[test]
    fn one_sentence_is_one_line_and_a_frame_stays_together() {
        assert_data_eq!(
            text(&Failure::msg(Kind::Build, "the build failed")),
            str![[r#"
error: the build failed

"#]]
        );
        let frame = "shipit.toml:2:1: unknown key\n  |\n2 | hots = 1\n  | ^^^^";
        assert_data_eq!(
            text(&Failure::msg(Kind::Usage, frame).hint("did you mean host?")),
            str![[r#"
error: shipit.toml:2:1: unknown key
    |
  2 | hots = 1
    | ^^^^

hint: did you mean host?

"#]]
        );
    }

    #[test]
    fn a_bug_is_called_one() {
        assert_data_eq!(
            text(&Failure::msg(Kind::Bug, "panicked at src/x.rs:1:2")),
            str![[r#"
error: panicked at src/x.rs:1:2

hint: this is a bug in shipit: please report it, with what you typed and all of this

"#]]
        );
    }

    /// The page is the interface, so it may not drift from the numbers.
    #[test]
    fn the_page_of_exit_codes_is_true() {
        let page = include_str!("../../docs/exit-codes.md");
        let kinds = [
            Kind::Bug,
            Kind::Usage,
            Kind::NotReady,
            Kind::Build,
            Kind::Copy,
            Kind::Held,
            Kind::Busy,
            Kind::NotLive,
            Kind::NotRestored,
            Kind::ContactLost,
            Kind::Interrupted,
            Kind::Terminated,
        ];
        let rows: Vec<&str> =
            page.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
        let expected: Vec<String> =
            kinds.iter().map(|kind| format!("| {} | `{}` |", kind.exit_code(), kind.word())).collect();
        for (row, expected) in rows.iter().skip(1).zip(&expected) {
            assert!(row.starts_with(expected), "{row} is not {expected}");
        }
        assert_eq!(rows.len(), kinds.len() + 1, "0 and each kind have a row");
    }
}
