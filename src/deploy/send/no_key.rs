//! Why there is no key to sign with, and what brings it.

use std::io;
use std::path::PathBuf;

use super::signing_key::{make_a_key, name_of};
use crate::model::action::signing_environment_on_github;
use crate::model::failure::{Failure, Kind};
use crate::tools::cmd::quoted;

const NAMED: &str = "`[sign] key_file` in shipit.toml names it";

/// A key file that gives no key.
#[derive(Debug)]
pub struct NoKey {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with it.
#[derive(Debug)]
pub enum Why {
    /// It is not there.
    Missing(io::Error),
    /// It is there, and can't be read.
    Unreadable(io::Error),
    /// It holds something else: what, behind the file's name.
    Wrong(&'static str),
}

impl NoKey {
    /// The failure of who needs the key. `public`: `[sign] public_key`. `environment`: on a runner of GitHub's, the
    /// environment that it deploys to.
    pub fn explain(self, public: Option<&str>, environment: Option<&str>) -> Failure {
        let NoKey { file, why } = self;
        let shown = file.display();
        let unreadable = |error: io::Error| {
            let error = anyhow::Error::new(error).context(format!("can't read the signing key {shown}"));
            Failure::new(Kind::Usage, error).hint(NAMED)
        };
        let (failure, make) = match why {
            Why::Unreadable(error) => {
                return unreadable(error).hint(format!("look at it: ls -l {}", quoted(file.as_os_str())));
            }
            Why::Missing(error) => (unreadable(error), format!("make one: {}", make_a_key(Some(&file)))),
            Why::Wrong(why) => (
                Failure::msg(Kind::Usage, format!("the signing key {shown} {why}")).hint(NAMED),
                format!("make one, elsewhere: {}", make_a_key(None)),
            ),
        };
        let mut failure = failure;
        failure.hints.extend(environment.map(|environment| {
            let environment = signing_environment_on_github(environment);
            format!("is the secret SHIPIT_SIGNING_KEY set in the environment {environment}?")
        }));
        // A new key is trusted by nobody: it is no way where one is trusted already, as it is where a runner deploys.
        match (public, environment) {
            (Some(public), _) => {
                failure.hint(format!("the key of `public_key` belongs there: {}", name_of(public)))
            }
            (None, Some(_)) => failure.hint("the key that the server trusts belongs there"),
            (None, None) => failure.hint(make),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_advised_only_where_none_is_trusted_yet() {
        let hints = |why: Why, public: Option<&str>, environment: Option<&str>| {
            let failure = NoKey { file: "/keys/key".into(), why }.explain(public, environment);
            assert_eq!(failure.kind, Kind::Usage);
            assert_eq!(failure.hints[0], NAMED);
            failure.hints[1..].join("; ")
        };
        let missing = || Why::Missing(io::ErrorKind::NotFound.into());
        let asks = "is the secret SHIPIT_SIGNING_KEY set in the environment production-signing?; ";
        for why in [missing, || Why::Wrong("is empty")] {
            assert!(hints(why(), None, None).starts_with("make one"));
            assert_eq!(hints(why(), Some("a-1:b"), None), "the key of `public_key` belongs there: a-1");
            assert_eq!(
                hints(why(), Some("a-1:b"), Some("production")),
                format!("{asks}the key of `public_key` belongs there: a-1")
            );
            assert_eq!(
                hints(why(), None, Some("production")),
                format!("{asks}the key that the server trusts belongs there")
            );
        }
        let denied = Why::Unreadable(io::ErrorKind::PermissionDenied.into());
        assert_eq!(hints(denied, None, None), "look at it: ls -l /keys/key");
    }
}
