//! Defaults and environments: from the file as written to the settings.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use crate::config::duration::Limit;
use crate::config::file::{Keys, Over};
use crate::config::keys::list;
use crate::config::source::Source;
use crate::config::values::{Asset, FilePath, List, Unit, Word};
use crate::config::written::Written;
use crate::context::Context;
use crate::model::failure::{Failed, Failure, Kind, Outcome};
use crate::model::names::{AppName, AssetPath, EnvironmentName, RootPath, System, UnitName};
use crate::model::nearest::nearest;
use crate::model::settings::{Health, Hooks, HostKey, HttpCheck, Settings, SshSettings, SystemChoice};
use together::{check, check_apart, parts};

mod together;

/// The environment that is meant when none is named.
const PRODUCTION: &str = "production";
const PACKAGE: &str = "default";
const KEEP: u32 = 5;
const WITHIN: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(1);
const HOOK_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// An environment laid over the top level.
struct Environment {
    /// Where its name is; the top level has none.
    place: Option<Range<usize>>,
    keys: Keys,
}

/// The chosen environment, after all of them were checked.
pub fn settings(
    context: &Context,
    source: &Source,
    file: Written,
    chosen: Option<&str>,
) -> Outcome<Settings> {
    let environments = lay(file)?;
    for (name, environment) in &environments {
        check(source, name, &environment.keys)?;
    }
    check_apart(source, &environments)?;

    let name = chosen.unwrap_or(PRODUCTION);
    let Some((name, environment)) = environments.iter().find(|(known, _)| known.as_str() == name) else {
        return Err(no_environment(source, name, &environments));
    };
    finish(context, source, name, environment, &environments)
}

/// production is the top level, and what `[environments.production]` lays over it if there is one.
fn lay(file: Written) -> Outcome<BTreeMap<EnvironmentName, Environment>> {
    let Written { top, environments } = file;
    let mut laid: BTreeMap<EnvironmentName, Environment> = environments
        .into_iter()
        .map(|(name, (place, keys))| (name, Environment { place: Some(place), keys: keys.over(top.clone()) }))
        .collect();
    let production = PRODUCTION.parse().failed(Kind::Bug, "the name of the default environment")?;
    laid.entry(production).or_insert(Environment { place: None, keys: top });
    Ok(laid)
}

fn no_environment(source: &Source, name: &str, known: &BTreeMap<EnvironmentName, Environment>) -> Failure {
    let shown: String = name.chars().take(80).collect();
    let names = || known.keys().map(EnvironmentName::as_str);
    let failure = Failure::msg(Kind::Usage, format!("{} has no environment {shown:?}", source.name));
    match nearest(name, names()) {
        Some(near) => failure.hint(format!("did you mean -e {near}? There are: {}", list(names()))),
        None => failure.hint(format!("there are: {}", list(names()))),
    }
}

fn finish(
    context: &Context,
    source: &Source,
    name: &EnvironmentName,
    environment: &Environment,
    all: &BTreeMap<EnvironmentName, Environment>,
) -> Outcome<Settings> {
    let keys = environment.keys.clone();
    let (Some(app), Some(host)) = (plain(keys.app.clone()), plain(keys.host.clone())) else {
        return Err(missing(source, name, &keys, all));
    };
    let root = root(&keys, &app)?;
    let unit = unit(&keys, &app)?;
    let system = match keys.system {
        Some(system) => SystemChoice::Named(system.into_inner()),
        None => SystemChoice::Guessed(guess()?),
    };
    let package = match keys.package {
        Some(package) => package.into_inner(),
        None => PACKAGE.parse().failed(Kind::Bug, "the default package")?,
    };
    let ssh = keys.ssh.unwrap_or_default();
    let config =
        ssh.config.map(|config| existing(source, &config, path(context, source, &config)?)).transpose()?;
    let sign = keys.sign.unwrap_or_default();
    let health = keys.health.unwrap_or_default();
    let hooks = keys.hooks.unwrap_or_default();
    let (within, settle) = (limit(health.within.as_ref(), WITHIN), limit(health.settle.as_ref(), SETTLE));
    let timeout = limit(hooks.timeout.as_ref(), HOOK_TIMEOUT);
    Ok(Settings {
        environment: name.clone(),
        folder: source.folder.clone(),
        app,
        host,
        package,
        system,
        root,
        unit,
        assets: each(keys.assets, |Asset(path)| path).iter().map(tidy).collect::<Outcome<_>>()?,
        keep: plain(keys.keep).map_or(KEEP, |keep| keep.0),
        url: plain(keys.url).map(|url| url.0),
        ssh: SshSettings { config, host_key: plain(ssh.host_key).map(|key| HostKey::Written(key.0)) },
        signing_key: sign.key_file.map(|file| path(context, source, &file)).transpose()?,
        public_key: plain(sign.public_key).map(|key| key.0),
        health: Health {
            http: health.http.map(|url| HttpCheck {
                url: url.into_inner().0,
                host: plain(health.host).map(|host| host.0),
                status: each(health.status, |status| status.0),
            }),
            within,
            settle,
        },
        hooks: Hooks { before_switch: each(hooks.before_switch, |Word(word)| word), timeout },
    })
}

