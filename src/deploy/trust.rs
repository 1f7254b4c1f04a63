//! Whether the server will take the paths, decided before anything is sent. A server that does not trust the login takes
//! content-addressed paths and those with a signature of a key that it trusts, and nothing else.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::build::explain_nix;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::StorePath;
use crate::model::server::ServerState;
use crate::tools::cmd::quoted;
use crate::tools::nix::{Nix, NixError};
use crate::tools::nix_json::PathInfo;

/// What the server said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// The login is one of the daemon's trusted users, or root: no signature is asked for.
    pub trusted: bool,
    /// The public keys that the server trusts, whole: `name:base64`.
    pub keys: Vec<String>,
}

impl Trust {
    /// As the look at the server found it. A server that does not tell (before Nix 2.15) gets the benefit of the
    /// doubt: the copy itself will say it.
    pub fn of(state: &ServerState) -> Self {
        Trust { trusted: state.uid == 0 || state.trusted.unwrap_or(true), keys: state.trusted_keys.clone() }
    }

    /// The server takes this path as it is.
    fn takes(&self, info: &PathInfo) -> bool {
        self.trusted
            || info.content_addressed
            || self.keys.iter().filter_map(|key| key.split(':').next()).any(|name| info.is_signed_by(name))
    }
}

/// The public half of a signing key, `name:base64`, computed here: it is the second half of the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The text that nix.conf wants.
    pub text: String,
}

impl PublicKey {
    /// Out of a secret key file.
    pub fn of(key_file: &Path) -> Outcome<Self> {
        let shown = key_file.display();
        let secret = std::fs::read_to_string(key_file).map_err(|error| {
            Failure::new(
                Kind::Usage,
                anyhow::Error::new(error).context(format!("can't read the signing key {shown}")),
            )
            .hint("`[sign] key_file` in shipit.toml names it")
            .hint(format!("make one: {}", make_a_key("deploy-1")))
        })?;
        Self::parse(secret.trim()).ok_or_else(|| {
            Failure::msg(
                Kind::Usage,
                format!("{shown} is not a secret key of Nix (`name:base64` of 64 bytes)"),
            )
            .hint(format!("make one: {}", make_a_key("deploy-1")))
        })
    }

    fn parse(secret: &str) -> Option<Self> {
        let (name, base64) = secret.split_once(':')?;
        let bytes = BASE64_STANDARD.decode(base64).ok()?;
        let public = bytes.get(32..).filter(|half| bytes.len() == 64 && half.len() == 32)?;
        (!name.is_empty()).then(|| PublicKey { text: format!("{name}:{}", BASE64_STANDARD.encode(public)) })
    }

    fn name(&self) -> &str {
        self.text.split(':').next().unwrap_or(&self.text)
    }
}

/// Refuses when the server would refuse, with the exact lines that change it.
pub fn check_trust(missing: &[PathInfo], trust: &Trust, signing_key: Option<&PublicKey>) -> Outcome<()> {
    let Some(refused) = missing.iter().find(|info| !trust.takes(info)) else { return Ok(()) };
    if signing_key.is_some_and(|key| trust.keys.contains(&key.text)) {
        return Ok(());
    }
    let why = format!(
        "the server would refuse {}: it does not trust this login, and no key that it trusts has signed the path",
        refused.path
    );
    let failure = Failure::msg(Kind::NotReady, why);
    let failure = match signing_key {
        Some(key) => failure.hint(format!(
            "add to /etc/nix/nix.conf on the server, then `sudo systemctl restart nix-daemon` there:\n\
             extra-trusted-public-keys = {}",
            key.text
        )),
        None => failure.hint(format!("sign what is sent. Make a key once: {}", make_a_key("deploy-1"))).hint(
            "name the secret half in shipit.toml (`[sign] key_file = …`) and the public half in \
                 /etc/nix/nix.conf on the server (`extra-trusted-public-keys = deploy-1:…`), then \
                 `sudo systemctl restart nix-daemon` there",
        ),
    };
    Err(failure.hint(
        "or `extra-trusted-users = <the login>` in that file: simpler, but a trusted user of Nix is as good as root \
         on that server",
    ))
}

