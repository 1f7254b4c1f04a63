//! What Nix says of the flake, if there is a Nix and if it can say it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::deploy::build;
use crate::model::failure::{Failed as _, Kind, Outcome};
use crate::model::names::{PackageName, System};
use crate::tools::git::{self, Repo};
use crate::tools::nix::{Nix, NixError, Program};
use crate::tools::private_folder::PrivateFolder;
use crate::tools::source::{Source, flake_output};

/// What the flake has.
#[derive(Debug, Default)]
pub struct Flake {
    /// Its packages for Linux, by system; none where Nix could not say.
    pub packages: Option<BTreeMap<System, Vec<PackageName>>>,
    /// What the package to deploy is called, and its program.
    pub program: Program,
    /// What a person should know of it, and what to type then.
    pub notes: Vec<(String, Option<String>)>,
}

/// Asks Nix. What goes wrong becomes a note: a shipit.toml can be written all the same.
///
/// # Errors
/// Where no private folder can be made.
pub async fn look(folder: &Path, repo: Option<&Repo>, runtime_folder: &Path) -> Outcome<Flake> {
    let mut flake = Flake::default();
    if let Some(repo) = repo {
        // Nix sees only what git tracks.
        if !git::is_tracked(repo, &Source::in_repo(repo, "flake.nix")).await.unwrap_or(true) {
            let text = "git does not track flake.nix, so Nix does not see it".to_owned();
            flake.notes.push((text, Some("`git add flake.nix`".to_owned())));
            return Ok(flake);
        }
    } else {
        let text = "this folder is in no git repository: a deploy of it needs --allow-dirty".to_owned();
        flake.notes.push((text, Some("`git init && git add -A && git commit`".to_owned())));
    }
    let scratch = PrivateFolder::new(runtime_folder)
        .failed(Kind::Usage, "no private folder could be made for this run")?;
    let (folder, repo) = (folder.to_owned(), repo.cloned());
    let source = Source { folder, repo, commit: None, subject: None, dirty: true };
    let nix = Nix::new();
    let packages = flake_output(&source, "packages", scratch.path());
    build::link(&packages)?;
    match nix.packages(&packages).await {
        Ok(all) => {
            let linux = |system: &System| system.as_str().ends_with("-linux");
            let all: BTreeMap<_, _> = all.into_iter().filter(|(system, _)| linux(system)).collect();
            if all.values().all(Vec::is_empty) {
                flake.notes.push((
                    "the flake has no packages for Linux, and a package is what is deployed".to_owned(),
                    None,
                ));
            }
            if let Some((system, package)) = usual(&all) {
                let output =
                    flake_output(&source, &format!("packages.{system}.\"{package}\""), scratch.path());
                flake.program = nix.program_of(&output).await.unwrap_or_default();
            }
            flake.packages = Some(all);
        }
        Err(error) => flake.notes.push(note(&error, &source)),
    }
    Ok(flake)
}

/// The package that a deploy takes: `default`, or the only one.
pub fn usual(all: &BTreeMap<System, Vec<PackageName>>) -> Option<(&System, &PackageName)> {
    let own = |system: &&System| system.as_str().starts_with(std::env::consts::ARCH);
    let system = all.keys().find(own).or_else(|| all.keys().next())?;
    let packages = all.get(system)?;
    let default = packages.iter().find(|name| name.as_str() == "default");
    let only = packages.first().filter(|_| packages.len() == 1);
    Some((system, default.or(only)?))
}

fn note(error: &NixError, source: &Source) -> (String, Option<String>) {
    let NixError::Command(error) = error else {
        return (format!("{error}; a deploy needs it"), None);
    };
    let text = &error.stderr;
    if text.contains("does not provide attribute") {
        return ("the flake has no `packages`, and a package is what is deployed".to_owned(), None);
    }
    let mut said = text.lines().filter_map(|line| line.split_once("error: ")).map(|(_, said)| said.trim());
    let said = said.rfind(|said| !said.is_empty()).map_or_else(|| error.end.to_string(), str::to_owned);
    (format!("Nix could not say what the flake has: {said}"), build::advice(text, source))
}
