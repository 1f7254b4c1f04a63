//! Wrong words on the command line, as clap explains them, in the voice of all other failures.

use std::io;

use clap::error::ErrorKind;

use super::streams::{Streams, To};
use super::style::{NOW, paint};

/// Shows it; help and the version, which are answers, on stdout. A screen that is gone is nobody's failure.
pub fn show(error: &clap::Error) {
    let (out, err) = (anstream::AutoStream::auto(io::stdout()), anstream::AutoStream::auto(io::stderr()));
    let to = if error.use_stderr() { To::Err } else { To::Out };
    Streams::of(out, err).write(to, &text(error));
}

fn text(error: &clap::Error) -> String {
    let said = error.render().ansi().to_string();
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return said;
    }
    // Nothing here is ever a value that looks like an option.
    said.lines()
        .filter(|line| !line.contains("as a value, use"))
        .map(|line| in_our_words(line) + "\n")
        .collect()
}

/// clap's tips are what is a hint everywhere else.
fn in_our_words(line: &str) -> String {
    if line.starts_with("For more information") {
        return format!("{} `--help` shows all words, and examples", paint(NOW, "hint:"));
    }
    match line.split_once("tip:") {
        Some((before, tip)) if anstream::adapter::strip_str(before).to_string().trim().is_empty() => {
            paint(NOW, "hint:") + tip.trim_start_matches("\u{1b}[0m")
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use snapbox::{assert_data_eq, str};

    use super::*;
    use crate::cli::Cli;

    fn shown(words: &str) -> String {
        let typed = std::iter::once("shipit").chain(words.split_whitespace());
        let text = text(&Cli::try_parse_from(typed).unwrap_err());
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_misspelt_command_or_option_gets_the_nearest_one() {
        assert_data_eq!(
            shown("rollbak"),
            str![[r#"
error: unrecognized subcommand 'rollbak'

hint: a similar subcommand exists: 'rollback'

Usage: shipit [OPTIONS] <COMMAND>

hint: `--help` shows all words, and examples

"#]]
        );
        assert_data_eq!(
            shown("deploy --allow-dirt"),
            str![[r#"
error: unexpected argument '--allow-dirt' found

hint: a similar argument exists: '--allow-dirty'

Usage: shipit deploy --allow-dirty [REV]

hint: `--help` shows all words, and examples

"#]]
        );
        for (typed, meant) in [
            ("stauts", "'status'"),
            ("depoly", "'deploy'"),
            ("release", "'releases'"),
            ("unhol", "'unhold'"),
            ("log", "'logs'"),
        ] {
            let shown = shown(typed);
            assert!(shown.contains("\nhint: ") && shown.contains(meant), "{shown}");
        }
        assert!(!shown("deploy a b").contains("tip:"));
    }

    #[test]
    fn help_and_version_stay_as_they_are() {
        let error = Cli::try_parse_from(["shipit", "--version"]).unwrap_err();
        assert!(text(&error).starts_with("shipit 0."));
        let error = Cli::try_parse_from(["shipit"]).unwrap_err();
        assert!(text(&error).contains("Usage:") && !text(&error).contains("hint:"));
    }
}
