//! The words of the command line. Data only: what they do is in `commands`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args, ColorChoice, CommandFactory as _, Parser, Subcommand, ValueHint};

use crate::config::{self, duration};
use crate::model::failure::Kind;
use crate::model::names::{AppName, AssetPath, BadName, HostName, PackageName, RootPath, UnitName, UserName};

mod daily;
mod since;

pub use daily::{CompletionsArgs, ExecArgs, LogsArgs, ManArgs, PruneArgs, RestartArgs};
pub use since::Since;

/// What `exec` ends with when shipit could not run the command.
const EXEC_FAILED: u8 = 125;

/// Deploy an app's flake to a small Linux server, and go back by itself when it does not work
///
/// shipit builds the flake here, copies what the server lacks over one SSH connection, points `current` at the new
/// release, restarts the unit and checks it. When the release is not healthy, what ran before runs again.
///
/// What is deployed and where to is in shipit.toml, which is looked for in this folder and the ones above it.
#[derive(Debug, Parser)]
#[command(name = "shipit", version, max_term_width = 100)]
#[command(after_help = "\
Examples:
  shipit deploy                 build and deploy the commit that is checked out
  shipit -e staging deploy      the same, to another environment
  shipit rollback               back to the release before this one
  shipit status                 what runs there now

Exit codes:
  0 done, or already so              5 copy failed; what runs is untouched
  1 a bug in shipit                  6 held, or another deploy is running
  2 usage or configuration           7 not live; what ran before runs
  3 server not ready; untouched      8 not live, and not restored
  4 build failed; untouched          9 contact lost; the server goes back")]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command has; they may stand before it or behind it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The environment of shipit.toml [default: production]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// Run as if started in this folder
    #[arg(short = 'C', global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Read this file in place of the nearest shipit.toml
    #[arg(short, long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Say more about what is done; -vv says everything
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing but warnings, errors and the answer
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

/// What shipit can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a shipit.toml for the flake in this folder
    ///
    /// It looks at what is there: the flake's packages, git's remote, a systemd unit, a deploy script. Each value in the
    /// file says where it comes from, and a guess that it is one. Only the host can't be found out: it is asked for, or
    /// given with --host. What is there already is never written over. No server is needed.
    Init(InitArgs),
    /// Prepare a server: users, folders, the unit, rights
    ///
    /// Logs in as an administrator (root, or somebody with sudo), looks at what is there, shows what it would do, and
    /// asks. What is there already is never written over: it can be run again at any time, after a half-done setup, too.
    ///
    /// The unit is the file of its name beside shipit.toml, if there is one (`shipit init --unit` writes it), and
    /// otherwise a text that --dry-run shows.
    Setup(SetupArgs),
    /// Look at this machine and the server: is all there that a deploy needs?
    ///
    /// Everything is looked at, and what is missing is said with the command that mends it. Whether the server's Nix
    /// takes what is sent is tried out, with a path of a few bytes that is removed again; nothing else is changed.
    ///
    /// Exit code 0: a deploy can begin. 3: something has to be mended first.
    #[command(after_help = "\
Examples:
  shipit doctor
  shipit -e staging doctor
  shipit doctor --json | jq '.checks[] | select(.status == \"failed\")'")]
    Doctor,
    /// Build a commit and make it live
    ///
    /// The commit is built, not the working tree: with uncommitted changes a deploy is refused, unless --allow-dirty
    /// says that they belong to it. A release that is live already is left alone.
    ///
    /// The server holds the switch: when this program is interrupted or the connection breaks, it goes back by itself.
    Deploy(DeployArgs),
    /// Go back to an earlier release
    ///
    /// Without RELEASE: the newest one before the live one that was healthy and was not left by a rollback since. Nothing is built or copied. The
    /// release is checked like a new one, and if it does not come up, what was live is put back.
    Rollback(RollbackArgs),
    /// Hold deploys: none goes live from now on, CI's neither
    ///
    /// Kept on the server, with who, when and why, until `unhold`. It does not wait for a deploy that is under way:
    /// one that has not switched yet is refused, and one that has goes on, which is said. A rollback is possible all the same.
    ///
    /// Each person has one hold: a new reason takes the place of one's own, and stands beside those of others.
    Hold(HoldArgs),
    /// Lift all holds: deploys are possible again
    ///
    /// Whoever set them; it tells whose they were.
    #[command(after_help = "\
Examples:
  shipit unhold
  shipit -e staging unhold")]
    Unhold,
    /// List what was deployed, newest first
    ///
    /// Which release is live, when each was deployed, by whom, and how it ended. `rollback` takes any that is not
    /// gone.
    #[command(after_help = "\
