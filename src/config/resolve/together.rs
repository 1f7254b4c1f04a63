//! What several values together must hold, within one environment and between them.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{Environment, PRODUCTION, SETTLE, WITHIN, limit, root, unit};
use crate::config::file::Keys;
use crate::config::source::Source;
use crate::config::values::Asset;
use crate::model::failure::Outcome;
use crate::model::names::{AssetPath, EnvironmentName};

/// They travel in one command, with the unit's environment and the scripts.
const LONGEST_HOOK: usize = 16 * 1024;

/// What must hold within one environment.
pub fn check(source: &Source, name: &EnvironmentName, keys: &Keys) -> Outcome<()> {
    let of =
        if name.as_str() == PRODUCTION { String::new() } else { format!(" (in the environment {name})") };
    if let Some(health) = &keys.health {
        if health.http.is_none() {
            let alone = health.status.as_ref().map(|status| ("status", status.span()));
            if let Some((key, place)) = alone.or(health.host.as_ref().map(|host| ("host", host.span()))) {
                return Err(source.failure(place, format!("`{key}` does nothing without `http`{of}")));
            }
        }
        if let Some(status) = health.status.as_ref().filter(|status| status.get_ref().0.is_empty()) {
            let message = "no status would be healthy: leave `status` out for any 2xx or 3xx";
            return Err(source.failure(status.span(), message));
        }
        let within = limit(health.within.as_ref(), WITHIN);
        let settle = limit(health.settle.as_ref(), SETTLE);
        let place = health.within.as_ref().or(health.settle.as_ref());
        if let Some(place) = place.filter(|_| within < settle) {
            let message = format!(
                "`within` ({within:?}) is shorter than `settle` ({settle:?}): no release could make it{of}"
            );
            return Err(source.failure(place.span(), message));
        }
    }
    if let Some(hooks) = &keys.hooks {
        if let (Some(timeout), None) = (&hooks.timeout, &hooks.before_switch) {
            return Err(source.failure(timeout.span(), format!("`timeout` does nothing without a hook{of}")));
        }
        let program = hooks.before_switch.as_ref().and_then(|words| words.get_ref().0.first());
        if let Some(program) = program.filter(|word| word.get_ref().0.starts_with('-')) {
            return Err(source.failure(program.span(), "the hook's program begins with -, as an option does"));
        }
        if let Some(words) = &hooks.before_switch {
            let bytes: usize = words.get_ref().0.iter().map(|word| word.get_ref().0.len() + 1).sum();
            if bytes > LONGEST_HOOK {
                let message = format!(
                    "the hook's words have {bytes} bytes, at most {LONGEST_HOOK}: put them into a script of the release{of}"
                );
                return Err(source.failure(words.span(), message));
            }
        }
    }
    if let Some(assets) = &keys.assets {
        check_assets(source, &assets.get_ref().0)?;
    }
    Ok(())
}

fn check_assets(source: &Source, assets: &[Spanned<Asset>]) -> Outcome<()> {
    let mut seen: BTreeMap<Vec<&str>, &AssetPath> = BTreeMap::new();
    for asset in assets {
        let Asset(name) = asset.get_ref();
        let path = parts(name);
        if seen.contains_key(&path) {
            return Err(source.failure(asset.span(), format!("the asset {:?} is named twice", name.as_str())));
        }
        // Sorted part by part, what lies inside a path comes right behind it.
        let inside = seen.range(path.clone()..).next().filter(|(other, _)| other.starts_with(&path));
        let around = (1..path.len()).find_map(|length| seen.get(&path[..length]));
        let pair = inside.map(|(_, inner)| (*inner, name)).or(around.map(|outer| (name, *outer)));
        if let Some((inner, outer)) = pair.map(|(inner, outer)| (inner.as_str(), outer.as_str())) {
            let message = format!("the asset {inner:?} lies inside the asset {outer:?}: name one of them");
            return Err(source.failure(asset.span(), message));
        }
        seen.insert(path, name);
    }
    Ok(())
}

/// The parts of a path, those that say nothing left out.
pub fn parts(asset: &AssetPath) -> Vec<&str> {
    asset.as_str().split('/').filter(|part| *part != ".").collect()
}

/// What must hold between environments: what one deploys, another must not take for its own. Hosts are compared
/// as they are written; only ssh knows what an alias means.
pub fn check_apart(source: &Source, environments: &BTreeMap<EnvironmentName, Environment>) -> Outcome<()> {
    let mut roots = BTreeMap::new();
    let mut units = BTreeMap::new();
    // In the order of the file, so that the later one is the one pointed at.
    let mut sorted: Vec<_> = environments.iter().collect();
    sorted.sort_by_key(|(_, environment)| environment.place.as_ref().map(|place| place.start));
    for (name, environment) in sorted {
        let keys = &environment.keys;
        let (Some(host), Some(app)) = (&keys.host, &keys.app) else { continue };
        let (host, app) = (host.get_ref(), app.get_ref());
        let place = environment.place.clone().unwrap_or(0..0);
        let (root, unit) = (root(keys, app)?, unit(keys, app)?);
        if let Some(other) = roots.insert((host, root.clone()), name) {
            let message =
                format!("the environments {other} and {name} are the same folder: {root} on {host}");
            return Err(source.failure(place, message).hint(format!("give {name} its own `host` or `root`")));
        }
        // A unit runs one `current`: the other environment's deploy would restart it and look at the wrong app.
        if let Some(other) = units.insert((host, unit.clone()), name) {
            let message = format!("the environments {other} and {name} are the same unit: {unit} on {host}");
            return Err(source.failure(place, message).hint(format!("give {name} its own `host` or `unit`")));
        }
    }
    Ok(())
}
