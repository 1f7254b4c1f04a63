//! Builds what is deployed, here, and says what to do when that fails.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::model::event::{Event, Events};
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{PackageName, StorePath, System};
use crate::model::store_url::StoreUrl;
use crate::tools::nix::log::{NixFailure, NixLog, Purpose, shortened};
use crate::tools::nix::{Evaluation, Nix, NixError};
use crate::tools::source::{Installable, Source, installable};
use nix_says::{SHOWN_ERROR_LINES, explain_nix, failed, telling};

pub mod assets;
pub mod nix_says;
pub mod source;
pub mod taken;

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The output that is deployed.
    pub store_path: StorePath,
    /// How long it took.
    pub took: Duration,
    /// How many derivations were built for it.
    pub built: u64,
    /// How many paths were fetched for it.
    pub fetched: u64,
}

impl Built {
    fn event(&self) -> Event {
        let Built { store_path, took, built, fetched } = self.clone();
        Event::Built { store_path, built, fetched, took }
    }
}

/// Builds `packages.<system>.<package>`. `scratch` is the private folder of this run.
pub async fn build(
    nix: &Nix,
    source: &Source,
    package: &PackageName,
    system: &System,
    scratch: &Path,
    events: &Events,
) -> Outcome<Built> {
    let installable = begin(source, (package, system), scratch, None, events)?;
    let began = Instant::now();
    let run = async |evaluation| {
        let mut log = NixLog::new(Purpose::Build);
        let result = nix.build(&installable, evaluation, telling(&mut log, events)).await;
        (result, log)
    };
    let (mut result, mut log) = run(Evaluation::Remembered).await;
    if result.is_err() && is_only_remembered(&log) {
        (result, log) = run(Evaluation::Afresh).await;
    }
    let store_path = result.map_err(|error| explain(error, &log.failure(), source, package, system))?;
    let built = Built { store_path, took: began.elapsed(), built: log.built(), fetched: log.fetched() };
    events.tell(built.event());
    Ok(built)
}

/// Nix remembers that an evaluation failed, but not why: 2.8 says the first or the second of these the next time.
fn is_only_remembered(log: &NixLog) -> bool {
    let failure = log.failure();
    ["is not a derivation", "cached failure of attribute"].iter().any(|text| failure.headline.contains(text))
}

/// Names what is to be had, and tells that it is being built or, where there is a cache, looked for.
fn begin(
    source: &Source,
    (package, system): (&PackageName, &System),
    scratch: &Path,
    from: Option<&StoreUrl>,
    events: &Events,
) -> Outcome<Installable> {
    let installable = installable(source, package, system, scratch);
    link(&installable)?;
    let (text, system) = (installable.text.clone(), system.clone());
    events.tell(Event::Building { installable: text, system, from: from.cloned() });
    Ok(installable)
}

/// The link that the installable needs; a second build of the same run finds it there.
pub(crate) fn link(installable: &Installable) -> Outcome<()> {
    let Some((link, to)) = &installable.link else { return Ok(()) };
    let made = match std::fs::remove_file(link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => symlink(to, link),
    };
    made.map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("can't make the link {}", link.display()));
        Failure::new(Kind::Build, error)
    })
}

fn explain(
    error: NixError,
    nix: &NixFailure,
    source: &Source,
    package: &PackageName,
    system: &System,
) -> Failure {
    if !matches!(error, NixError::Command(_)) {
        return explain_nix(Kind::Build, error);
    }
    let text = nix.text.join("\n");
    if let Some(derivation) = &nix.derivation {
        let name = derivation.rsplit('/').next().unwrap_or(derivation);
        let name = name.split_once('-').map_or(name, |(_, name)| name);
        let name = name.strip_suffix(".drv").unwrap_or(name);
        let failure = Failure::new(
            Kind::Build,
            anyhow::anyhow!("{}", nix.headline).context(format!("the build of {name} failed")),
        );
        return match nix.log.len() {
            0 => failure.detail("nix says", shortened(&nix.text, SHOWN_ERROR_LINES)),
            1 => failure.detail(format!("the log of {name}"), nix.log.clone()),
            count => failure.detail(format!("the last {count} lines of the log of {name}"), nix.log.clone()),
        }
        .hint(format!("all of the log: `{}`", Nix::log_command(derivation)));
    }

    let attribute = format!("packages.{system}.{package}");
    let lines = shortened(&nix.text, SHOWN_ERROR_LINES);
    let built_for_another =
        text.contains("is required to build") || text.contains("required system or feature");
    if text.contains("does not provide attribute") {
        let failure = Failure::msg(Kind::Build, format!("the flake has no `{attribute}`"));
        let failure = match text.split_once("Did you mean") {
            Some((_, names)) => {
                let names = names.trim().trim_end_matches('?').trim_start_matches("one of ");
                failure.hint(format!("there is {}: `package` in shipit.toml names it", names.trim()))
            }
            None => failure.detail("nix says", lines),
        };
        return failure
            .hint("`nix flake show` lists what there is; `package` and `system` of shipit.toml choose");
    }
    if built_for_another {
        return Failure::new(
            Kind::Build,
            anyhow::anyhow!("{}", nix.headline).context(format!("this machine can't build for {system}")),
        )
        .detail("nix says", lines)
        .hint(format!("deploy from a {system} machine: CI, or the server's own kind"))
        .hint(format!("or give Nix a remote builder for {system}: `builders` in nix.conf"));
    }

    failed(Kind::Build, error, nix, format!("nix could not build `{attribute}`"), |failure, text| {
        failure.hint(advice(text, source).unwrap_or_else(|| {
            format!("where it comes from: `nix build --no-link --no-eval-cache --show-trace .#{attribute}`")
        }))
    })
}

/// What to do about an error of Nix that many will meet.
pub(crate) fn advice(text: &str, source: &Source) -> Option<String> {
    let has = |needle: &str| text.contains(needle);
    if has("cannot write modified lock file") || has("requires lock file changes") {
        return Some("`nix flake lock`, then commit flake.lock: a deploy does not write it".to_owned());
    }
    if has("is not tracked by Git") || has("does not exist in Git repository") {
        return Some("`git add` the file: Nix sees only what git tracks".to_owned());
    }
    if has("flake.nix") && has("No such file or directory") {
        return Some("`git add flake.nix`: Nix sees only what git tracks".to_owned());
    }
    if has("-source/") && (has("No such file or directory") || has("does not exist")) && source.repo.is_some()
    {
        return Some(
            "when the file is there: `git add` it, because Nix sees only what git tracks, and nothing of submodules"
                .to_owned(),
        );
    }
    if has("couldn't find remote ref") || has("is not a valid URL") {
        return Some(format!(
            "this Nix can't read {}, because of a blank or another special character in its path: commit the changes, \
             or move the folder",
            source.folder.display()
        ));
    }
    if has("cannot connect to socket") || has("daemon-socket") {
        return Some(
            "is the Nix daemon of this machine running? `systemctl status nix-daemon` (on macOS `sudo launchctl list \
             org.nixos.nix-daemon`)"
                .to_owned(),
        );
    }
    if has("No space left on device") {
        return Some("`nix-collect-garbage` on this machine makes room".to_owned());
    }
    None
}

#[cfg(test)]
mod tests;
