//! Refuses keys that shipit does not know, before any value is looked at: a misspelt key that is passed over in
//! silence is a default that nobody chose.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::file::Keys;
use super::source::Source;
use crate::model::failure::{Failure, Outcome};
use crate::model::names::EnvironmentName;
use crate::model::nearest::nearest;

/// The table of environments, which only the top level has.
const ENVIRONMENTS: &str = "environments";

/// A mistake, and where it is.
struct Mistake {
    place: Range<usize>,
    message: String,
    hint: String,
}

/// Checks every key of the file; says where the environments' names are. Of several mistakes the first is told.
pub fn check(source: &Source, root: &DeTable<'_>) -> Outcome<BTreeMap<String, Range<usize>>> {
    let mut mistakes = Vec::new();
    let mut names = BTreeMap::new();
    level(root, "", &mut mistakes);
    if let Some((key, value)) = root.get_key_value(ENVIRONMENTS) {
        for (name, value) in table(key.span(), value, ENVIRONMENTS, &mut mistakes).into_iter().flatten() {
            let path = format!("{ENVIRONMENTS}.{}", name.get_ref());
            if let Err(error) = name.get_ref().parse::<EnvironmentName>() {
                let hint = "give it a name such as [environments.staging]".to_owned();
                mistakes.push(Mistake { place: name.span(), message: error.to_string(), hint });
            } else if let Some(keys) = table(name.span(), value, &path, &mut mistakes) {
                level(keys, &path, &mut mistakes);
                names.insert(name.get_ref().to_string(), name.span());
            }
        }
    }
    match mistakes.into_iter().min_by_key(|mistake| mistake.place.start) {
        None => Ok(names),
        Some(Mistake { place, message, hint }) => Err(Failure::hint(source.failure(place, message), hint)),
    }
}

/// The top level or an environment.
fn level(keys: &DeTable<'_>, path: &str, mistakes: &mut Vec<Mistake>) {
    for (key, value) in keys {
        let name = key.get_ref().as_ref();
        if let Some((table_name, known)) = Keys::TABLES.iter().find(|(table, _)| *table == name) {
            let table_path = join(path, table_name);
            for (key, _) in table(key.span(), value, &table_path, mistakes).into_iter().flatten() {
                if !known.contains(&key.get_ref().as_ref()) {
                    mistakes.push(unknown_in_table(key, path, &table_path, known));
                }
            }
            continue;
        }
        let environments = path.is_empty() && name == ENVIRONMENTS;
        if !Keys::KEYS.contains(&name) && !environments {
            mistakes.push(unknown_in_level(key, path));
        }
    }
}

fn table<'a, 'i>(
    place: Range<usize>,
    value: &'a Spanned<DeValue<'i>>,
    path: &str,
    mistakes: &mut Vec<Mistake>,
) -> Option<&'a DeTable<'i>> {
    let found = value.get_ref().as_table();
    if found.is_none() {
        let message = format!("`{path}` is a table, not {}", kind(value.get_ref()));
        let sample = if path == ENVIRONMENTS { "environments.NAME" } else { path };
        let hint = format!("write [{sample}] on a line of its own, and its keys below");
        mistakes.push(Mistake { place, message, hint });
    }
    found
}

fn unknown_in_level(key: &Spanned<DeString<'_>>, path: &str) -> Mistake {
    let name = key.get_ref().as_ref();
    let known: Vec<&str> = Keys::KEYS
        .iter()
        .copied()
        .chain(Keys::TABLES.iter().map(|(table, _)| *table))
        .chain(path.is_empty().then_some(ENVIRONMENTS))
        .collect();
    let home = Keys::TABLES.iter().find(|(_, keys)| keys.contains(&name));
    let hint = match (home, nearest(name, known.iter().copied())) {
        (Some((table, _)), _) => format!("`{name}` belongs in [{}]", join(path, table)),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => format!("known here: {}", list(known)),
    };
    mistake(key, path, hint)
}

fn unknown_in_table(key: &Spanned<DeString<'_>>, level: &str, path: &str, known: &[&str]) -> Mistake {
    let name = key.get_ref().as_ref();
    let home = Keys::TABLES.iter().find(|(_, keys)| keys.contains(&name));
    let hint = match (nearest(name, known.iter().copied()), home) {
        // In TOML all keys below a [table] are the table's: the likeliest way to put a known name in a wrong place.
        _ if Keys::KEYS.contains(&name) && level.is_empty() => {
            format!("`{name}` belongs at the top of the file, above the first [table]")
        }
        _ if Keys::KEYS.contains(&name) => format!("`{name}` belongs in [{level}], above [{path}]"),
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, None) => format!("known here: {}", list(known.iter().copied())),
        (None, Some((table, _))) => {
            let home = join(level, table);
            format!("`{name}` belongs in [{home}]; known here: {}", list(known.iter().copied()))
        }
    };
    mistake(key, path, hint)
}

fn mistake(key: &Spanned<DeString<'_>>, path: &str, hint: String) -> Mistake {
    let name: String = key.get_ref().chars().take(80).collect();
    let place = if path.is_empty() { String::new() } else { format!(" in [{path}]") };
    Mistake { place: key.span(), message: format!("there is no key `{name}`{place}"), hint }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// `a`, `b`, `c`
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
