//! Names, each parsed once into a type that can't hold a dangerous value.
//!
//! A host or path that starts with `-` would be an option to ssh or mv; a unit with a blank would be two words
//! in a sudo rule. What is refused is refused here, with the reason, and nowhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not such a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} {why}")]
pub struct BadName {
    what: &'static str,
    text: String,
    why: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                let check: fn(&str) -> Result<(), String> = $check;
                match check(text) {
                    Ok(()) => Ok($type(text.to_owned())),
                    Err(why) => Err(BadName { what: $what, text: text.chars().take(80).collect(), why }),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Where ssh connects to: `host`, `user@host`, an alias of ssh_config, or `ssh://user@host:port`.
    HostName, "host", |text| {
        let url = text.strip_prefix("ssh://");
        let rest = url.unwrap_or(text);
        first(rest, "is empty")?;
        length(text, 300)?;
        let bare = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        if bare.is_empty() || bare.starts_with('-') { return Err("has no host after the @, or one that starts with -".to_owned()); }
        if url.is_none() && bare.matches(':').count() == 1 {
            return Err("has a port: write it as ssh://user@host:port".to_owned());
        }
        all(rest, |c| c.is_ascii_alphanumeric() || "@._-:[]%+".contains(c), "has a character that no host name has")
    }
);
name!(
    /// A system as Nix writes it: `x86_64-linux`.
    System, "system", |text| {
        all(text, |c| c.is_ascii_alphanumeric() || "_-".contains(c), "is not a system such as \"x86_64-linux\"")?;
        if text.split('-').filter(|part| !part.is_empty()).count() < 2 || text.starts_with('-') {
            return Err("is not a system such as \"x86_64-linux\"".to_owned());
        }
        Ok(())
    }
);
name!(
    /// The app's name; it names the defaults of root and unit.
    AppName, "app", |text| {
        first(text, "is empty")?;
        length(text, 64)?;
        all(text, |c| c.is_ascii_alphanumeric() || "._-".contains(c), "may have only letters, digits, `.`, `_` and `-`")
    }
);
name!(
    /// An attribute of `packages.<system>`.
    PackageName, "package", |text| {
        first(text, "is empty")?;
        length(text, 200)?;
        all(text, |c| c.is_ascii_alphanumeric() || "._-+'".contains(c), "is not an attribute of a flake's packages")
    }
);
name!(
    /// An environment of shipit.toml.
    EnvironmentName, "environment", |text| {
        first(text, "is empty")?;
        length(text, 64)?;
        all(text, |c| c.is_ascii_alphanumeric() || "._-".contains(c), "may have only letters, digits, `.`, `_` and `-`")
    }
);
name!(
    /// A systemd service, with its ending: `server.service`, `web@1.service`.
    UnitName, "unit", |text| {
        first(text, "is empty")?;
        length(text, 255)?;
        if !text.ends_with(".service") || text == ".service" { return Err("does not end in .service".to_owned()); }
        all(text, |c| c.is_ascii_alphanumeric() || ":_.@-".contains(c), "has a character that no unit name has")
    }
);
name!(
    /// A user of the server, as `useradd` takes one and a sudo rule can name one.
    UserName, "user", |text| {
        first(text, "is empty")?;
        length(text, 32)?;
        if text == "ALL" { return Err("means everybody in a sudo rule".to_owned()); }
        if text.starts_with(|c: char| c.is_ascii_digit()) { return Err("starts with a digit".to_owned()); }
        all(text, |c| c.is_ascii_alphanumeric() || "._-".contains(c), "may have only letters, digits, `.`, `_` and `-`")
    }
);
name!(
    /// An absolute folder of the server without `.`, `..`, blanks or control characters.
    RootPath, "root", |text| {
        if !text.starts_with('/') { return Err("is not an absolute path".to_owned()); }
        length(text, 200)?;
        if text.len() < 2 || text.ends_with('/') { return Err("is the whole disk, or ends in /".to_owned()); }
        if text.split('/').skip(1).any(|part| part.is_empty() || part == "." || part == "..") {
            return Err("has an empty part, `.` or `..`".to_owned());
        }
        all(text, |c| c.is_ascii_alphanumeric() || "/._-+@,=".contains(c), "may have only letters, digits and `/._-+@,=`")
    }
);
name!(
    /// A path of the commit, relative to the folder of shipit.toml, that lies beside `result`.
    AssetPath, "asset", |text| {
        if text.is_empty() || text.starts_with('-') { return Err("is empty or starts with - (write ./-name)".to_owned()); }
        length(text, 300)?;
        let mut parts = text.split('/').filter(|part| *part != ".").peekable();
        if text.starts_with('/') || parts.peek().is_none() { return Err("is not a relative path inside the commit".to_owned()); }
        if text.split('/').any(|part| part.is_empty() || part == "..") { return Err("has an empty part or `..`".to_owned()); }
        if matches!(parts.peek(), Some(&"result" | &".git")) { return Err("is a name that shipit or git uses itself".to_owned()); }
        all(text, |c| !c.is_control(), "has a control character")
    }
);
name!(
    /// What one commit becomes on a server; also the name of its folder.
    ReleaseId, "release", |text| {
        first(text, "is empty")?;
        length(text, 100)?;
        all(text, |c| c.is_ascii_alphanumeric() || "._-".contains(c), "may have only letters, digits, `.`, `_` and `-`")
    }
);
name!(
    /// A path of the Nix store: `/nix/store/<hash>-<name>`.
    StorePath, "store path", |text| {
        let base = text.strip_prefix("/nix/store/").ok_or_else(|| "does not begin with /nix/store/".to_owned())?;
        let (hash, name) = base.split_once('-').ok_or_else(|| "has no name".to_owned())?;
        if hash.len() != 32 || !hash.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return Err("has no hash of 32 characters".to_owned());
        }
        if name.is_empty() { return Err("has no name".to_owned()); }
        all(name, |c| c.is_ascii_alphanumeric() || "+-._?=".contains(c), "has a character that no store path has")
    }
);
name!(
    /// One start of a unit, as systemd numbers it: 32 hexadecimal digits.
    Invocation, "invocation", |text| {
        if text.len() != 32 { return Err("is not 32 hexadecimal digits".to_owned()); }
        all(text, |c| c.is_ascii_hexdigit(), "is not 32 hexadecimal digits")
    }
);
name!(
    /// A full commit hash (SHA-1 or SHA-256).
    Commit, "commit", |text| {
        if text.len() != 40 && text.len() != 64 { return Err("is not a full commit hash".to_owned()); }
        all(text, |c| c.is_ascii_digit() || ('a'..='f').contains(&c), "is not a full commit hash")
    }
);

