//! The SSH keys that let somebody in as who deploys: those of `--key FILE`, and the administrator's.

use std::fs;
use std::path::Path;

use crate::model::failure::{Failed, Failure, Kind, Outcome};
use crate::tools::cmd::quoted;

/// No list of keys is longer.
const LARGEST: u64 = 256 * 1024;

/// The keys of a file, one a line: a `.pub` of ssh-keygen, or an authorized_keys.
///
/// # Errors
/// [`Kind::Usage`] when it can't be read or holds something else.
pub fn read(file: &Path) -> Outcome<Vec<String>> {
    let shown = file.display().to_string();
    let unreadable = format!("can't read the key {shown}");
    let about = fs::metadata(file).failed(Kind::Usage, unreadable.clone())?;
    // A pipe would be waited for.
    let text = match about.is_file() && about.len() <= LARGEST {
        true => fs::read_to_string(file).failed(Kind::Usage, unreadable)?,
        false => String::new(),
    };
    if text.contains("PRIVATE KEY-----") {
        let public = quoted(Path::new(&format!("{shown}.pub")).as_os_str());
        return Err(Failure::msg(
            Kind::Usage,
            format!("{shown} is a private key, which stays on this machine"),
        )
        .hint(format!("its public half: --key {public}")));
    }
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match lines().find(|line| !has_key(line)) {
        None if lines().next().is_some() => Ok(lines().map(str::to_owned).collect()),
        _ => Err(Failure::msg(Kind::Usage, format!("{shown} is not a list of SSH public keys"))
            .hint("the key of this machine: --key ~/.ssh/id_ed25519.pub")),
    }
}

/// A key and nothing before it.
pub fn is_key(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let kind = words.next().unwrap_or_default();
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|begin| kind.starts_with(begin))
        && words.next().is_some_and(|word| word.starts_with("AAAA"))
        && !line.contains(|c: char| c.is_control() && c != '\t')
}

/// A key with options before it, perhaps.
pub fn has_key(line: &str) -> bool {
    key(line).is_some()
}

/// The lines have the same key, whatever its options and its comment.
pub fn is_same(line: &str, other: &str) -> bool {
    key(line).is_some_and(|it| Some(it) == key(other))
}

/// The key itself: its kind and what follows that.
fn key(line: &str) -> Option<(&str, &str)> {
    let mut rest = line;
    loop {
        if is_key(rest) {
            let mut words = rest.split_whitespace();
            return words.next().zip(words.next());
        }
        rest = rest[rest.find([' ', '\t'])?..].trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_what_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("it's");
        let read_text = |text: &str| {
            fs::write(&file, text).unwrap();
            read(&file)
        };
        let keys = read_text(
            "# mine\nssh-ed25519 AAAAx anna@laptop\n\nfrom=\"10.0.0.0/8\" sk-ssh-ed25519@openssh.com AAAAy\n",
        );
        assert_eq!(keys.unwrap().len(), 2);
        let private = read_text("-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap_err();
        assert!(private.hints[0].ends_with("it's.pub\""), "{:?}", private.hints);
        for bad in ["", "# none\n", "hello\n", "ssh-ed25519\n", "ssh-ed25519 AAAAx\nssh-rsa\n"] {
            assert_eq!(read_text(bad).unwrap_err().kind, Kind::Usage, "{bad}");
        }
        assert!(read(Path::new("/dev/zero")).is_err());
        let plain = "ssh-ed25519 AAAAx anna";
        assert!(
            is_same(plain, "from=\"a b\" ssh-ed25519 AAAAx") && !is_same(plain, "ssh-ed25519 AAAAy anna")
        );
        assert!(!is_same("# none", "# none"));
        assert!(is_key("ssh-ed25519 AAAAx") && !is_key("command=\"x\" ssh-ed25519 AAAAx"));
    }
}
