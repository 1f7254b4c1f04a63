//! Decides between what was said and what was found. Pure.

use super::flake::usual;
use super::found_unit::FoundUnit;
use super::key::{self, Key};
use super::variables::PORT;
use super::{Clues, Given};
use crate::config::nearest;
use crate::model::failure::{Failed as _, Failure, Kind, Outcome};
use crate::model::names::{AppName, HostName, PackageName, RootPath, UnitName};

/// A key of shipit.toml, its value, and where that comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The key, with its table: `health.http`.
    pub key: &'static str,
    /// The value.
    pub value: toml::Value,
    /// Where it comes from.
    pub from: String,
    /// Nobody said so: a person should look at it.
    pub guess: bool,
}

/// What is to be written.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The keys, in their order.
    pub values: Vec<Value>,
    /// What is checked out, of which repository.
    pub about: Option<String>,
    /// The program that the unit starts.
    pub program: Option<String>,
    /// What a person should know, and what to type then.
    pub notes: Vec<(String, Option<String>)>,
}

/// A value before it is one of shipit.toml.
struct Pick<T> {
    value: T,
    from: String,
    guess: bool,
}

fn sure<T>(value: T, from: impl Into<String>) -> Pick<T> {
    Pick { value, from: from.into(), guess: false }
}

fn guess<T>(value: T, from: impl Into<String>) -> Pick<T> {
    Pick { value, from: from.into(), guess: true }
}

impl Clues {
    /// The host that a deploy script logs in to, and which script.
    pub fn host(&self) -> Option<(&HostName, &str)> {
        self.scripts.iter().find_map(|script| Some((script.host.as_ref()?, script.file.as_str())))
    }

    /// What a new unit may have to set, and how.
    pub fn to_set(&self, root: &RootPath) -> Vec<(String, Option<String>)> {
        self.code.to_set(root)
    }

    /// The unit of the tree that runs the app: the one below a `current`, or the only one.
    fn unit(&self, given: &Given) -> Option<&FoundUnit> {
        let named = |unit: &UnitName| self.units.iter().find(|file| file.unit == *unit);
        let restarted = self.scripts.iter().find_map(|script| script.unit.as_ref());
        let mut deployed = self.units.iter().filter(|file| file.is_deployed());
        match (&given.unit, restarted.and_then(named)) {
            (Some(unit), _) => named(unit),
            (None, Some(file)) => Some(file),
            (None, None) => match (deployed.next(), deployed.next()) {
                (Some(file), None) => Some(file),
                (None, None) if self.units.len() == 1 => self.units.first(),
                _ => None,
            },
        }
    }
}

/// Where a value is from that need not be written down.
pub const DEFAULT: &str = "the default";

/// Decides.
///
/// # Errors
/// [`Kind::Usage`] where the flake has no package of the name that was said.
pub fn draft(given: &Given, host: Option<&HostName>, clues: &Clues) -> Outcome<Draft> {
    let file = clues.unit(given);
    let mut draft = Draft { about: about(clues), notes: clues.flake.notes.clone(), ..Draft::default() };
    let app = app(given, clues, file)?;
    let package = package(given, clues)?;
    let root = root(given, clues, file, &app.value)?;
    let unit = unit(given, clues, file, &app.value)?;
    let program = file.and_then(|file| file.program.clone()).or_else(|| clues.flake.program.main.clone());
    draft.program = program.or_else(|| clues.flake.program.pname.clone());
    draft.add("app", app, |app| app.to_string().into());
    let host = match (host, clues.host()) {
        (Some(host), _) => sure(host.clone(), "as you said"),
        (None, Some((host, file))) => sure(host.clone(), format!("{file} logs in there")),
        (None, None) => return Err(Failure::msg(Kind::Bug, "no host")),
    };
    draft.add("host", host, |host| host.to_string().into());
    draft.add("package", package, |package| package.to_string().into());
    if let Some(system) = system(clues) {
        draft.add("system", system, Into::into);
    }
    if file.is_none() {
        draft.notes.extend(clues.to_set(&root.value));
    }
    draft.add("root", root, |root| root.to_string().into());
    draft.add("unit", unit, |unit| unit.to_string().into());
    if let Some(assets) = assets(given, clues) {
        draft
            .add("assets", assets, |assets| toml::Value::Array(assets.into_iter().map(Into::into).collect()));
    }
    match &given.key {
        Some(Key::Found) => draft.add("sign.key_file", sure(key::FILE, "it is there"), Into::into),
        Some(Key::Made(_)) => draft.add("sign.key_file", sure(key::FILE, "made just now"), Into::into),
        Some(Key::None(why)) => {
            let text = format!("what is sent is not signed, because no key could be made ({why})");
            draft.notes.push((text, None));
        }
        None => {}
    }
    if let Some(public) = &given.public_key {
        let value = sure(public.as_str(), "its public half, for the job that deploys");
        draft.add("sign.public_key", value, Into::into);
    }
    if file.is_none() && clues.units.len() > 1 && given.unit.is_none() {
        let names: Vec<&str> = clues.units.iter().map(|file| file.file.as_str()).collect();
        let text = format!("several units lie here ({}), and none was read", names.join(", "));
        draft.notes.push((text, Some("--unit-name NAME says which".to_owned())));
    }
    match health(given, clues, file) {
        Some(http) => draft.add("health.http", http, Into::into),
        None => draft.notes.push((
            "no port was found, so nothing asks a new release whether it works".to_owned(),
            Some("[health] http in shipit.toml".to_owned()),
        )),
    }
    Ok(draft)
}

