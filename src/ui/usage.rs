//! Wrong words on the command line, as clap explains them, in the voice of all other failures.

use std::io;

use clap::error::ErrorKind;

use super::github::{self, GitHub};
use super::streams::{Streams, To};
use super::style::{BAD, NOW, paint};
use crate::model::runner::Runner;
use crate::model::secret::private_key;

/// Said in place of all words of the command line, one of which is such a key.
const SECRET: &str = "this looks like a private key, which is not shown: --host-key takes the server's public one, \
                      as in /etc/ssh/ssh_host_ed25519_key.pub there";

/// Shows it; help and the version, which are answers, on stdout. A screen that is gone is nobody's failure. `runner`: it
/// is GitHub's.
pub fn show(error: &clap::Error, runner: Option<&Runner>) {
    let (out, err) = (anstream::AutoStream::auto(io::stdout()), anstream::AutoStream::auto(io::stderr()));
    let mut streams = Streams::of(out, err);
    streams.inert = runner.is_some();
    say(error, &mut streams, runner);
}

fn say(error: &clap::Error, streams: &mut Streams, runner: Option<&Runner>) {
    let text = text(error);
    if !error.use_stderr() {
        return streams.write(To::Out, &text);
    }
    streams.write(To::Err, &text);
    if let Some(runner) = runner {
        let plain = anstream::adapter::strip_str(&text).to_string();
        let mut lines = plain.lines();
        let mut why = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        // The nearest word that there is. The hint on `--help` comes last, and is in the log.
        let nearest = lines.filter(|line| line.starts_with("hint: ") && !line.contains("--help"));
        why.extend(nearest.map(|hint| format!("\n{hint}")));
        let (annotation, left) = github::wrong_words(runner, &why);
        streams.command(&annotation);
        if let Err(unwritten) = left {
            streams.command(&GitHub::warning(&unwritten.to_string()));
        }
    }
}

fn text(error: &clap::Error) -> String {
    let said = error.render().ansi().to_string();
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return said;
    }
    if private_key(&said).is_some() {
        return format!("{} {SECRET}\n", paint(BAD, "error:"));
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

    use super::super::tests::Written;
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
    fn a_private_key_is_not_repeated() {
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n";
        // As the action gives it, and as one types it.
        let one_word = format!("--host-key={}", key.replace('\n', ""));
        for words in [
            &["status", &one_word][..],
            &["status", "--host-key", key],
            &["--host-key", &key[36..], "status"],
        ] {
            let error = Cli::try_parse_from(std::iter::once(&"shipit").chain(words)).unwrap_err();
            let shown = anstream::adapter::strip_str(&text(&error)).to_string();
            assert!(shown.starts_with("error: this looks like a private key"), "{shown}");
            assert!(!shown.contains("b3Bl") && !shown.contains("BEGIN"), "{shown}");
        }
    }

    #[test]
    fn a_runner_is_told_of_wrong_words_too() {
        let folder = tempfile::tempdir().unwrap();
        let runner = Runner { output: Some(folder.path().join("output")), ..Runner::default() };
        let (out, err) = (Written::default(), Written::default());
        let mut streams = Streams::of(out.clone(), err.clone());
        let error = Cli::try_parse_from(["shipit", "depoly"]).unwrap_err();
        say(&error, &mut streams, Some(&runner));
        let said = err.text();
        assert!(
            said.ends_with(
                "\n::error title=shipit%3A usage::unrecognized subcommand 'depoly'%0A\
                 hint: a similar subcommand exists: 'deploy'\n"
            ),
            "{said}"
        );
        let error = Cli::try_parse_from(["shipit", "deploy", "--wiat", "5m"]).unwrap_err();
        say(&error, &mut streams, Some(&Runner::default()));
        let said = err.text();
        let hint = "unexpected argument '--wiat' found%0Ahint: a similar argument exists: '--wait'\n";
        assert!(said.ends_with(hint), "{said}");
        let left = std::fs::read_to_string(runner.output.as_ref().unwrap()).unwrap();
        assert_eq!((left.as_str(), out.text().as_str()), ("outcome=usage\n", ""));
        // Help is an answer.
        say(&Cli::try_parse_from(["shipit", "--help"]).unwrap_err(), &mut streams, Some(&runner));
        assert_eq!(std::fs::read_to_string(runner.output.unwrap()).unwrap(), left);
    }

    #[test]
    fn help_and_version_stay_as_they_are() {
        let error = Cli::try_parse_from(["shipit", "--version"]).unwrap_err();
        assert!(text(&error).starts_with("shipit 0."));
        let error = Cli::try_parse_from(["shipit"]).unwrap_err();
        assert!(text(&error).contains("Usage:") && !text(&error).contains("hint:"));
    }
}
