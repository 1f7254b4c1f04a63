//! What the program knows of the place that it was started in: asked once, here, and nowhere else.

use std::path::PathBuf;

/// The surroundings of one run.
#[derive(Debug, Clone)]
pub struct Context {
    /// The working folder, `-C` applied.
    pub cwd: PathBuf,
    /// The user's home, for `~/` in shipit.toml.
    pub home: Option<PathBuf>,
    /// Who runs it: `anna@laptop`, or the actor of a CI run.
    pub who: String,
    /// Where from: the URL of a CI run.
    pub from: Option<String>,
    /// Where short-lived private files may lie.
    pub runtime_folder: PathBuf,
}
