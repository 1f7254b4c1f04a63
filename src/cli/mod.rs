//! The words of the command line. Data only: what they do is in `commands`.

use std::path::PathBuf;

use clap::{ArgAction, Args, ColorChoice, CommandFactory as _, Parser, Subcommand, ValueHint};

use crate::config;
use crate::model::failure::Kind;

mod begin;
mod daily;
mod deploys;
mod since;

#[cfg(test)]
mod tests;

pub use begin::{InitArgs, SetupArgs};
pub use daily::{CompletionsArgs, ExecArgs, LogsArgs, ManArgs, PruneArgs, RestartArgs};
pub use deploys::{BuildArgs, DeployArgs, HoldArgs, LockArgs, RollbackArgs};
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
    /// The server's public key, in place of [ssh] host_key
    #[arg(long, global = true, value_name = "KEY", value_parser = config::host_key)]
    pub host_key: Option<String>,
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
    /// Build a commit, and sign and pack it for a deploy from elsewhere
    ///
    /// What a deploy would build, for the system of shipit.toml. No server is asked, and no right on one is needed. With --to it is signed
    /// and copied, all of its closure; `shipit deploy --from` takes it from there on a machine that has no signing key.
    ///
    /// The answer is the store path.
    Build(BuildArgs),
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
