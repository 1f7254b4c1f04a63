//! The words of the commands that make a release live, and of the one that keeps others from it.

use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::config::duration;

/// The words of `deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit deploy                 the commit that is checked out
  shipit deploy v1.4.0          a tag, a branch or a commit
  shipit deploy --dry-run       what would be done; nothing is changed
  shipit deploy --wait 10m      after the deploy that is running now
  shipit deploy --from cache    what `shipit build --to cache` has built and signed elsewhere")]
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
    /// Build and sign nothing: take the closure from this cache, a folder or a store's URL as Nix takes it
    #[arg(long, value_name = "URL", conflicts_with = "allow_dirty", value_parser = NonEmptyStringValueParser::new())]
    pub from: Option<String>,
    /// How the lock is waited for.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// The words of `build`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shipit build                  what a deploy of this commit would build
  shipit build v1.4.0 --to cache   signed and packed into a folder, for `shipit deploy v1.4.0 --from cache`
  shipit build --to https://cache.example   or into a binary cache")]
pub struct BuildArgs {
    /// The commit, as git names it [default: HEAD]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub rev: Option<String>,
    /// Build the working tree with its uncommitted changes
    #[arg(long, conflicts_with_all = ["rev", "to"])]
    pub allow_dirty: bool,
    /// Sign the closure by `[sign] key_file`, and copy it there: a folder or a store's URL as Nix takes it
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub to: Option<String>,
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
