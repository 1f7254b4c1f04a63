//! The words of the commands for every day after the first deploy.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::Shell;

use super::LockArgs;

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