Examples:
  shipit releases
  shipit releases --json | jq .")]
    Releases,
    /// Say what runs on the server now
    ///
    /// The live release, the unit's state, a deploy that is under way, and what an interrupted one left to do. The
    /// exit code is 0 whenever the server could answer, whatever the answer is.
    #[command(after_help = "\
Examples:
  shipit status
  shipit -e staging status")]
    Status,
    /// Show what the app says: the last lines of its log
    ///
    /// What journald has of the unit, and what systemd says about it, with the times of this machine. With --follow it goes on until
    /// Ctrl-C. What a release wrote that is not live any more: --release, as long as the server keeps its lines.
    Logs(LogsArgs),
    /// Run a command on the server as the app does: its user, its environment, in the live release
    ///
    /// The user of the unit, its Environment= and EnvironmentFile=, the release as the working folder: a migration, a task, a database's
    /// console. No shell reads the words; for one write `sh -c '…'`. The exit code is the command's own (128 + the number of a
    /// signal that ended it), and 125 when shipit could not run it.
    ///
    /// It ends with this program: by Ctrl-C, and when the connection breaks. No deploy waits for it; it stays in the release that it began
    /// in, which is removed when newer ones have taken its place.
    Exec(ExecArgs),
    /// Restart the app, and check it as a deploy does
    ///
    /// The live release stays the live one: nothing is built, copied or switched, and no hook runs. It is checked as after a deploy; when
    /// it is not healthy there is nothing to go back to, so it stays as it is, and the error (exit code 7) names the rollback.
    ///
    /// A hold does not stop it: it is no deploy.
    Restart(RestartArgs),
    /// Remove old releases from the server now
    ///
    /// By the rule that every deploy follows: the newest healthy releases stay, the live one and the one before it, the newest one that
    /// failed, and what was there before shipit. It asks nothing; --dry-run says what would go.
    Prune(PruneArgs),
    /// Print what lets a shell complete shipit's words
    ///
    /// A script for bash, zsh, fish, elvish or powershell, on stdout. Needs no shipit.toml.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    ///
    /// The main page on stdout; with DIR `shipit.1`, `shipit-deploy.1` and so on, in this folder. Needs no shipit.toml.
    Man(ManArgs),
}

impl Command {
    /// The exit code of a failure of shipit. Those of `exec` are the command's own, so it has one that few commands use.
    pub fn exit_code(&self, kind: Kind) -> u8 {
        match (self, kind) {
            (Command::Exec(_), Kind::Interrupted | Kind::Terminated) => kind.exit_code(),
            (Command::Exec(_), _) => EXEC_FAILED,
            _ => kind.exit_code(),
        }
    }
}

/// Wrong words on the command line: the exit code for them, whichever command was meant.
pub fn wrong_words(error: &clap::Error) -> u8 {
    let meant = Cli::command().ignore_errors(true).try_get_matches();
    let is_exec = meant.is_ok_and(|words| words.subcommand_name() == Some("exec"));
    match error.exit_code() {
        0 => 0,
        _ if is_exec => EXEC_FAILED,
        _ => Kind::Usage.exit_code(),
    }
}

/// The words of `init`. What is given is not looked for.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  shipit init                   asks for the host, where it can't be found
  shipit init --host deploy@server.example --port 3001
  shipit init --unit            a systemd unit, too
  shipit -C apps/web init       an app in a folder of a larger repository")]
pub struct InitArgs {
    /// The server: host, user@host, an alias of your ssh_config, or ssh://user@host:port
    #[arg(long, value_name = "HOST")]
    pub host: Option<HostName>,
    /// The app's name; it names the defaults of --root and --unit-name
    #[arg(long, value_name = "NAME")]
    pub app: Option<AppName>,
    /// The flake's output packages.<system>.NAME
    #[arg(long, value_name = "NAME")]
    pub package: Option<PackageName>,
    /// The app's folder on the server [default: /var/www/<app>]
    #[arg(long, value_name = "PATH")]
    pub root: Option<RootPath>,
    /// The systemd unit that runs the app [default: <app>.service]
    #[arg(long, value_name = "NAME", value_parser = unit_name)]
    pub unit_name: Option<UnitName>,
    /// A file or folder of the commit that shall lie beside result/; may be given several times
    #[arg(long = "asset", value_name = "PATH")]
    pub assets: Vec<AssetPath>,
    /// Where the app listens on the server; it is asked there after each deploy
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "health")]
    pub port: Option<u16>,
    /// The URL that is asked on the server after each deploy
    #[arg(long, value_name = "URL", value_parser = config::health_url)]
    pub health: Option<String>,
    /// Neither name nor make a key to sign what is sent with
    #[arg(long)]
    pub no_sign: bool,
    /// Write a systemd unit as well, beside shipit.toml; with a shipit.toml that is there, only the unit
    #[arg(long)]
    pub unit: bool,
}

