//! Nix on this machine. Each command names store paths or one installable, never nothing: an empty list would make
//! `nix` take the flake of the working folder.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use super::cmd::Cmd;
use super::git::REDIRECTIONS;
use super::process::{Output, run, stream};
use super::source::Installable;
use crate::model::names::{PackageName, StorePath, System};
use json::PathInfo;

mod cache;
mod copy;
mod error;
pub mod json;
pub mod log;
pub mod trial;

pub use copy::Destination;
pub use error::NixError;

/// A build may compile a toolchain. It can be ended by hand at any time; this is for one that hangs in CI.
const BUILD: Duration = Duration::from_secs(6 * 3600);
/// A question to the local store.
const QUESTION: Duration = Duration::from_secs(120);
/// A look into a flake. It may fetch the flake's inputs first, which a person does not wait for without end.
const LOOK: Duration = Duration::from_secs(60);
/// Hashing: assets into the store, signatures of a closure.
const HASHING: Duration = Duration::from_secs(1800);
/// How many bytes of paths one command gets. Linux allows 2 MiB for words and environment together, macOS half of it.
const MOST_ARGUMENTS: usize = 128 * 1024;

/// Whether Nix may use what it remembers of a commit's flake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluation {
    /// It may: a deploy of a known commit then takes no evaluation at all.
    Remembered,
    /// It may not. What it remembers of a failure is only that there was one.
    Afresh,
}

/// What a package says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct Program {
    /// Its name, without its version.
    pub pname: Option<String>,
    /// The program in its `bin`.
    pub main: Option<String>,
}

/// The local Nix.
#[derive(Debug, Clone, Default)]
pub struct Nix {
    env: Vec<(OsString, OsString)>,
}

impl Nix {
    /// The one on PATH.
    pub fn new() -> Self {
        Nix::default()
    }

    /// … with a variable of its own.
    #[must_use]
    pub fn with_env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    fn program(&self, name: &str, deadline: Duration) -> Cmd {
        let cmd = Cmd::new(name, deadline);
        // Nix asks git too, and git must not look elsewhere than in the folder it is given.
        let cmd = REDIRECTIONS.iter().fold(cmd, |cmd, name| cmd.env_remove(name));
        self.env.iter().fold(cmd, |cmd, (name, value)| cmd.env(name, value))
    }

    fn nix(&self, command: &[&str], deadline: Duration) -> Cmd {
        self.program("nix", deadline)
            .args(["--extra-experimental-features", "nix-command flakes"])
            .args(command)
    }

    fn nix_store(&self, deadline: Duration) -> Cmd {
        self.program("nix-store", deadline)
    }

    /// Builds; each line of Nix's log goes to `on_line`. No link is left behind, and a lock file that lacks an input
    /// is an error: it would be written into the user's tree, or differ at the next build.
    pub async fn build(
        &self,
        installable: &Installable,
        evaluation: Evaluation,
        on_line: impl FnMut(&str),
    ) -> Result<StorePath, NixError> {
        let words =
            ["build", "--no-link", "--json", "--log-format", "internal-json", "--no-update-lock-file"];
        let mut cmd = self.nix(&words, BUILD);
        if evaluation == Evaluation::Afresh {
            cmd = cmd.args(["--option", "eval-cache", "false"]);
        }
        cmd = cmd.arg(&installable.text);
        if let Some(cwd) = &installable.cwd {
            cmd = cmd.cwd(cwd);
        }
        let output = stream(&cmd, on_line).await?;
        json::built_output(&output.stdout).map_err(|why| NixError::Answer { command: cmd.to_string(), why })
    }

    /// The names of a flake's packages, by system. Only names are evaluated: a package that is broken does no harm. Names
    /// that shipit can't deploy are left out.
    pub async fn packages(
        &self,
        packages: &Installable,
    ) -> Result<BTreeMap<System, Vec<PackageName>>, NixError> {
        let names: BTreeMap<String, Vec<String>> =
            self.eval(packages, "builtins.mapAttrs (system: builtins.attrNames)").await?;
        let parsed = |names: Vec<String>| names.iter().filter_map(|name| name.parse().ok()).collect();
        Ok(names
            .into_iter()
            .filter_map(|(system, names)| Some((system.parse().ok()?, parsed(names))))
            .collect())
    }