impl Draft {
    fn add<T>(&mut self, key: &'static str, pick: Pick<T>, to: impl FnOnce(T) -> toml::Value) {
        self.values.push(Value { key, value: to(pick.value), from: pick.from, guess: pick.guess });
    }
}

fn about(clues: &Clues) -> Option<String> {
    match (&clues.branch, &clues.remote) {
        (Some(branch), Some(remote)) => Some(format!("branch {branch} of {remote}")),
        (Some(branch), None) => Some(format!("branch {branch}")),
        (None, Some(remote)) => Some(format!("a commit of {remote}")),
        (None, None) => None,
    }
}

fn app(given: &Given, clues: &Clues, file: Option<&FoundUnit>) -> Outcome<Pick<AppName>> {
    if let Some(app) = &given.app {
        return Ok(sure(app.clone(), "as you said"));
    }
    let stem = |unit: &UnitName| unit.as_str().strip_suffix(".service").unwrap_or_default().to_owned();
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let units = given.unit.iter().map(|unit| (stem(unit), "of the unit that you named".to_owned()));
    let files = file.iter().map(|file| (stem(&file.unit), format!("of the unit {}", file.file)));
    let restarted = clues
        .scripts
        .iter()
        .filter_map(|script| Some((stem(script.unit.as_ref()?), format!("{} restarts it", script.file))));
    let roots =
        given.root.iter().map(|root| (last(root.as_str()), "of the folder that you named".to_owned()));
    for (name, from) in units.chain(files).chain(restarted).chain(roots) {
        if let Ok(app) = name.parse() {
            return Ok(sure(app, from));
        }
    }
    let pname = clues.flake.program.pname.iter().map(|name| (name.clone(), "the package is called so"));
    let remote = clues.remote.iter().map(|remote| (last(remote), "the repository is called so"));
    let folder = std::iter::once((plain(&clues.folder), "the folder is called so"));
    for (name, from) in pname.chain(remote).chain(folder) {
        if let Ok(app) = name.parse() {
            return Ok(guess(app, from));
        }
    }
    let app = "app".parse().failed(Kind::Bug, "a name for the app")?;
    Ok(guess(app, "nothing here has a name that an app may have"))
}

/// A name without what no app's name has.
fn plain(text: &str) -> String {
    let fine = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    text.chars().map(fine).collect::<String>().trim_matches(['-', '.']).chars().take(64).collect()
}

