//! The workflow of `init --github`: a deploy as a step of GitHub's, out of shipit.toml and what git knows.

use std::fs;
use std::path::Path;

use super::without_login;
use super::write::{NewFile, is_free};
use crate::model::action::Action;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::settings::{Settings, SystemChoice};
use crate::tools::cmd::quoted;
use crate::tools::git::{self, GitError};
use existing::{Difference, deploys_too, difference};
use workflow::Workflow;

mod existing;
mod signing;
mod workflow;

#[cfg(test)]
mod tests;

/// Where GitHub looks for workflows.
const FOLDER: &str = ".github/workflows";
/// What the branch that is deployed is called nearly everywhere.
const MAIN_BRANCHES: [&str; 2] = ["main", "master"];
/// The machines that GitHub lends, by what they build for.
const RUNNERS: [(&str, &str); 2] = [("x86_64-linux", "ubuntu-24.04"), ("aarch64-linux", "ubuntu-24.04-arm")];
/// What sshd makes for itself wherever it is installed.
const HOST_KEY_FILE: &str = "/etc/ssh/ssh_host_ed25519_key.pub";

/// A workflow, and what goes with it.
#[derive(Debug, Clone)]
pub struct GitHub {
    /// The workflow. Where one is there that names another shipit and is the same otherwise, it is that one.
    pub file: NewFile,
    /// shipit's own action, as the workflow names it.
    action: String,
    /// The environment on GitHub, which holds the secrets.
    pub environment: String,
    /// The branch whose pushes it deploys.
    pub branch: String,
    /// What somebody should look at, each with what to do.
    pub notes: Vec<(String, Option<String>)>,
    /// What to type before the first run.
    pub next: Vec<String>,
}

impl GitHub {
    /// Fails where another workflow of this name is there, and says how it differs.
    ///
    /// # Errors
    /// [`Kind::Usage`], with what GitHub needs all the same.
    pub fn is_free(&self, cwd: &Path) -> Outcome<()> {
        let path = &self.file.path;
        let Err(failure) = is_free(path, cwd) else { return Ok(()) };
        let there = fs::read_to_string(path).ok();
        let needs = "what GitHub needs for the one that init would write";
        let failure = match there.map(|there| difference(&there, &self.file.text, &self.action)) {
            None => failure,
            Some(Difference::Lines(lines)) => {
                let both = [lines, vec![format!("{needs}:")], self.next.clone()].concat();
                return Err(failure.detail("what it has (-), and what init would write (+)", both));
            }
            Some(Difference::Action(lines)) => {
                let name = quoted(path.strip_prefix(cwd).unwrap_or(path).as_os_str());
                let text = format!(
                    "{} is there already; nothing but which shipit it names differs: {}",
                    path.display(),
                    lines.join(", ")
                );
                Failure::msg(Kind::Usage, text)
                    .hint(format!(
                        "make it `uses: {}` there, and init without --action says the rest",
                        self.action
                    ))
                    .hint(format!("or have it written anew: rm {name}, and then the same once more"))
            }
        };
        Err(failure.detail(needs, self.next.clone()))
    }
}

