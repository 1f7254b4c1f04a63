//! A workflow that is there already, beside the one that would be written. Pure.

/// What a line has before the action that it names.
const USES: &str = "uses: ";
/// What stands for an owner that nobody filled in.
const PLACEHOLDER: &str = "uses: OWNER/";
/// How each workflow of `init` begins.
const WRITTEN: &str = "# Written by `shipit init --github`.";
/// So many lines of a difference are shown.
const SHOWN: usize = 10;

/// How it differs.
#[derive(Debug, PartialEq, Eq)]
pub enum Difference {
    /// In nothing but the lines that name shipit's action: each as it is there.
    Action(Vec<String>),
    /// In these, each behind a `-` where it is there alone, and a `+` where it would be written.
    Lines(Vec<String>),
}

impl Difference {
    /// Somebody filled in which shipit runs.
    pub fn is_filled_in(&self) -> bool {
        matches!(self, Difference::Action(lines) if !lines.iter().any(|line| line.starts_with(PLACEHOLDER)))
    }
}

/// A workflow that `init` wrote for the same app deploys each push to the same branch.
pub fn deploys_too(there: &str, new: &str) -> bool {
    let first = |text: &str| text.lines().next().is_some_and(|line| line.starts_with(WRITTEN));
    let line = |text: &str, key: &str| {
        text.lines().find(|line| line.trim_start().starts_with(key)).map(|line| line.trim().to_owned())
    };
    let same = |key: &str| line(there, key) == line(new, key);
    first(there) && line(there, "branches: ").is_some() && same("branches: ") && same("working-directory: ")
}

/// Compares what is there with what would be written, whose lines for shipit's own action name `action`.
pub fn difference(there: &str, new: &str, action: &str) -> Difference {
    match actions(there, new, action) {
        Some(lines) => Difference::Action(lines),
        None => Difference::Lines(lines(there, new)),
    }
}

fn actions(there: &str, new: &str, action: &str) -> Option<Vec<String>> {
    if there.lines().count() != new.lines().count() {
        return None;
    }
    let mut found = Vec::new();
    for (there, new) in there.lines().zip(new.lines()) {
        if there == new {
            continue;
        }
        let ((before, named), (other, _)) = (new.split_once(USES)?, there.split_once(USES)?);
        if named != action || other != before {
            return None;
        }
        let line = there[before.len()..].trim_end().to_owned();
        if !found.contains(&line) {
            found.push(line);
        }
    }
    Some(found)
}

/// Lines that only one of them has; a line that was only moved is in neither list.
fn lines(there: &str, new: &str) -> Vec<String> {
    let only = |mark: char, of: &str, other: &str| -> Vec<String> {
        let missing = of.lines().filter(|line| !other.lines().any(|it| it == *line));
        missing.map(|line| format!("{mark} {line}")).collect()
    };
    let all = [only('-', there, new), only('+', new, there)].concat();
    let more = all.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = all.into_iter().take(SHOWN).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "on: push\n  - uses: actions/checkout@1\n  - id: s\n    uses: me/shipit@abc\n";

    #[test]
    fn only_the_lines_of_the_action_differ() {
        let there = NEW.replace("me/shipit@abc", "OWNER/shipit@v1");
        let found = difference(&there, NEW, "me/shipit@abc");
        assert_eq!(found, Difference::Action(vec!["uses: OWNER/shipit@v1".to_owned()]));
        assert!(!found.is_filled_in());
        assert!(difference(&NEW.replace("abc", "v2 # mine"), NEW, "me/shipit@abc").is_filled_in());
        assert_eq!(difference(NEW, NEW, "me/shipit@abc"), Difference::Action(Vec::new()));
    }

    #[test]
    fn other_lines_are_shown() {
        let shown = |there: &str| match difference(there, NEW, "me/shipit@abc") {
            Difference::Lines(lines) => lines,
            Difference::Action(lines) => panic!("{lines:?}"),
        };
        let checkout = NEW.replace("checkout@1", "checkout@2");
        assert_eq!(shown(&checkout), ["-   - uses: actions/checkout@2", "+   - uses: actions/checkout@1"]);
        assert_eq!(shown(&format!("{NEW}# mine\n")), ["- # mine"]);
        assert_eq!(shown(&NEW.replace("    uses: me", "    run: me")).len(), 2);
        let long: String = (0..12).map(|n| format!("{n}\n")).collect();
        assert_eq!(shown(&format!("{NEW}{long}")).last().map(String::as_str), Some("and 2 more"));
    }

    #[test]
    fn another_environment_may_have_the_same_branch() {
        let text = |branch: &str, folder: &str| {
            format!("{WRITTEN}\non:\n  push:\n    branches: [{branch}]\n{folder}")
        };
        let new = text("main", "");
        assert!(deploys_too(&text("main", ""), &new));
        for other in [
            text("staging", ""),
            text("main", "          working-directory: apps/web\n"),
            text("main", "").replace(WRITTEN, "# Mine"),
            new.replace("branches:", "tags:"),
        ] {
            assert!(!deploys_too(&other, &new), "{other}");
        }
    }
}
