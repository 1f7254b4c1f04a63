//! What the program knows of the place that it was started in: asked once, here, and nowhere else.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::model::failure::{Failed, Failure, Kind, Outcome};
use crate::model::runner::Runner;

/// Longer than this, and the control socket's path comes near the 104 bytes that a socket may have on macOS.
const LONGEST_RUNTIME_FOLDER: usize = 40;

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
    /// The runner, on GitHub Actions.
    pub runner: Option<Runner>,
    /// Where short-lived private files may lie.
    pub runtime_folder: PathBuf,
}

impl Context {
    /// Looks around. `directory` is `-C DIR`.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn read(directory: Option<&Path>) -> Outcome<Self> {
        let here =
            std::env::current_dir().failed(Kind::Usage, "the working folder is gone or can't be read")?;
        let cwd = match directory {
            Some(directory) => change(&here, directory)?,
            None => here,
        };
        Ok(Self::of(cwd, &|name| std::env::var_os(name), machine().as_deref()))
    }

    /// What `-v` shows, when `SHIPIT_LOG` says more than the number of `v`s. It is asked before all else.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn log_filter() -> Option<String> {
        std::env::var("SHIPIT_LOG").ok().filter(|filter| !filter.is_empty())
    }

    /// Whether what is on a terminal may be drawn over: not where a CI system records it, nor on one that can't.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn may_redraw() -> bool {
        may_redraw(&|name| std::env::var_os(name))
    }

    /// The runner, on GitHub Actions.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn runner() -> Option<Runner> {
        runner(&|name| std::env::var_os(name))
    }

    fn of(cwd: PathBuf, variable: &dyn Fn(&str) -> Option<OsString>, machine: Option<&str>) -> Self {
        let text = |name: &str| {
            let text = variable(name).and_then(|value| value.into_string().ok());
            text.map(|text| printable(&text)).filter(|text| !text.is_empty())
        };
        let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let runner = runner(variable);
        let on_github = runner.is_some();
        let actor =
            if on_github { text("GITHUB_TRIGGERING_ACTOR").or_else(|| text("GITHUB_ACTOR")) } else { None };
        let who = actor.unwrap_or_else(|| {
            let user = text("USER").or_else(|| text("LOGNAME")).or_else(account);
            let user = user.unwrap_or_else(|| "unknown".to_owned());
            match machine.map(printable).filter(|machine| !machine.is_empty()) {
                Some(machine) => format!("{user}@{machine}"),
                None => user,
            }
        });
        let run = || {
            let (server, repository) = (text("GITHUB_SERVER_URL")?, text("GITHUB_REPOSITORY")?);
            Some(format!("{server}/{repository}/actions/runs/{}", text("GITHUB_RUN_ID")?))
        };
        Context {
            cwd,
            home: folder("HOME"),
            who,
            from: if on_github { run() } else { None },
            runner,
            runtime_folder: folder("XDG_RUNTIME_DIR")
                .filter(|folder| fit_for_sockets(folder))
                .unwrap_or_else(|| PathBuf::from("/tmp")),
        }
    }
}

/// The process itself stays where it is: one place says where we are, and it is `cwd`.
fn change(here: &Path, directory: &Path) -> Outcome<PathBuf> {
    let there = here.join(directory);
    let name = directory.display();
    let there = fs::canonicalize(there).failed(Kind::Usage, format!("-C {name}: there is no such folder"))?;
    if there.is_dir() {
        Ok(there)
    } else {
        Err(Failure::msg(Kind::Usage, format!("-C {name}: this is not a folder")))
    }
}

fn runner(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<Runner> {
    if variable("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        return None;
    }
    // `OWNER/REPOSITORY/.github/workflows/deploy.yml@refs/heads/main`, of another repository where it is a shared one.
    let text = |name: &str| variable(name)?.into_string().ok();
    let workflow = || {
        let file = text("GITHUB_WORKFLOW_REF")?;
        let file = file.split('@').next()?.strip_prefix(&text("GITHUB_REPOSITORY")?)?;
        Some(file.strip_prefix("/.github/workflows/").filter(|name| !name.contains('/'))?.to_owned())
    };
    let path = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(Runner {
        output: path("GITHUB_OUTPUT"),
        summary: path("GITHUB_STEP_SUMMARY"),
        workspace: path("GITHUB_WORKSPACE"),
        workflow: workflow(),
    })
}

fn may_redraw(variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let is = |name: &str, values: &[&str]| {
        variable(name).is_some_and(|value| values.iter().any(|it| value == *it))
    };
    let has_terminal = variable("TERM").is_some() && !is("TERM", &["", "dumb"]);
    let in_ci = variable("CI").is_some() && !is("CI", &["", "false", "0"]);
    has_terminal && !in_ci
}

/// Short, without the characters that ssh expands (`%`, `$`) or that nix and ssh split at, and writable: after `su`
/// the variable often still names another user's folder.
fn fit_for_sockets(folder: &Path) -> bool {
    let Some(text) = folder.to_str() else { return false };
    text.len() <= LONGEST_RUNTIME_FOLDER
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-".contains(c))
        && tempfile::Builder::new().prefix(".shipit-").tempdir_in(folder).is_ok()
}

/// The user's name by the system's own list, for where no login has set a variable.
fn account() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let id = fs::metadata("/proc/self").ok()?.uid().to_string();
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&id.as_str()))
        .map(|fields| printable(fields[0]))
}