impl StorePath {
    /// The 32 characters that make it unique.
    pub fn hash(&self) -> &str {
        &self.0["/nix/store/".len().."/nix/store/".len() + 32]
    }

    /// The part behind the hash: `server-0.1.0`.
    pub fn name(&self) -> &str {
        &self.0["/nix/store/".len() + 33..]
    }
}

impl ReleaseId {
    /// Short, for the screen: `3f9c2d1`, `3f9c2d1-dirty-0123abcd`. `rollback` understands it as well.
    pub fn short(&self) -> String {
        short_release(&self.0)
    }
}

/// The short form of what may be a release's name: seven characters of the commit, and what follows the commit.
pub fn short_release(name: &str) -> String {
    match (name.get(..40), name.get(40..)) {
        (Some(hash), Some(rest))
            if hash.bytes().all(|byte| byte.is_ascii_hexdigit())
                && (rest.is_empty() || rest.starts_with('-')) =>
        {
            format!("{}{rest}", &hash[..7])
        }
        _ => name.to_owned(),
    }
}

impl Commit {
    /// The first seven characters.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

/// One attempt to make a release live; printed and typed as `v41`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct DeployNumber(pub u64);

impl DeployNumber {
    /// A deploy a second does not come this far in a hundred years: a larger number is no number of a deploy.
    pub const LARGEST: u64 = u32::MAX as u64;
}

impl TryFrom<u64> for DeployNumber {
    type Error = &'static str;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        if number > Self::LARGEST { Err("is no number of a deploy") } else { Ok(DeployNumber(number)) }
    }
}

impl From<DeployNumber> for u64 {
    fn from(number: DeployNumber) -> u64 {
        number.0
    }
}

impl fmt::Display for DeployNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

fn first(text: &str, why: &str) -> Result<(), String> {
    let why = match text.chars().next() {
        None => why,
        Some('-') => "starts with -, which a program would take for an option",
        Some('.') if !text.contains('/') => "starts with a dot",
        Some(_) => return Ok(()),
    };
    Err(why.to_owned())
}

fn length(text: &str, most: usize) -> Result<(), String> {
    let bytes = text.len();
    if bytes > most { Err(format!("is too long: {bytes} bytes, at most {most}")) } else { Ok(()) }
}

fn all(text: &str, fine: fn(char) -> bool, why: &str) -> Result<(), String> {
    if text.chars().all(fine) { Ok(()) } else { Err(why.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_texts_are_refused() {
        for text in [
            "-oProxyCommand=x",
            "",
            "a b",
            "root@-x",
            "a;b",
            "a\nb",
            "$(x)",
            "ssh://-x",
            "ssh://a@-x",
            "ssh://",
            "a/b",
            "a:22",
        ] {
            assert!(text.parse::<HostName>().is_err(), "{text:?}");
        }
        for text in ["server", "a b.service", "-x.service", ".service", "a/b.service", "x\n.service"] {
            assert!(text.parse::<UnitName>().is_err(), "{text:?}");
        }
        for text in ["/", "var", "/a/../b", "/a//b", "/a/", "/a b", "/a\n", "/$(x)"] {
            assert!(text.parse::<RootPath>().is_err(), "{text:?}");
        }
        for text in ["/etc", "../x", "a/../b", "", "-x", "result", ".", "./result/x", "a\nb", ".git"] {
            assert!(text.parse::<AssetPath>().is_err(), "{text:?}");
        }
        for text in ["", "..", "a/b", "-x", "a b", "été"] {
            assert!(text.parse::<ReleaseId>().is_err(), "{text:?}");
        }
        for text in ["", ".", "-x", "0", "1a", "ALL", "a:b", "%x", "#0", "a=b", "été", "a,b"] {
            assert!(text.parse::<UserName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_release_is_short_on_the_screen() {
        let hash = "3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a";
        assert_eq!(short_release(hash), "3f9c2d1");
        assert_eq!(short_release(&format!("{hash}-dirty-0123abcd")), "3f9c2d1-dirty-0123abcd");
        assert_eq!(short_release("adopted-20261122T140305Z"), "adopted-20261122T140305Z");
        assert_eq!(short_release("äöü"), "äöü");
    }

    #[test]
    fn usual_texts_are_taken() {
        for text in ["deploy@server.example", "prod", "ssh://me@[::1]:2222", "10.0.0.2", "me@fe80::1%eth0"] {
            text.parse::<HostName>().unwrap();
        }
        for text in ["views", "./views", "public/css", "a b/ü", ".well-known"] {
            text.parse::<AssetPath>().unwrap();
        }
        let path: StorePath = "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1".parse().unwrap();
        assert_eq!(path.hash(), "5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa");
        assert_eq!(path.name(), "server-0.1");
    }
}
