//! shipit's own action, as a workflow names it: `OWNER/shipit@COMMIT`.

use std::fmt;
use std::str::FromStr;

use super::names::Commit;

/// Who built this shipit knows where it is from: the release workflow and the flake say so, nobody else does.
const REPOSITORY: Option<&str> = option_env!("SHIPIT_REPOSITORY");
const COMMIT: Option<&str> = option_env!("SHIPIT_COMMIT");
/// What stands for an owner that is not known.
const PLACEHOLDER: &str = "OWNER/shipit";

/// Where the action lies, and which one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// `owner/name`; none: not known.
    repository: Option<String>,
    /// By its whole hash; none: not known.
    commit: Option<Commit>,
    /// The release that the commit is.
    version: Option<&'static str>,
}

impl Action {
    /// The one of this very shipit.
    pub fn own() -> Self {
        Action::built(REPOSITORY, COMMIT)
    }

    fn built(repository: Option<&str>, commit: Option<&str>) -> Self {
        Action {
            repository: repository.filter(|name| is_repository(name)).map(str::to_owned),
            commit: commit.and_then(|hash| hash.parse().ok()),
            version: Some(env!("CARGO_PKG_VERSION")),
        }
    }

    /// What of it has to be replaced before it works, or is as good as it can be.
    pub fn unknown(&self) -> Option<String> {
        let version = self.version.unwrap_or_default();
        match (&self.repository, &self.commit) {
            (Some(_), Some(_)) => None,
            (None, Some(_)) => Some("OWNER by the owner of the repository that shipit is from".to_owned()),
            (Some(_), None) => Some(format!("v{version} by that release's commit: a tag can be moved")),
            (None, None) => Some(format!(
                "OWNER by the owner of the repository that shipit is from, and v{version} by that release's commit"
            )),
        }
    }
}

/// The environment on GitHub that holds what a runner needs, as `init --github` names it: by the app too where that is
/// not all of the repository. `folder`: the app's, below the repository's top.
pub fn environment_on_github(app: &str, environment: &str, folder: &str) -> String {
    if folder.is_empty() { environment.to_owned() } else { format!("{app}-{environment}") }
}

/// … and the one that has the signing key, which no job has that can log in on the server.
pub fn signing_environment_on_github(environment: &str) -> String {
    format!("{environment}-signing")
}

/// `OWNER/shipit@COMMIT # v0.1.0`
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = self.repository.as_deref().unwrap_or(PLACEHOLDER);
        match (&self.commit, self.version) {
            (Some(commit), Some(version)) => write!(f, "{repository}@{commit} # v{version}"),
            (Some(commit), None) => write!(f, "{repository}@{commit}"),
            (None, version) => write!(f, "{repository}@v{}", version.unwrap_or_default()),
        }
    }
}

impl FromStr for Action {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (repository, commit) = text.split_once('@').ok_or("it is not OWNER/shipit@COMMIT")?;
        if !is_repository(repository) {
            return Err("what is before its @ is no repository of GitHub, OWNER/shipit");
        }
        let whole = commit.parse().map_err(
            |_| "what is behind its @ is not the whole hash of a commit; a tag or a branch can be moved",
        );
        let own = COMMIT == Some(commit);
        Ok(Action {
            repository: Some(repository.to_owned()),
            commit: Some(whole?),
            version: own.then_some(env!("CARGO_PKG_VERSION")),
        })
    }
}

fn is_repository(text: &str) -> bool {
    let plain = |part: &str, more: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        !part.is_empty() && !part.starts_with(['-', '.']) && part.chars().all(fits)
    };
    text.split_once('/').is_some_and(|(owner, name)| plain(owner, "-_") && plain(name, "-_."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "3d3c42e5aac5ba805825da76410c181273ba90b1";

    #[test]
    fn what_is_not_known_is_a_placeholder_and_said() {
        let version = env!("CARGO_PKG_VERSION");
        for (repository, commit, uses, unknown) in [
            (Some("anna/shipit"), Some(HASH), format!("anna/shipit@{HASH} # v{version}"), &[][..]),
            (None, Some(HASH), format!("OWNER/shipit@{HASH} # v{version}"), &["OWNER"]),
            (Some("anna/shipit"), None, format!("anna/shipit@v{version}"), &[version]),
            (None, None, format!("OWNER/shipit@v{version}"), &["OWNER", version]),
            // A build of uncommitted changes, and no build of a release.
            (Some(""), Some(""), format!("OWNER/shipit@v{version}"), &["OWNER", version]),
        ] {
            let action = Action::built(repository, commit);
            assert_eq!(action.to_string(), uses);
            assert_eq!(action.unknown().is_none(), unknown.is_empty(), "{uses}");
            let said = action.unknown().unwrap_or_default();
            assert!(unknown.iter().all(|word| said.contains(word)), "{uses}: {said}");
        }
    }

    #[test]
    fn only_a_commit_of_a_repository_is_taken() {
        let good = format!("anna/ship-it.2@{HASH}");
        assert_eq!(good.parse::<Action>().unwrap().to_string(), good);
        for bad in [
            "",
            "anna/shipit",
            "anna/shipit@v1",
            "anna/shipit@main",
            "anna/shipit@3d3c42e",
            &format!("shipit@{HASH}"),
            &format!("./shipit@{HASH}"),
            &format!("anna/shipit/sub@{HASH}"),
            &format!("anna/ship it@{HASH}"),
            &format!("anna/shipit@{HASH}\n"),
            &format!("anna/shipit@{}", HASH.to_uppercase()),
        ] {
            bad.parse::<Action>().unwrap_err();
        }
    }
}
