//! `[sign] key_file`: read and judged before anything is built.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::no_key::{NoKey, Why};
use crate::model::check::Remark;
use crate::model::event::Events;
use crate::model::failure::Outcome;
use crate::model::settings::Settings;
use crate::tools::cmd::quoted;

/// A key file is one line of about a hundred bytes.
const LARGEST: u64 = 64 * 1024;
const NOT_A_KEY: &str = "is not a secret key of Nix (`name:base64` of 64 bytes)";

/// A key that closures are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Where its secret half lies.
    pub file: PathBuf,
    /// Its public half as nix.conf wants it, `name:base64`: the second half of the secret.
    pub public: String,
}

impl SigningKey {
    /// The one that shipit.toml names; none: it names none. `environment`: on a runner of GitHub's, the environment that
    /// it deploys to.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::model::failure::Kind::Usage) when the file is not there, can't be read, or is something else.
    pub fn of(settings: &Settings, environment: Option<&str>, events: &Events) -> Outcome<Option<Self>> {
        let Some(file) = &settings.signing_key else { return Ok(None) };
        let found = Self::look(file);
        let (key, open) = found.map_err(|no| no.explain(settings.public_key.as_deref(), environment))?;
        if let Some(remark) = open {
            events.warn(remark.into_sentence());
        }
        Ok(Some(key))
    }

    /// Reads it, and says whether others can, too.
    ///
    /// # Errors
    /// When the file gives no key.
    pub fn look(file: &Path) -> Result<(Self, Option<Remark>), NoKey> {
        let no_key = |why| NoKey { file: file.to_owned(), why };
        let unread = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => no_key(Why::Missing(error)),
            _ => no_key(Why::Unreadable(error)),
        };
        let about = fs::metadata(file).map_err(unread)?;
        // A pipe would be waited for.
        if !about.is_file() || about.len() > LARGEST {
            return Err(no_key(Why::Wrong(NOT_A_KEY)));
        }
        let text = fs::read(file).map_err(unread)?;
        let public = judge(String::from_utf8_lossy(&text).trim()).map_err(|why| no_key(Why::Wrong(why)))?;
        let open = is_open(&about).then(|| {
            Remark::warning("every user of this machine can read or change the signing key")
                .hint(format!("chmod 600 {}", quoted(file.as_os_str())))
        });
        Ok((SigningKey { file: file.to_owned(), public }, open))
    }

    /// Its name, which each signature bears.
    pub fn name(&self) -> &str {
        name_of(&self.public)
    }
}

/// A key's name: what is before its base64.
pub fn name_of(key: &str) -> &str {
    key.split(':').next().unwrap_or(key)
}

fn is_open(about: &Metadata) -> bool {
    about.permissions().mode() & 0o006 != 0
}

/// The public half, or what the text is instead.
fn judge(secret: &str) -> Result<String, &'static str> {
    if secret.is_empty() {
        return Err("is empty");
    }
    let (name, base64) = secret.split_once(':').ok_or(NOT_A_KEY)?;
    // It becomes a word of nix.conf, and of a line to paste.
    let plain = |c: char| c.is_ascii_graphic() && !"'\"\\|&".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return Err(NOT_A_KEY);
    }
    let bytes = BASE64_STANDARD.decode(base64).map_err(|_| NOT_A_KEY)?;
    match bytes.len() {
        64 => Ok(format!("{name}:{}", BASE64_STANDARD.encode(&bytes[32..]))),
        32 => Err("is a public key, which is for the server's nix.conf; its secret half is wanted"),
        _ => Err(NOT_A_KEY),
    }
}

/// A name that no colleague's key has: Nix takes only the first of several keys of one name.
const OWN_NAME: &str = "$(id -un)-$(uname -n)-1";

/// The command that makes a key; the name is part of it and of each signature.
pub fn make_a_key(file: Option<&Path>) -> String {
    make_a_key_named(OWN_NAME, file)
}

/// … of a name that is to be chosen.
pub fn make_another_key() -> String {
    make_a_key_named("NAME-1", None)
}

fn make_a_key_named(name: &str, file: Option<&Path>) -> String {
    let Some(file) = file else {
        return format!(
            "`mkdir -p ~/.config/shipit && nix-store --generate-binary-cache-key {name} ~/.config/shipit/signing.key \
             ~/.config/shipit/signing.pub`"
        );
    };
    let folder = file.parent().unwrap_or(Path::new("/"));
    let public = file.with_extension("pub");
    let [folder, secret, public] = [folder, file, &public].map(|path| quoted(path.as_os_str()));
    format!("`mkdir -p {folder} && nix-store --generate-binary-cache-key {name} {secret} {public}`")
}

#[cfg(test)]
pub mod tests {
    //! A key.

    use super::*;
    use crate::properties::bytes::settings;

    // Of `nix-store --generate-binary-cache-key deploy-1 secret public`.
    const SECRET: &str =
        "deploy-1:aLi6Gu2Opw0A+HjRJeYDBT5FdwBjCFrsTEebpkLco0Af2PWIDoIcQ6fe1H64fL941i0wj2Z3Dt+SMy75hfeKHg==";
    /// Its public half.
    pub const PUBLIC: &str = "deploy-1:H9j1iA6CHEOn3tR+uHy/eNYtMI9mdw7fkjMu+YX3ih4=";

    /// A key.
    pub fn key() -> SigningKey {
        SigningKey { file: PathBuf::from("/home/anna/signing.key"), public: PUBLIC.to_owned() }
    }

    #[test]
    fn the_public_half_is_in_the_secret_one() {
        assert_eq!(judge(SECRET).as_deref(), Ok(PUBLIC));
        let nameless = &SECRET[SECRET.find(':').unwrap()..];
        let quote = format!("it's{nameless}");
        assert_eq!(judge(""), Err("is empty"));
        for bad in ["x", ":", "name:", "name:!!", "name:AAAA", "\u{fffd}:AAAA", nameless, &quote] {
            assert!(judge(bad).is_err_and(|why| why.contains("is not a secret key")), "{bad}");
        }
        assert!(judge(PUBLIC).is_err_and(|why| why.contains("is a public key")));
    }

    #[test]
    fn a_file_is_judged_for_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("it's a key");
        let (events, mut heard) = Events::channel();
        let settings = Settings { signing_key: Some(file.clone()), ..settings() };
        let read = |environment| SigningKey::of(&settings, environment, &events);
        let missing = read(None).unwrap_err();
        assert!(missing.hints[1].contains("it's a key.pub"), "{missing:?}");
        for empty in ["", "\n", "\r\n\n"] {
            fs::write(&file, empty).unwrap();
            let failure = read(Some("production")).unwrap_err();
            assert!(failure.error.to_string().ends_with("it's a key is empty"), "{failure:?}");
            assert!(failure.hints[1].contains("the environment production-signing?"), "{failure:?}");
        }
        fs::write(&file, format!("{SECRET}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(read(None).unwrap().unwrap().public, PUBLIC);
        assert!(heard.try_recv().is_err(), "a group may be meant");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read(None).unwrap().unwrap().name(), "deploy-1");
        assert!(format!("{:?}", heard.try_recv().unwrap()).contains("chmod 600"));
        for wrong in [folder.path(), Path::new("/dev/zero")] {
            assert!(SigningKey::look(wrong).is_err(), "{}", wrong.display());
        }
    }
}
