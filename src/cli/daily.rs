//! The words of the commands for every day after the first deploy.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};
use clap_complete::Shell;

use super::LockArgs;
use super::since::{self, Since};

/// The words of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit logs                   the last 100 lines
  shipit logs -f                and those that come
  shipit logs --since 10m
  shipit logs --release v41     what this release said, live or not")]
pub struct LogsArgs {
    /// Go on with the lines that come, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
    /// The last N lines [default: 100; with --since all]
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<u32>,
    /// Only lines since then: 10m, 2d, 14:03, "2026-11-22 14:03"
    #[arg(long, value_name = "TIME", value_parser = since::since, allow_hyphen_values = true)]
    pub since: Option<Since>,
    /// Only what this release said: the beginning of its name, or a deploy's number such as v41
    #[arg(long, value_name = "RELEASE", conflicts_with = "follow", value_parser = NonEmptyStringValueParser::new())]
    pub release: Option<String>,
}

/// The words of `exec`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit exec -- result/bin/server migrate
  shipit exec -- sh -c 'psql \"$DATABASE_URL\"'
  shipit exec -- sh -c 'sqlite3 \"$SERVER_DB_PATH\"' < fix.sql")]
pub struct ExecArgs {
    /// Give it a terminal [default: when stdin, stdout and stderr are one]
    #[arg(short, long, conflicts_with = "no_tty")]
    pub tty: bool,
    /// Give it none
    #[arg(short = 'T', long)]
    pub no_tty: bool,
    /// The program and its words
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// The words of `restart`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit restart
  shipit -e staging restart --wait 5m   after the deploy that is running now")]
pub struct RestartArgs {
    /// How the lock is waited for.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// The words of `prune`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit prune                  by the rule that each deploy follows
  shipit prune --keep 2 --dry-run
  shipit prune --gc             and free the store of what no release needs")]
pub struct PruneArgs {
    /// How many healthy releases stay, the live one included [default: `keep` of shipit.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub keep: Option<u32>,
    /// Say what would be removed, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Then let Nix remove from the server's store whatever nothing refers to, of other apps too
    #[arg(long)]
    pub gc: bool,
    /// How the lock is waited for.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// The words of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit completions bash > ~/.local/share/bash-completion/completions/shipit
  shipit completions zsh > ~/.zfunc/_shipit
  shipit completions fish > ~/.config/fish/completions/shipit.fish")]
pub struct CompletionsArgs {
    /// For which shell
    pub shell: Shell,
}

/// The words of `man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit man | man -l -
  shipit man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write the page of each command into this folder
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
}