/// `app` and `host` have no defaults.
fn missing(
    source: &Source,
    name: &EnvironmentName,
    keys: &Keys,
    all: &BTreeMap<EnvironmentName, Environment>,
) -> Failure {
    let (key, sample) = match keys.app {
        None => ("app", "app = \"server\""),
        Some(_) => ("host", "host = \"deploy@server.example\""),
    };
    let file = &source.name;
    let usable = |other: &Environment| other.keys.app.is_some() && other.keys.host.is_some();
    let others: Vec<&str> =
        all.iter().filter(|(_, other)| usable(other)).map(|(other, _)| other.as_str()).collect();
    let failure = Failure::msg(Kind::Usage, format!("{file} does not say `{key}` for {name}"));
    let failure = if others.is_empty() {
        failure
    } else {
        failure.hint(format!("choose another environment with -e: {}", list(others)))
    };
    failure.hint(format!("at the top of {file}: {sample}"))
}

fn root(keys: &Keys, app: &AppName) -> Outcome<RootPath> {
    match &keys.root {
        Some(root) => Ok(root.get_ref().clone()),
        None => format!("/var/www/{app}").parse().failed(Kind::Bug, "the default root"),
    }
}

fn unit(keys: &Keys, app: &AppName) -> Outcome<UnitName> {
    match &keys.unit {
        Some(unit) => {
            let Unit(unit) = unit.get_ref();
            Ok(unit.clone())
        }
        None => format!("{app}.service").parse().failed(Kind::Bug, "the default unit"),
    }
}

/// The laptop's architecture, in Nix's words where they differ from Rust's.
fn guess() -> Outcome<System> {
    let architecture = match std::env::consts::ARCH {
        "x86" => "i686",
        "arm" => "armv7l",
        "powerpc64" => "powerpc64le",
        same => same,
    };
    format!("{architecture}-linux").parse().failed(Kind::Bug, "the laptop's system")
}

/// `~/` is the user's home; what is relative is relative to shipit.toml, wherever shipit is started.
fn path(context: &Context, source: &Source, file: &Spanned<FilePath>) -> Outcome<PathBuf> {
    let FilePath(text) = file.get_ref();
    match (text.strip_prefix("~/"), &context.home) {
        (Some(rest), Some(home)) => Ok(home.join(rest.trim_start_matches('/'))),
        (Some(_), None) => Err(source.failure(file.span(), "there is no ~/ here: HOME is not set")),
        (None, _) => Ok(source.folder.join(text)),
    }
}

/// ssh would say so too, but as one of many reasons for which a connection fails.
fn existing(source: &Source, file: &Spanned<FilePath>, path: PathBuf) -> Outcome<PathBuf> {
    if path.is_file() {
        // Without the `..` of `../ssh_config`: hints repeat it.
        Ok(path.canonicalize().unwrap_or(path))
    } else {
        Err(source.failure(file.span(), format!("there is no file {}", path.display())))
    }
}

/// Without the `.` parts: `./views` is `views`. What begins with - keeps a `./` before it.
fn tidy(asset: &AssetPath) -> Outcome<AssetPath> {
    let path = parts(asset).join("/");
    let path = if path.starts_with('-') { format!("./{path}") } else { path };
    path.parse().failed(Kind::Bug, "an asset's path")
}

fn plain<T>(value: Option<Spanned<T>>) -> Option<T> {
    value.map(Spanned::into_inner)
}

fn each<T, U>(list: Option<Spanned<List<T>>>, to: fn(T) -> U) -> Vec<U> {
    plain(list).into_iter().flat_map(|List(elements)| elements).map(|item| to(item.into_inner())).collect()
}

fn limit(value: Option<&Spanned<Limit>>, default: Duration) -> Duration {
    value.map_or(default, |limit| limit.get_ref().0)
}