/// The workflow for these settings. `action`: as it was said. `let_in`: what one types before the file of a key that shall
/// log in. `home`: what `~/` stood for in shipit.toml. `public`: the public half of the signing key that is here.
///
/// # Errors
/// [`Kind::Usage`] where there is no repository to put it in.
pub async fn workflow(
    settings: &Settings,
    action: Option<&Action>,
    let_in: &str,
    home: Option<&Path>,
    public: Option<&str>,
) -> Outcome<GitHub> {
    let repo = git::repository(&settings.folder).await.map_err(no_repository)?;
    let told = git::default_branch(&repo).await.map_err(no_repository)?;
    let here = git::branch(&repo).await.map_err(no_repository)?;
    let mut notes = Vec::new();
    if let (None, Some(branch)) = (&told, &here)
        && !MAIN_BRANCHES.contains(&branch.as_str())
    {
        notes.push((
            format!(
                "pushes to {branch} will deploy: it is checked out, and git does not know the main branch"
            ),
            Some("look at `branches:` in the workflow".to_owned()),
        ));
    }
    let named = action.cloned().unwrap_or_else(Action::own);
    let branch = told.or(here).unwrap_or_else(|| MAIN_BRANCHES[0].to_owned());
    let key = settings.signing_key.as_deref();
    let on_runner = key.and_then(|file| place_on_runner(file, &repo.toplevel, home));
    if let (Some(file), None) = (key, &on_runner) {
        notes.push((
            format!(
                "a runner can have no signing key in {}, where shipit.toml says that it is",
                file.display()
            ),
            Some("put it below your home, and name it with ~/".to_owned()),
        ));
    }
    let system = match &settings.system {
        SystemChoice::Named(system) => system.as_str(),
        // The runner's own.
        SystemChoice::Guessed(_) => RUNNERS[0].0,
    };
    let runner = RUNNERS.iter().find(|(built, _)| *built == system).map(|(_, runner)| *runner);
    if runner.is_none() {
        notes.push((
            format!("GitHub lends no machine that builds for {system}"),
            Some("look at `runs-on:` in the workflow".to_owned()),
        ));
    }
    let workflow = Workflow {
        app: settings.app.as_str(),
        environment: settings.environment.as_str(),
        folder: &repo.prefix,
        branch: &branch,
        knows_host: settings.ssh.host_key.is_some(),
        runner: runner.unwrap_or(RUNNERS[0].1),
        signing_key: on_runner.as_deref(),
        action: &named,
    };
    let path = repo.toplevel.join(FOLDER).join(workflow.file_name());
    let mut file = NewFile { path, text: workflow.text() };
    // Whoever filled in which shipit runs need not say it once more.
    let there = fs::read_to_string(&file.path).ok().filter(|_| action.is_none());
    let named = workflow.action.to_string();
    match there.filter(|there| difference(there, &file.text, &named).is_filled_in()) {
        Some(there) if there != file.text => file.text = there,
        _ => notes.extend(workflow.action.unknown().map(|unknown| {
            (
                format!("the workflow can't run yet: in its line `uses: {named}`, replace {unknown}"),
                Some(
                    "by hand; or remove the file, and --action OWNER/shipit@COMMIT says it to init"
                        .to_owned(),
                ),
            )
        })),
    }
    notes.extend(same_branch(&file, &branch));
    if settings.url.is_none() {
        notes.push((
            "GitHub can show no link to the app, because shipit.toml has no url".to_owned(),
            Some("in shipit.toml, above its tables: url = \"https://www.example.org\"".to_owned()),
        ));
    }
    let read_key = settings.ssh(&format!("cat {HOST_KEY_FILE} | cut -d' ' -f1,2"));
    let signing = key
        .filter(|_| on_runner.is_some())
        .map(|file| signing::signing(settings, file, public, &workflow.signing_environment()))
        .unwrap_or_default();
    let next = workflow.next(let_in, signing.secret.as_deref(), &read_key);
    notes.extend(signing.notes);
    notes.extend(no_remote(&git::remotes(&repo).await.map_err(no_repository)?));
    Ok(GitHub { file, action: named, environment: workflow.environment_name(), branch, notes, next })
}

/// What to know where another environment's workflow deploys the same pushes.
fn same_branch(new: &NewFile, branch: &str) -> Option<(String, Option<String>)> {
    let folder = fs::read_dir(new.path.parent()?).ok()?;
    let mut others: Vec<String> = folder
        .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| *path != new.path))
        .filter(|path| fs::read_to_string(path).is_ok_and(|there| deploys_too(&there, &new.text)))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    others.sort_unstable();
    let others = (!others.is_empty()).then(|| others.join(", "))?;
    Some((
        format!("a push to {branch} deploys by {others}, too"),
        Some(
            "if that is not meant: another branch in `branches:` of one, or a required reviewer on its environment"
                .to_owned(),
        ),
    ))
}

/// What to know where `gh` can't tell which repository is meant. A GitHub of one's own is known by its name alone.
fn no_remote(urls: &[String]) -> Option<(String, Option<String>)> {
    let shown: Vec<String> = urls.iter().filter_map(|url| without_login(url)).collect();
    if shown.iter().any(|url| url.split('/').next().is_some_and(|host| host.contains("github"))) {
        return None;
    }
    let others = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) };
    Some((
        format!(
            "no remote of this repository is on GitHub{others}, so `gh` can't tell which repository is meant"
        ),
        Some("before its commands: export GH_REPO=OWNER/REPO".to_owned()),
    ))
}

fn no_repository(error: GitError) -> Failure {
    let hint = matches!(error, GitError::NotARepository { .. });
    let error = anyhow::Error::new(error).context("a workflow lies in a git repository, at its top");
    let failure = Failure::new(Kind::Usage, error);
    if hint { failure.hint("git init") } else { failure }
}

/// The key's file as a shell on a runner takes it, whose home and checkout lie elsewhere; none: it can't lie there.
fn place_on_runner(file: &Path, toplevel: &Path, home: Option<&Path>) -> Option<String> {
    if let Ok(below) = file.strip_prefix(toplevel) {
        return Some(format!("./{}", quoted(below.as_os_str())));
    }
    let below = file.strip_prefix(home?).ok()?;
    Some(format!("~/{}", quoted(below.as_os_str())))
}
