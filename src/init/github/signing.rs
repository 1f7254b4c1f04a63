//! The key that a workflow's first job signs with: whether it lies here, and whether shipit.toml believes it.

use std::path::Path;

use crate::deploy::send::signing_key::make_a_key;
use crate::model::settings::Settings;
use crate::tools::cmd::quoted;

/// What is to be said of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// The command that gives it to GitHub; none: it does not lie here.
    pub secret: Option<String>,
    /// What somebody should look at, each with what to do.
    pub notes: Vec<(String, Option<String>)>,
}

/// Judges. `file`: where shipit.toml says that it lies; `public`: the public half of the key there; `environment`: what
/// holds the secret on GitHub.
pub fn signing(settings: &Settings, file: &Path, public: Option<&str>, environment: &str) -> Signing {
    let believed = settings.public_key.as_deref();
    let line = public.map_or_else(|| "public_key = …".to_owned(), |key| format!("public_key = \"{key}\""));
    let set = |from: &str| format!("gh secret set SHIPIT_SIGNING_KEY --env {environment} < {from}");
    let mut signing = Signing::default();
    let mut note = |text: String, hint: String| signing.notes.push((text, Some(hint)));
    if believed.is_none() {
        note(
            "the job that deploys can't know yet whose signature to believe".to_owned(),
            format!("below [sign] in shipit.toml: {line}"),
        );
    }
    if !file.exists() {
        let bring =
            if believed.is_some() { "bring the one there that shipit.toml believes, or " } else { "" };
        note(
            format!("there is no signing key in {}, so no command can hand it to GitHub", file.display()),
            format!(
                "{bring}make one: {}; then the same init again, which says the rest",
                make_a_key(Some(file))
            ),
        );
    } else if believed.is_some() && believed != public {
        note(
            format!("the signing key in {} is not the one that shipit.toml believes", file.display()),
            format!("where that one lies: {}; or to believe this one, below [sign]: {line}", set("FILE")),
        );
    } else {
        signing.secret = Some(set(&quoted(file.as_os_str())));
    }
    signing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::bytes::settings;

    #[test]
    fn only_a_key_that_is_here_and_believed_is_handed_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a key");
        let judged = |public: Option<&str>, believed: Option<&str>| {
            let settings = Settings { public_key: believed.map(str::to_owned), ..settings() };
            let Signing { secret, notes } = signing(&settings, &file, public, "production-signing");
            let hints =
                notes.into_iter().map(|(text, hint)| format!("{text}: {}\n", hint.unwrap_or_default()));
            (secret, hints.collect::<String>())
        };
        let (secret, said) = judged(None, None);
        assert_eq!(secret, None);
        assert!(said.contains("public_key = …\n") && said.contains(": make one: `mkdir"), "{said}");
        let (secret, said) = judged(None, Some("a:b"));
        assert_eq!(secret, None);
        assert!(said.contains(": bring the one there") && !said.contains("public_key"), "{said}");

        std::fs::write(&file, "a:secret").unwrap();
        let command = format!(
            "gh secret set SHIPIT_SIGNING_KEY --env production-signing < {}",
            quoted(file.as_os_str())
        );
        assert_eq!(judged(Some("a:b"), Some("a:b")), (Some(command.clone()), String::new()));
        let (secret, said) = judged(Some("a:b"), None);
        assert_eq!(secret, Some(command));
        assert!(said.contains("public_key = \"a:b\""), "{said}");
        let (secret, said) = judged(Some("a:b"), Some("a:other"));
        assert_eq!(secret, None);
        assert!(
            said.contains("where that one lies: gh secret set") && said.contains("public_key = \"a:b\""),
            "{said}"
        );
    }
}