/// A unit's name, whose ending may be left out as with systemctl.
fn unit_name(text: &str) -> Result<UnitName, BadName> {
    if text.ends_with(".service") { text.parse() } else { format!("{text}.service").parse() }
}

/// The words of `setup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit setup --as root        as root of the same server; it asks before it does anything
  shipit setup --as anna@server.example   by sudo; its password is asked for once
  shipit setup --dry-run --as root   what would be done
  shipit setup --as root --yes --key deploy.pub   in a script")]
pub struct SetupArgs {
    /// The administrator: a user of the same server, or a login as ssh takes it [default: `host` of shipit.toml]
    #[arg(long = "as", value_name = "LOGIN", value_parser = NonEmptyStringValueParser::new())]
    pub admin: Option<String>,
    /// Who deploys; made if missing [default: the user of `host`]
    #[arg(long, value_name = "NAME")]
    pub user: Option<UserName>,
    /// Whose keys may log in as a new user, a .pub file [default: those that log in as the administrator]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// The app's unit, when the server has none yet
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub unit: Option<PathBuf>,
    /// A variable of the unit, when it is not from a file; nothing secret; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable, conflicts_with = "unit")]
    pub variables: Vec<(String, String)>,
    /// Let the app be a unit of the deploy user's own systemd, without sudo
    #[arg(long)]
    pub user_unit: bool,
    /// Let Nix take unsigned releases from the deploy user, which makes it as good as root there
    #[arg(long)]
    pub trusted: bool,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    pub yes: bool,
}

/// A variable, as a unit's Environment= has it.
fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has no =")?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if name.is_empty() || !plain || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("{name:?} is not a variable's name"));
    }
    if value.contains(|c: char| c.is_control()) {
        return Err("its value has a control character".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The words of `deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit deploy                 the commit that is checked out
  shipit deploy v1.4.0          a tag, a branch or a commit
  shipit deploy --dry-run       what would be done; nothing is changed
  shipit deploy --wait 10m      after the deploy that is running now")]
pub struct DeployArgs {
    /// The commit, as git names it [default: HEAD]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub rev: Option<String>,
    /// Deploy the working tree with its uncommitted changes
    #[arg(long, conflicts_with = "rev")]
    pub allow_dirty: bool,
    /// Say what would be done, and change nothing on the server
    #[arg(long)]
    pub dry_run: bool,
    /// How the lock is waited for.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// The words of `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit rollback               the release before this one
  shipit rollback 3f9c2d1       the release of this commit
  shipit rollback v41           what deploy number 41 made live
  shipit rollback --hold        and no deploys afterwards, until `shipit unhold`
  shipit rollback --hold=\"the login is broken\"")]
pub struct RollbackArgs {
    /// The beginning of a release's name, or a deploy's number such as v41
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub release: Option<String>,
    /// Hold deploys too, as `shipit hold` does; the hold is set before the switch, and stays if the rollback fails
    #[arg(long, value_name = "REASON", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub hold: Option<String>,
    /// How the lock is waited for.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// The words of `hold`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit hold                   no deploys until `shipit unhold`
  shipit hold the database is being moved
  shipit -e staging hold \"Bob's demo until 15:00\"")]
pub struct HoldArgs {
    /// Why: it is shown to whoever wants to deploy
    pub reason: Vec<String>,
}

/// Options of the commands that take the server's lock.
#[derive(Debug, Clone, Args)]
pub struct LockArgs {
    /// Wait this long for another deploy to end, such as 10m [default: do not wait]
    #[arg(long, value_name = "DURATION", value_parser = duration::wait)]
    pub wait: Option<Duration>,
}

#[cfg(test)]
mod tests {
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
        assert_data_eq!(page.trim_end().to_owned() + "\n", snapbox::file!["../docs/commands.md"]);
    }

    #[test]
    fn every_example_can_be_typed() {
        let mut whole = Cli::command();
        let mut helps = vec![whole.render_help().to_string()];
        helps.extend(whole.get_subcommands_mut().map(|command| command.render_help().to_string()));
        let mut tried = 0;
        for line in helps.iter().flat_map(|help| help.lines()) {
            let Some(words) = line.strip_prefix("  shipit ") else { continue };
            let words =
                words.split("  ").next().unwrap_or_default().split(['|', '>']).next().unwrap_or_default();
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
            let Global { environment, directory, config, verbose, quiet, color, json } =
                parse(words).unwrap().global;
            assert_eq!(environment.as_deref(), Some("staging"));
            assert_eq!(directory, Some(PathBuf::from("a")));
            assert_eq!(config, Some(PathBuf::from("f")));
            assert_eq!((verbose, quiet, color, json), (2, false, ColorChoice::Auto, true));
        }
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
}
