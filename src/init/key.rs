//! The key that closures are signed with. Without one, a server takes them from a user that it trusts like root alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::tools::nix::Nix;

/// Where it lies, as shipit.toml names it. Of one person, for all their apps.
pub const FILE: &str = "~/.config/shipit/signing.key";

/// What became of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// It is there.
    Found,
    /// It was made, or will be when nothing is in the way.
    Made(PathBuf),
    /// There is none, because of this.
    None(String),
}

/// … as it lies on this machine.
pub fn file(home: &Path) -> PathBuf {
    home.join(FILE.trim_start_matches("~/"))
}

/// What will become of the person's key; makes nothing.
pub fn expected(context: &Context) -> Key {
    let Some(home) = &context.home else { return Key::None("$HOME is not set".to_owned()) };
    let file = file(home);
    if file.exists() { Key::Found } else { Key::Made(file) }
}

/// Makes the key in this file.
pub async fn make(file: PathBuf, who: &str) -> Key {
    match make_in(&file, &name(who)).await {
        Ok(()) => Key::Made(file),
        Err(error) => Key::None(format!("{error:#}")),
    }
}

async fn make_in(file: &Path, name: &str) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // In its place when it is complete.
    let (secret, public) = (file.with_extension("key.new"), file.with_extension("pub"));
    Nix::new().make_key(name, &secret, &public).await?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
    Ok(fs::rename(&secret, file)?)
}

/// `anna-laptop-1`: Nix takes only the first of several keys of one name, so everybody's has to be another.
fn name(who: &str) -> String {
    let plain: String = who.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    match plain.trim_matches('-') {
        "" => "deploy-1".to_owned(),
        plain => format!("{plain}-1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_person_s_key_has_a_name_of_its_own() {
        assert_eq!(name("anna@laptop"), "anna-laptop-1");
        assert_eq!(name("ci:bot/7"), "ci-bot-7-1");
        assert_eq!(name("@"), "deploy-1");
    }
}
