//! shipit.toml and the command line become [`Settings`], or a [`Failure`](crate::model::failure::Failure) that
//! points at the place.
//!
//! `load` finds and reads the file, `file` is what it may say, `keys` refuses the keys that are none of that, `written`
//! makes values of its text, `values` (with `duration` and `checks`) are the single ones, `resolve` looks at several of
//! them together and fills in the defaults. `source` shows the place of a mistake.

use std::path::PathBuf;

use crate::context::Context;
use crate::model::failure::Outcome;
use crate::model::settings::{HostKey, Settings};

mod checks;
pub mod duration;
mod file;
mod keys;
mod load;
mod resolve;
mod source;
mod values;
mod written;

#[cfg(test)]
mod tests;

pub use crate::model::nearest::nearest;
pub use checks::host_key;
pub use load::NAME;

/// Which file and which part of it: what the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// `-c FILE`; without it, shipit.toml is looked for upwards.
    pub file: Option<PathBuf>,
    /// `-e NAME`; without it, production.
    pub environment: Option<String>,
    /// `--host-key KEY`, in place of that of the file.
    pub host_key: Option<String>,
}

/// Finds, reads and resolves the configuration. All environments are checked, not only the chosen one, so that a
/// mistake in the rarely used one is found before the day on which it is needed.
pub fn load(context: &Context, choice: &Choice) -> Outcome<Settings> {
    let source = load::source(context, choice.file.as_deref())?;
    let file = written::parse(&source)?;
    let mut settings = resolve::settings(context, &source, file, choice.environment.as_deref())?;
    if let Some(key) = &choice.host_key {
        settings.ssh.host_key = Some(HostKey::Given(key.clone()));
    }
    Ok(settings)
}

/// A text that is not a file yet, as if it lay there.
pub fn parse(context: &Context, folder: PathBuf, name: String, text: String) -> Outcome<Settings> {
    let source = source::Source { name, folder, text };
    let file = written::parse(&source)?;
    resolve::settings(context, &source, file, None)
}

/// A URL that `health.http` may be.
///
/// # Errors
/// Why it is none.
pub fn health_url(text: &str) -> Result<String, String> {
    checks::url(text).map(|()| text.to_owned())
}
