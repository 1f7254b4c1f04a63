//! What this machine's Nix can do, tried out: its version, its store, and a path that exists nowhere else, to be sent.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{Destination, Nix, NixError, QUESTION};
use crate::model::names::StorePath;
use crate::tools::process::{run, stream};
use crate::tools::token;

/// A copy of a few bytes.
const TRIAL: Duration = Duration::from_secs(60);
/// The name of what is tried with.
const NAME: &str = "shipit-doctor";

/// A store path that no store has, in a binary cache of its own. It is not content-addressed, so a server takes it only
/// from a login that it trusts, or with a signature of a key that it trusts: like a release, and unlike what
/// `nix-store --add` makes.
pub struct Trial {
    folder: PathBuf,
    /// The path.
    pub path: StorePath,
}

impl Nix {
    /// Its version: `2.26.3`.
    pub async fn version(&self) -> Result<String, NixError> {
        let output = run(&self.program("nix", QUESTION).arg("--version")).await?;
        Ok(output.text().rsplit(' ').next().unwrap_or_default().to_owned())
    }

    /// Whether a user's own commands can use flakes; none: it does not tell. shipit turns them on for its own.
    pub async fn has_flakes_on(&self) -> Option<bool> {
        for words in [&["show-config"][..], &["config", "show"]] {
            match run(&self.program("nix", QUESTION).args(words)).await {
                Ok(output) => {
                    let text = output.text();
                    let line = text.lines().find_map(|line| line.strip_prefix("experimental-features = "))?;
                    return Some(line.split(' ').any(|feature| feature == "flakes"));
                }
                Err(error)
                    if error.stderr.contains("experimental") && error.stderr.contains("nix-command") =>
                {
                    return Some(false);
                }
                Err(_) => {}
            }
        }
        None
    }

    /// Puts a few bytes into this machine's store, signs them if there is a key, and takes them away again. What can't
    /// be taken away goes with the next garbage collection: nothing refers to it.
    pub async fn try_store(&self, scratch: &Path, key_file: Option<&Path>) -> Result<(), NixError> {
        let path = self.add(&words_in_a_folder(scratch)).await?;
        let signed = match key_file {
            Some(key_file) => self.sign(key_file, std::slice::from_ref(&path)).await,
            None => Ok(()),
        };
        let deleted = run(&self.nix_store(QUESTION).arg("--delete").arg(path.as_str())).await;
        if let Err(error) = deleted {
            tracing::debug!("{path} stays in the store: {error}");
        }
        signed
    }

    /// Makes a path to be sent, in `folder`; signed, if there is a key.
    pub async fn trial(&self, folder: &Path, key_file: Option<&Path>) -> Result<Trial, NixError> {
        let tree = words_in_a_folder(folder);
        let cmd = self.nix_store(QUESTION).arg("--dump").arg(&tree);
        let odd = |why: String| NixError::Answer { command: cmd.to_string(), why };
        let nar = run(&cmd).await?.stdout;
        // Nix's names have no e, o, t and u.
        let hash = token::random().map_err(|error| odd(error.to_string()))?.replace('e', "z");
        let path: StorePath =
            format!("/nix/store/{hash}-{NAME}").parse().map_err(|error| odd(format!("{error}")))?;
        let sum: String = Sha256::digest(&nar).iter().map(|byte| format!("{byte:02x}")).collect();
        let size = nar.len();
        let info = format!(
            "StorePath: {path}\nURL: trial.nar\nCompression: none\nFileHash: sha256:{sum}\nFileSize: {size}\n\
             NarHash: sha256:{sum}\nNarSize: {size}\nReferences: \n"
        );
        let cache = folder.join("cache");
        fs::create_dir_all(&cache)
            .and_then(|()| fs::write(cache.join("nix-cache-info"), "StoreDir: /nix/store\n"))
            .and_then(|()| fs::write(cache.join("trial.nar"), &nar))
            .and_then(|()| fs::write(cache.join(format!("{hash}.narinfo")), info))
            .map_err(|error| odd(format!("{}: {error}", cache.display())))?;
        if let Some(key_file) = key_file {
            let cmd = self
                .nix(&["store", "sign", "--key-file"], QUESTION)
                .arg(key_file)
                .args(["--store", &url(&cache)])
                .arg(path.as_str());
            run(&cmd).await?;
        }
        Ok(Trial { folder: cache, path })
    }

    /// Sends it, as a release is sent; each line of Nix's log goes to `on_line`.
    pub async fn send(
        &self,
        trial: &Trial,
        to: &Destination,
        on_line: impl FnMut(&str),
    ) -> Result<(), NixError> {
        let cmd = self.copy_command(to, TRIAL).args(["--from", &url(&trial.folder)]).arg(trial.path.as_str());
        stream(&cmd, on_line).await.map(|_| ()).map_err(NixError::from)
    }
}

/// A store is named by a URL.
fn url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

/// What is tried with. Its content is the same each time, so that this machine's store has it once at most.
fn words_in_a_folder(scratch: &Path) -> PathBuf {
    let file = scratch.join(NAME);
    // A folder that can't be written to is what Nix says next.
    let _ = fs::write(&file, "shipit doctor tried whether a path is taken here. Nothing needs it.\n");
    file
}