/// Signs what the server would refuse otherwise: all but the content-addressed paths. Those that bear the key's name
/// already are signed again, because an older key may have had the same name; the same key changes nothing.
pub async fn sign(nix: &Nix, missing: &[PathInfo], key_file: &Path, key: &PublicKey) -> Outcome<()> {
    let paths = |by_name: bool| -> Vec<StorePath> {
        let wanted = |info: &&PathInfo| !info.content_addressed && info.is_signed_by(key.name()) == by_name;
        missing.iter().filter(wanted).map(|info| info.path.clone()).collect()
    };
    let unprivileged = |error: &NixError| matches!(error, NixError::Command(error) if error.stderr.contains("not privileged"));
    let signed = match nix.sign(key_file, &paths(false)).await {
        // The daemon here signs what it builds, so this is its signature.
        Ok(()) => nix.sign(key_file, &paths(true)).await.or_else(|error| match unprivileged(&error) {
            true => Ok(()),
            false => Err(error),
        }),
        failed => failed,
    };
    signed.map_err(|error| {
        let unprivileged = unprivileged(&error);
        let failure = explain_nix(Kind::Copy, error);
        let failure = Failure { error: failure.error.context("could not sign what is sent"), ..failure };
        if unprivileged {
            failure
                .hint("Nix before 2.17 lets only a trusted user of this machine sign: update Nix here")
                .hint(format!(
                    "or `secret-key-files = {}` in this machine's /etc/nix/nix.conf, which signs each build",
                    key_file.display()
                ))
        } else {
            failure
        }
    })
}

/// The command that makes a key; the name is part of it and of each signature.
fn make_a_key(name: &str) -> String {
    format!(
        "`mkdir -p ~/.config/shipit && nix-store --generate-binary-cache-key {} ~/.config/shipit/signing.key \
         ~/.config/shipit/signing.pub`",
        quoted(name.as_ref())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // Of `nix-store --generate-binary-cache-key deploy-1 secret public`.
    const SECRET: &str =
        "deploy-1:aLi6Gu2Opw0A+HjRJeYDBT5FdwBjCFrsTEebpkLco0Af2PWIDoIcQ6fe1H64fL941i0wj2Z3Dt+SMy75hfeKHg==";
    const PUBLIC: &str = "deploy-1:H9j1iA6CHEOn3tR+uHy/eNYtMI9mdw7fkjMu+YX3ih4=";

    fn info(content_addressed: bool, signatures: &[&str]) -> PathInfo {
        PathInfo {
            path: "/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-ab".parse().unwrap(),
            size: 1,
            content_addressed,
            signatures: signatures.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn the_public_half_is_in_the_secret_one() {
        assert_eq!(PublicKey::parse(SECRET).unwrap().text, PUBLIC);
        for bad in
            ["", "x", ":", "name:", "name:!!", "name:AAAA", PUBLIC, &SECRET[SECRET.find(':').unwrap()..]]
        {
            assert_eq!(PublicKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_the_server_would_refuse_is_refused_here() {
        let key = PublicKey::parse(SECRET).unwrap();
        let stranger = Trust { trusted: false, keys: vec!["cache.nixos.org-1:abc=".into()] };
        let knows_key = Trust { trusted: false, keys: vec![PUBLIC.into()] };
        let friend = Trust { trusted: true, keys: vec![] };
        let unsigned = [info(true, &[]), info(false, &[])];
        check_trust(&unsigned, &friend, None).unwrap();
        check_trust(&unsigned, &knows_key, Some(&key)).unwrap();
        check_trust(&[info(true, &[])], &stranger, None).unwrap();
        check_trust(&[info(false, &["cache.nixos.org-1:xyz="])], &stranger, None).unwrap();
        check_trust(&[], &stranger, None).unwrap();

        let failure = check_trust(&unsigned, &stranger, Some(&key)).unwrap_err();
        assert_eq!(failure.kind, Kind::NotReady);
        assert!(failure.hints[0].ends_with(&format!("extra-trusted-public-keys = {PUBLIC}")), "{failure:?}");
        let failure = check_trust(&unsigned, &knows_key, None).unwrap_err();
        assert!(failure.hints[0].contains("--generate-binary-cache-key"), "{failure:?}");
        assert!(failure.hints.last().unwrap().contains("as good as root"));
    }
}