    /// What a package says of itself.
    pub async fn program_of(&self, package: &Installable) -> Result<Program, NixError> {
        let ask = "p: { pname = p.pname or (builtins.parseDrvName p.name).name; main = p.meta.mainProgram or null; }";
        self.eval(package, ask).await
    }

    /// A function of a flake's output, as JSON. No lock file is written.
    async fn eval<T: serde::de::DeserializeOwned>(
        &self,
        output: &Installable,
        function: &str,
    ) -> Result<T, NixError> {
        let mut cmd = self
            .nix(&["eval", "--json", "--no-update-lock-file"], LOOK)
            .arg(&output.text)
            .args(["--apply", function]);
        if let Some(cwd) = &output.cwd {
            cmd = cmd.cwd(cwd);
        }
        serde_json::from_slice(&run(&cmd).await?.stdout)
            .map_err(|error| NixError::Answer { command: cmd.to_string(), why: error.to_string() })
    }

    /// The command that shows all of a derivation's log.
    pub fn log_command(derivation: &str) -> String {
        format!("nix log {derivation}")
    }

    /// These paths and all that they need, each once, sorted.
    pub async fn closure(&self, paths: &[StorePath]) -> Result<Vec<StorePath>, NixError> {
        let mut all = BTreeSet::new();
        for part in split(paths) {
            let cmd = self.nix_store(QUESTION).args(["--query", "--requisites"]).args(words(part));
            all.extend(store_paths(&cmd, &run(&cmd).await?)?);
        }
        Ok(all.into_iter().collect())
    }

    /// These paths and all that they need, each once, with sizes and signatures.
    pub async fn closure_infos(&self, tops: &[StorePath]) -> Result<Vec<PathInfo>, NixError> {
        let ask = |format: &[&str]| {
            self.nix(&["path-info", "--json"], QUESTION)
                .args(format)
                .args(["--sigs", "--recursive"])
                .args(words(tops))
        };
        let mut cmd = ask(&[]);
        let mut answer = run(&cmd).await;
        // From some version on the format must be named, and older ones don't know the option.
        if answer.as_ref().is_err_and(|error| error.stderr.contains("--json-format")) {
            cmd = ask(&["--json-format", "1"]);
            answer = run(&cmd).await;
        }
        json::path_infos(&answer?.stdout).map_err(|why| NixError::Answer { command: cmd.to_string(), why })
    }

    /// Puts a folder into the store, named by its contents and its own name.
    pub async fn add(&self, folder: &Path) -> Result<StorePath, NixError> {
        let cmd = self.nix_store(HASHING).arg("--add").arg(folder);
        let output = run(&cmd).await?;
        store_paths(&cmd, &output)?
            .pop()
            .ok_or_else(|| NixError::Answer { command: cmd.to_string(), why: "no path".to_owned() })
    }

    /// Signs paths of the local store.
    pub async fn sign(&self, key_file: &Path, paths: &[StorePath]) -> Result<(), NixError> {
        for part in split(paths) {
            let cmd = self.nix(&["store", "sign", "--key-file"], HASHING).arg(key_file).args(words(part));
            run(&cmd).await?;
        }
        Ok(())
    }

    /// Makes a key pair to sign with; the secret half is for its owner's eyes.
    pub async fn make_key(&self, name: &str, secret: &Path, public: &Path) -> Result<(), NixError> {
        let cmd =
            self.nix_store(QUESTION).args(["--generate-binary-cache-key", name]).arg(secret).arg(public);
        run(&cmd).await?;
        Ok(())
    }
}

fn words(paths: &[StorePath]) -> impl Iterator<Item = &str> {
    paths.iter().map(StorePath::as_str)
}

/// The list in pieces that fit into one command each; no piece is empty.
fn split(paths: &[StorePath]) -> Vec<&[StorePath]> {
    let mut pieces = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, path) in paths.iter().enumerate() {
        let size = path.as_str().len() + 1;
        if bytes + size > MOST_ARGUMENTS {
            pieces.push(&paths[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < paths.len() {
        pieces.push(&paths[start..]);
    }
    pieces
}

fn store_paths(cmd: &Cmd, output: &Output) -> Result<Vec<StorePath>, NixError> {
    output
        .text()
        .lines()
        .map(|line| {
            line.parse()
                .map_err(|error| NixError::Answer { command: cmd.to_string(), why: format!("{error}") })
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