fn package(given: &Given, clues: &Clues) -> Outcome<Pick<PackageName>> {
    let default = || "default".parse::<PackageName>().failed(Kind::Bug, "the default package");
    let Some(all) = clues.flake.packages.as_ref().filter(|all| !all.values().all(Vec::is_empty)) else {
        return match &given.package {
            Some(package) => Ok(sure(package.clone(), "as you said")),
            None => Ok(guess(default()?, "the usual one; Nix could not say what there is")),
        };
    };
    let mut names: Vec<&str> = all.values().flatten().map(PackageName::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let there = names.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    match (&given.package, usual(all)) {
        (Some(package), _) if names.contains(&package.as_str()) => Ok(sure(package.clone(), "as you said")),
        (Some(package), _) => {
            let failure =
                Failure::msg(Kind::Usage, format!("the flake has no package `{package}` for Linux"));
            Err(match nearest(package.as_str(), names.iter().copied()) {
                Some(near) => failure.hint(format!("did you mean `--package {near}`?")),
                None => failure.hint(format!("there are: {there}")),
            })
        }
        (None, Some((_, package))) => Ok(sure(package.clone(), format!("flake.nix has {there}"))),
        (None, None) => {
            let named =
                names.iter().find(|name| clues.remote.as_ref().is_some_and(|remote| remote.ends_with(*name)));
            let value = named.or(names.first()).and_then(|name| name.parse().ok());
            Ok(guess(value.map_or_else(default, Ok)?, format!("flake.nix has {there}, and no default")))
        }
    }
}

/// Only where a build for this machine's own architecture is not what the flake has.
fn system(clues: &Clues) -> Option<Pick<String>> {
    let all = clues.flake.packages.as_ref()?;
    let own = format!("{}-linux", std::env::consts::ARCH);
    let mut systems = all.iter().filter(|(_, names)| !names.is_empty()).map(|(system, _)| system.as_str());
    let first = systems.next()?;
    if first == own || systems.any(|system| system == own) {
        return None;
    }
    Some(sure(first.to_owned(), "flake.nix has packages for it"))
}

fn root(given: &Given, clues: &Clues, file: Option<&FoundUnit>, app: &AppName) -> Outcome<Pick<RootPath>> {
    if let Some(root) = &given.root {
        return Ok(sure(root.clone(), "as you said"));
    }
    if let Some((file, (root, line))) = file.and_then(|file| Some((&file.file, file.root.as_ref()?))) {
        return Ok(sure(root.clone(), format!("{line} in {file}")));
    }
    if let Some((script, root)) = clues.scripts.iter().find_map(|it| Some((&it.file, it.root.as_ref()?))) {
        return Ok(sure(root.clone(), format!("{script} has it")));
    }
    let root = format!("/var/www/{app}").parse().failed(Kind::Bug, "the default root")?;
    Ok(sure(root, DEFAULT))
}

fn unit(given: &Given, clues: &Clues, file: Option<&FoundUnit>, app: &AppName) -> Outcome<Pick<UnitName>> {
    if let Some(unit) = &given.unit {
        return Ok(sure(unit.clone(), "as you said"));
    }
    if let Some(file) = file {
        return Ok(sure(file.unit.clone(), format!("{} lies here", file.file)));
    }
    if let Some((script, unit)) = clues.scripts.iter().find_map(|it| Some((&it.file, it.unit.as_ref()?))) {
        return Ok(sure(unit.clone(), format!("{script} restarts it")));
    }
    let unit = format!("{app}.service").parse().failed(Kind::Bug, "the default unit")?;
    Ok(sure(unit, DEFAULT))
}

fn assets(given: &Given, clues: &Clues) -> Option<Pick<Vec<String>>> {
    if !given.assets.is_empty() {
        return Some(sure(given.assets.iter().map(ToString::to_string).collect(), "as you said"));
    }
    if let Some(script) = clues.scripts.iter().find(|script| !script.copied.is_empty()) {
        return Some(sure(script.copied.clone(), format!("{} copies it", script.file)));
    }
    let folders = clues.folders.clone();
    (!folders.is_empty()).then(|| guess(folders, "folders here that the code names"))
}

fn health(given: &Given, clues: &Clues, file: Option<&FoundUnit>) -> Option<Pick<String>> {
    if let Some(url) = &given.health {
        return Some(sure(url.clone(), "as you said"));
    }
    let asked = clues.scripts.iter().find_map(|script| Some((script.health.clone()?, &script.file)));
    if let (Some((url, script)), None) = (asked, given.port) {
        return Some(sure(url, format!("{script} asks it")));
    }
    let listens = file.and_then(|file| {
        let (port, from) = file.port.as_ref()?;
        Some((*port, format!("port: {from} in {}", file.file), false))
    });
    let read = || clues.code.port.as_ref().map(|(port, file)| (*port, format!("port: {file}"), true));
    // No number is known, but a unit of shipit's sets the variable.
    let variable = || {
        let file = clues.code.reads_port.as_ref().filter(|_| file.is_none())?;
        Some((PORT, format!("port: {file} reads PORT, and a new unit sets it to this"), true))
    };
    let given = given.port.map(|port| (port, "port: as you said".to_owned(), false));
    let (port, from, unsure) = given.or(listens).or_else(read).or_else(variable)?;
    let (path, from, unsure) = match &clues.code.check {
        Some((path, file)) => (path.as_str(), format!("{from}; path: {file}"), unsure),
        None => ("/", format!("{from}; path: the front page"), true),
    };
    Some(Pick { value: format!("http://127.0.0.1:{port}{path}"), from, guess: unsure })
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
