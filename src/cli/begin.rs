//! The words of the commands that one begins with.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use crate::config;
use crate::model::action::Action;
use crate::model::names::{AppName, AssetPath, BadName, HostName, PackageName, RootPath, UnitName, UserName};

/// The words of `init`. What is given is not looked for.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  shipit init                   asks for the host, where it can't be found
  shipit init --host deploy@server.example --port 3001
  shipit init --unit            a systemd unit, too
  shipit init --github          a workflow that deploys from GitHub, too
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
    /// Write a workflow for GitHub Actions as well; with a shipit.toml that is there, only the workflow
    ///
    /// It deploys what is pushed to the main branch, and can be started by hand to roll back. It lies in .github/workflows
    /// at the top of the repository: deploy.yml, or deploy-<app>.yml for an app in a folder of it. With -e it is that of
    /// another environment of shipit.toml, and has its name. Where it is there already, what GitHub needs for it is said once more.
    #[arg(long)]
    pub github: bool,
    /// shipit's own action in that workflow [default: the one of this shipit, where its build knows it]
    #[arg(long, value_name = "OWNER/shipit@COMMIT", requires = "github")]
    pub action: Option<Action>,
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
  shipit setup --as root --yes --key github.pub   in a script; that key may deploy, too")]
pub struct SetupArgs {
    /// The administrator: a user of the same server, or a login as ssh takes it [default: `host` of shipit.toml]
    #[arg(long = "as", value_name = "LOGIN", value_parser = NonEmptyStringValueParser::new())]
    pub admin: Option<String>,
    /// Who deploys; made if missing [default: the user of `host`]
    #[arg(long, value_name = "NAME")]
    pub user: Option<UserName>,
    /// Another SSH key that may log in as who deploys, a .pub file; may be given several times
    ///
    /// It comes to those that are there. A user who is new, or whom no key lets in yet, is also given the keys that log in
    /// as the administrator, so that a key for CI locks nobody out.
    #[arg(long = "key", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub keys: Vec<PathBuf>,
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
