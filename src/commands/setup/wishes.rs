//! What is wished: by the words typed, by shipit.toml, and by the unit that lies beside it.

use std::fs;

use crate::cli::SetupArgs;
use crate::commands::Cx;
use crate::deploy::send::signing_key::SigningKey;
use crate::deploy::setup::{NewUnit, Trust, Wishes, keys};
use crate::model::event::Events;
use crate::model::failure::{Failed as _, Failure, Kind, Outcome};
use crate::model::names::{HostName, UserName};
use crate::model::settings::Settings;
use crate::model::unit_file::{RunsAs, UnitFile, app_user, service_value};
use crate::tools::ssh::{self, Options};

/// The largest unit file that is taken.
const LARGEST_UNIT: u64 = 48 * 1024;

/// All of it. `host`: the administrator's login.
pub async fn wishes<'a>(
    cx: &'a Cx<'_>,
    args: &SetupArgs,
    host: HostName,
    options: &Options,
) -> Outcome<Wishes<'a>> {
    let settings = &cx.settings;
    let login = match &args.user {
        Some(user) => user.clone(),
        None => login_of(options).await?,
    };
    let (events, _) = Events::channel();
    let trust = match args.trusted {
        true => Trust::Login,
        false => SigningKey::of(settings, options.environment_on_github.as_deref(), &events)?
            .map_or(Trust::Nothing, Trust::Key),
    };
    let mut keys = Vec::new();
    for file in &args.keys {
        keys.extend(keys::read(&cx.context.cwd.join(file))?);
    }
    let unit = new_unit(cx, args, &login)?;
    Ok(Wishes { settings, host, login, own_unit: args.user_unit, unit, keys, trust })
}

/// Who deploys: the user of `host`, or whom ssh's own configuration names.
async fn login_of(options: &Options) -> Outcome<UserName> {
    let name = match options.host.as_str().trim_start_matches("ssh://").rsplit_once('@') {
        Some((user, _)) => user.to_owned(),
        None => ssh::login_name(options).await.unwrap_or_default(),
    };
    let sentence = format!("who deploys to {} can't be told", options.host);
    name.parse().failed(Kind::Usage, sentence).map_err(|failure| failure.hint("name the user: --user deploy"))
}

/// `--as`: a login as ssh takes it, or another user of the same server.
pub fn admin_at(admin: &str, host: &HostName) -> Outcome<HostName> {
    let there = if admin.contains('@') || admin.starts_with("ssh://") {
        admin.to_owned()
    } else {
        let (scheme, rest) = match host.as_str().strip_prefix("ssh://") {
            Some(rest) => ("ssh://", rest),
            None => ("", host.as_str()),
        };
        let bare = rest.rsplit_once('@').map_or(rest, |(_, bare)| bare);
        format!("{scheme}{admin}@{bare}")
    };
    there
        .parse()
        .failed(Kind::Usage, "--as names no login")
        .map_err(|failure: Failure| failure.hint("as ssh takes it: --as root@server.example"))
}

/// The unit for a server that has none: a file, or the one that shipit proposes.
fn new_unit(cx: &Cx<'_>, args: &SetupArgs, login: &UserName) -> Outcome<NewUnit> {
    let settings = &cx.settings;
    let beside = settings.folder.join(settings.unit.as_str());
    let file = match &args.unit {
        Some(file) => Some(cx.context.cwd.join(file)),
        None => Some(beside).filter(|file| file.is_file() && !args.user_unit),
    };
    let Some(file) = file else {
        let text = proposed(settings, args, login)?;
        let user = service_value(&text, "User").unwrap_or_default().to_owned();
        return Ok(NewUnit { text, from: "as shipit proposes it".to_owned(), file: None, user });
    };
    let shown = file.display();
    if !args.variables.is_empty() {
        return Err(Failure::msg(
            Kind::Usage,
            format!("--env is for a unit that shipit makes, and there is one: {shown}"),
        )
        .hint("write the variable into that file, as Environment=NAME=VALUE below [Service]"));
    }
    let unreadable = format!("can't read the unit {shown}");
    let about = fs::metadata(&file).failed(Kind::Usage, unreadable.clone())?;
    // A pipe would be waited for.
    let text = match about.is_file() && about.len() <= LARGEST_UNIT {
        true => fs::read_to_string(&file).failed(Kind::Usage, unreadable)?,
        false => String::new(),
    };
    if service_value(&text, "ExecStart").is_none() {
        return Err(Failure::msg(
            Kind::Usage,
            format!("{shown} is not a unit that runs something: it has no ExecStart= below [Service]"),
        )
        .hint(format!("one to begin with: {}", cx.ui.command("init --unit"))));
    }
    let user = service_value(&text, "User").unwrap_or_default().to_owned();
    let text = text.trim_end().to_owned() + "\n";
    Ok(NewUnit { text, from: format!("as it is in {shown}"), file: Some(file), user })
}

fn proposed(settings: &Settings, args: &SetupArgs, login: &UserName) -> Outcome<String> {
    let runs_as = if args.user_unit {
        RunsAs::Login
    } else {
        let user = app_user(&settings.app, login.as_str());
        RunsAs::System(user.ok_or_else(|| Failure::msg(Kind::Usage, "the app's name makes no user's name"))?)
    };
    let port = settings.health.http.as_ref().and_then(|http| http.port());
    let unit =
        UnitFile { app: &settings.app, root: &settings.root, runs_as, port, environment: &args.variables };
    Ok(unit.text())
}
