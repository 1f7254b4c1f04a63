use std::time::Duration;

use clap::CommandFactory;
use snapbox::{assert_data_eq, str};

use super::*;

fn parse(words: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("shipit").chain(words.split_whitespace()))
}

fn refused(words: &str) -> String {
    let error = parse(words).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{words}");
    error.to_string()
}

#[test]
fn the_words_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_a_help_with_an_example() {
    for command in Cli::command().get_subcommands_mut() {
        let name = command.get_name().to_owned();
        let help = command.render_long_help().to_string();
        assert!(help.contains(&format!("Examples:\n  shipit {name}")), "{name}: {help}");
        assert!(command.get_long_about().is_some(), "{name} has one line only");
    }
}

/// docs/commands.md: what `--help` says of each command, without what is the same for all.
#[test]
fn the_page_of_commands_is_what_the_program_says() {
    let mut whole = Cli::command();
    whole.build();
    let mut page = String::from(
        "# Commands\n\nAs `shipit COMMAND --help` has it. The options of every command come first.\n\n",
    );
    let mut section = |title: &str, help: String| {
        let help: Vec<&str> = help.trim().lines().map(str::trim_end).collect();
        page += &format!("## {title}\n\n```text\n{}\n```\n\n", help.join("\n"));
    };
    section("shipit", whole.clone().render_help().to_string());
    for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
        let own = command.clone().mut_args(|arg| {
            let common = arg.is_global_set() || arg.get_id() == "help";
            arg.hide(common)
        });
        section(&format!("shipit {}", command.get_name()), own.clone().render_long_help().to_string());
    }
    assert_data_eq!(page.trim_end().to_owned() + "\n", snapbox::file!["../../docs/commands.md"]);
}

#[test]
fn every_example_can_be_typed() {
    let mut whole = Cli::command();
    let mut helps = vec![whole.render_help().to_string()];
    helps.extend(whole.get_subcommands_mut().map(|command| command.render_help().to_string()));
    let mut tried = 0;
    for line in helps.iter().flat_map(|help| help.lines()) {
        let Some(words) = line.strip_prefix("  shipit ") else { continue };
        let words = words.split("  ").next().unwrap_or_default().split(['|', '>']).next().unwrap_or_default();
        let words = shlex::split(words).expect("closed quotes");
        let typed = std::iter::once("shipit".to_owned()).chain(words);
        Cli::try_parse_from(typed).unwrap_or_else(|error| panic!("{line}: {error}"));
        tried += 1;
    }
    assert!(tried >= 12, "{tried}");
}

#[test]
fn global_options_stand_anywhere() {
    for words in ["-e staging -C a -c f -vv --json deploy", "deploy -e staging -C a -c f -v -v --json"] {
        let Global { environment, directory, config, host_key, verbose, quiet, color, json } =
            parse(words).unwrap().global;
        assert_eq!(host_key, None);
        assert_eq!(environment.as_deref(), Some("staging"));
        assert_eq!(directory, Some(PathBuf::from("a")));
        assert_eq!(config, Some(PathBuf::from("f")));
        assert_eq!((verbose, quiet, color, json), (2, false, ColorChoice::Auto, true));
    }
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2dW0rSzjv3hvzJ7Tj2CQ4iMaoYtFMUIk7j4sVOnPl1";
    let words = ["shipit", "status", "--host-key", &format!("{key} root@server")];
    assert_eq!(Cli::try_parse_from(words).unwrap().global.host_key.as_deref(), Some(key));
    let wrong = Cli::try_parse_from(["shipit", "--host-key", "AAAA", "status"]).unwrap_err().to_string();
    assert!(wrong.contains("for '--host-key <KEY>': the host key is not two words"), "{wrong}");
    assert_eq!(parse("status --color never").unwrap().global.color, ColorChoice::Never);
}

#[test]
fn the_commands_take_their_words() {
    let Command::Deploy(args) = parse("deploy v1.4.0 --dry-run --wait 1m30s").unwrap().command else {
        panic!()
    };
    assert_eq!((args.rev.as_deref(), args.allow_dirty, args.dry_run), (Some("v1.4.0"), false, true));
    assert_eq!(args.lock.wait, Some(Duration::from_secs(90)));
    let Command::Rollback(args) = parse("rollback").unwrap().command else { panic!() };
    assert_eq!((args.release, args.lock.wait, args.hold), (None, None, None));
    // What stands behind --hold is the release.
    let Command::Rollback(args) = parse("rollback --hold v41").unwrap().command else { panic!() };
    assert_eq!((args.release.as_deref(), args.hold.as_deref()), (Some("v41"), Some("")));
    let Command::Rollback(args) = parse("rollback --hold=why").unwrap().command else { panic!() };
    assert_eq!((args.release, args.hold.as_deref()), (None, Some("why")));
    let Command::Hold(args) = parse("hold the disk is full").unwrap().command else { panic!() };
    assert_eq!(args.reason.join(" "), "the disk is full");
    assert!(matches!(parse("releases").unwrap().command, Command::Releases));
    assert!(matches!(parse("status").unwrap().command, Command::Status));
    assert!(matches!(parse("doctor").unwrap().command, Command::Doctor));
}

#[test]
fn wrong_words_are_usage_errors() {
    for words in [
        "",
        "launch",
        "deploy a b",
        "deploy -x",
        "deploy --output=x",
        "status now",
        "doctor now",
        "unhold now",
        "releases --wait 1m",
        "status --wait 1m",
        "deploy --wait",
        "deploy --color sometimes",
        "deploy v1 --allow-dirty",
        "setup --yes --dry-run",
        "setup --user a:b",
        "setup --env A",
        "setup --env 1A=b",
        "setup --env A=b --unit x",
    ] {
        refused(words);
    }
    assert!(Cli::try_parse_from(["shipit", "deploy", ""]).is_err(), "an unset variable of a script");
    assert_data_eq!(
        refused("status -v -q"),
        str![[r#"
error: the argument '--verbose...' cannot be used with '--quiet'

Usage: shipit status --verbose...

For more information, try '--help'.

"#]]
    );
    assert_data_eq!(
        refused("deploy --wait 10"),
        str![[r#"
error: invalid value '10' for '--wait <DURATION>': "10" is not a duration such as "30s", "5m" or "1m30s"

For more information, try '--help'.

"#]]
    );
    assert_data_eq!(
        refused("rollback --wait 48h"),
        str![[r#"
error: invalid value '48h' for '--wait <DURATION>': longer than a day (24h)

For more information, try '--help'.

"#]]
    );
}
