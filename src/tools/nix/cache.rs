//! Binary caches: what another machine has built comes from one, and goes into one.

use super::copy::COPY;
use super::{BUILD, Installable, Nix, NixError, run, split, stream, words};
use crate::model::names::StorePath;
use crate::model::store_url::StoreUrl;

/// The same choice as of a build's outputs: `out`, else `bin`, else the only one.
const OUTPUT: &str = "package: let
    names = package.meta.outputsToInstall or [ (package.outputName or \"out\") ];
    has = name: builtins.elem name names;
    name = if has \"out\" then \"out\" else if has \"bin\" then \"bin\" else builtins.head names;
  in (package.${name} or package).outPath";

impl Nix {
    /// The store path that a build would have, by evaluation alone. Inputs of the flake may be fetched for it.
    pub async fn output_path(
        &self,
        output: &Installable,
        on_line: impl FnMut(&str),
    ) -> Result<StorePath, NixError> {
        let words = ["eval", "--json", "--log-format", "internal-json", "--no-update-lock-file"];
        let mut cmd = self.nix(&words, BUILD).arg(&output.text).args(["--apply", OUTPUT]);
        if let Some(cwd) = &output.cwd {
            cmd = cmd.cwd(cwd);
        }
        let output = stream(&cmd, on_line).await?;
        let path: Result<String, _> = serde_json::from_slice(&output.stdout);
        let path = path
            .map_err(|error| error.to_string())
            .and_then(|path| path.parse().map_err(|error| format!("{error}")));
        path.map_err(|why| NixError::Answer { command: cmd.to_string(), why })
    }

    /// Brings a path and all that it needs into this machine's store, from this cache and those of nix.conf. Nothing is
    /// built. Nix takes what is signed by a key of nix.conf or by `key`; either store or key counts only where this
    /// machine's daemon trusts the user.
    pub async fn take(
        &self,
        path: &StorePath,
        from: &StoreUrl,
        key: Option<&str>,
        on_line: impl FnMut(&str),
    ) -> Result<(), NixError> {
        let mut cmd = self
            .nix(&["build", "--no-link", "--log-format", "internal-json"], COPY)
            .args(["--option", "max-jobs", "0", "--option", "builders", ""])
            .args(["--option", "extra-substituters", from.as_str()])
            // What was not there an hour ago is looked for again: the job that builds may have ended since.
            .args(["--option", "narinfo-cache-negative-ttl", "0"]);
        if let Some(key) = key {
            cmd = cmd.args(["--option", "extra-trusted-public-keys", key]);
        }
        stream(&cmd.arg(path.as_str()), on_line).await?;
        Ok(())
    }

    /// Adds the signatures that a cache has of these paths: what was here already is not taken from there.
    pub async fn take_signatures(&self, paths: &[StorePath], from: &StoreUrl) -> Result<(), NixError> {
        for part in split(paths) {
            let cmd = self
                .nix(&["store", "copy-sigs", "--substituter", from.as_str()], BUILD)
                // It tries five times, and older versions wait for minutes each time.
                .args(["--option", "connect-timeout", "10"])
                .args(words(part));
            run(&cmd).await?;
        }
        Ok(())
    }

    /// Copies these paths and all that they need into a cache, as they are signed.
    pub async fn put(
        &self,
        paths: &[StorePath],
        to: &StoreUrl,
        mut on_line: impl FnMut(&str),
    ) -> Result<(), NixError> {
        for part in split(paths) {
            let cmd = self
                .nix(&["copy", "--log-format", "internal-json", "--no-check-sigs", "--to"], COPY)
                .arg(to.to_write())
                .args(words(part));
            stream(&cmd, &mut on_line).await?;
        }
        Ok(())
    }
}