/// The machine's name. macOS has neither file; the user's name alone is good enough there.
fn machine() -> Option<String> {
    let read = |path| fs::read_to_string(path).ok().map(|name| name.trim().to_owned());
    read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"))
}

/// These texts go into the server's journal and onto other people's screens.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(variables: &[(&str, &str)]) -> Context {
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        Context::of(PathBuf::from("/srv/app"), &variable, Some("laptop"))
    }

    #[test]
    fn a_person_is_user_at_machine() {
        assert_eq!(context(&[("USER", "anna")]).who, "anna@laptop");
        assert_eq!(context(&[("USER", ""), ("LOGNAME", "anna")]).who, "anna@laptop");
        assert_eq!(context(&[("USER", "an\u{1b}[2J\nna")]).who, "an[2Jna@laptop");
        assert!(context(&[]).who.ends_with("@laptop"));
        assert_eq!(context(&[("USER", "anna"), ("GITHUB_ACTOR", "bob")]).who, "anna@laptop", "not in CI");
        assert_eq!(context(&[("USER", "anna")]).from, None);
        assert_eq!(context(&[("GITHUB_ACTIONS", "1")]).runner, None);
    }

    #[test]
    fn in_actions_it_is_the_actor_and_the_run() {
        let mut variables = vec![
            ("GITHUB_ACTIONS", "true"),
            ("USER", "runner"),
            ("GITHUB_ACTOR", "bob"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "anna/server"),
            ("GITHUB_RUN_ID", "42"),
        ];
        assert_eq!(context(&variables).who, "bob");
        assert_eq!(
            context(&variables).from.as_deref(),
            Some("https://github.com/anna/server/actions/runs/42")
        );
        variables.push(("GITHUB_TRIGGERING_ACTOR", "carol"));
        assert_eq!(context(&variables).who, "carol", "who ran it again, not who wrote the commit");
        variables.retain(|(name, _)| *name != "GITHUB_RUN_ID");
        assert_eq!(context(&variables).from, None);
    }

    #[test]
    fn the_workflow_is_one_of_this_repository() {
        let workflow = |file: &str| {
            let variables = [
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_REPOSITORY", "anna/server"),
                ("GITHUB_WORKFLOW_REF", file),
            ];
            context(&variables).runner.unwrap().workflow
        };
        assert_eq!(
            workflow("anna/server/.github/workflows/deploy-shop.yml@refs/heads/main").as_deref(),
            Some("deploy-shop.yml")
        );
        for other in [
            "",
            "anna/server2/.github/workflows/a.yml@x",
            "anna/server/a.yml@x",
            "anna/server/.github/workflows/a/b.yml@x",
        ] {
            assert_eq!(workflow(other), None, "{other}");
        }
    }

    #[test]
    fn a_runtime_folder_that_no_socket_fits_in_is_not_used() {
        let good = tempfile::Builder::new().prefix("r").tempdir_in("/tmp").unwrap();
        let path = good.path().to_str().unwrap();
        assert_eq!(context(&[("XDG_RUNTIME_DIR", path)]).runtime_folder, good.path());
        assert_eq!(fs::read_dir(good.path()).unwrap().count(), 0, "nothing stays behind");
        for name in ["a b", "a%b", "a$b", "a\"b", &"long".repeat(20)] {
            let bad = good.path().join(name);
            fs::create_dir(&bad).unwrap();
            let found = context(&[("XDG_RUNTIME_DIR", bad.to_str().unwrap())]).runtime_folder;
            assert_eq!(found, Path::new("/tmp"), "{name}");
        }
        for text in ["", "relative", "/does/not/exist", "/proc"] {
            assert_eq!(context(&[("XDG_RUNTIME_DIR", text)]).runtime_folder, Path::new("/tmp"), "{text}");
        }
    }

    #[test]
    fn a_screen_is_drawn_over_only_where_somebody_sees_it() {
        let may = |variables: &[(&str, &str)]| {
            let variable =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            may_redraw(&variable)
        };
        assert!(may(&[("TERM", "xterm-256color")]));
        assert!(may(&[("TERM", "tmux"), ("CI", "false")]) && may(&[("TERM", "tmux"), ("CI", "")]));
        assert!(!may(&[("TERM", "dumb")]) && !may(&[("TERM", "")]) && !may(&[]));
        assert!(
            !may(&[("TERM", "xterm"), ("CI", "true")]) && !may(&[("TERM", "xterm"), ("CI", "woodpecker")])
        );
    }

    #[test]
    fn home_is_a_folder_or_nothing() {
        assert_eq!(context(&[("HOME", "/home/anna")]).home.as_deref(), Some(Path::new("/home/anna")));
        assert_eq!(context(&[("HOME", "")]).home, None);
        assert_eq!(context(&[]).home, None);
    }

    #[test]
    fn another_folder_is_relative_to_this_one() {
        let here = tempfile::tempdir().unwrap();
        let here = fs::canonicalize(here.path()).unwrap();
        fs::create_dir_all(here.join("a/b")).unwrap();
        fs::write(here.join("file"), "").unwrap();
        assert_eq!(change(&here, Path::new("a/../a/b")).unwrap(), here.join("a/b"));
        for (bad, why) in [("c", "no such folder"), ("file", "not a folder")] {
            let failure = change(&here, Path::new(bad)).unwrap_err();
            assert_eq!(failure.kind, Kind::Usage);
            assert!(failure.error.to_string().contains(why), "{bad}: {}", failure.error);
        }
    }
}
