//! shipit.toml as it is written: its text becomes values.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::file::Keys;
use super::keys;
use super::source::Source;
use crate::model::failure::Outcome;
use crate::model::names::EnvironmentName;

/// The whole file.
#[derive(Debug)]
pub struct Written {
    /// The top level.
    pub top: Keys,
    /// The tables below `environments`, and where in the file their names are.
    pub environments: BTreeMap<EnvironmentName, (Range<usize>, Keys)>,
}

/// Reads the text. Each single value that comes out of it is a possible one.
pub fn parse(source: &Source) -> Outcome<Written> {
    #[derive(Deserialize)]
    struct Environments {
        #[serde(default)]
        environments: BTreeMap<EnvironmentName, Keys>,
    }

    let fail = |error: toml::de::Error| source.failure(error.span().unwrap_or(0..0), error.message());
    let mut table = DeTable::parse(&source.text).map_err(fail)?;
    let places = keys::check(source, table.get_ref())?;

    // The environments go their own way: serde's `flatten` would lose the places.
    let mut rest = DeTable::new();
    if let Some((name, value)) = table.get_mut().remove_entry("environments") {
        rest.insert(name, value);
    }
    let rest = Spanned::new(table.span(), rest);
    let top = Keys::deserialize(Deserializer::from(table)).map_err(fail)?;
    let environments = Environments::deserialize(Deserializer::from(rest)).map_err(fail)?.environments;
    let environments = environments
        .into_iter()
        .map(|(name, keys)| {
            let place = places.get(name.as_str()).cloned().unwrap_or(0..0);
            (name, (place, keys))
        })
        .collect();
    Ok(Written { top, environments })
}
