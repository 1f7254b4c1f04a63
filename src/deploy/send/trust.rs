//! Whether the server will take the paths, decided before anything is sent. A server that does not trust the login takes
//! content-addressed paths and those with a signature of a key that it trusts, and nothing else.

use super::signing_key::{SigningKey, make_a_key, make_another_key, name_of};
use crate::deploy::build::nix_says::explain_nix;
use crate::deploy::build::taken::Cache;
use crate::model::check::Remark;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::StorePath;
use crate::model::server::ServerState;
use crate::tools::nix::json::PathInfo;
use crate::tools::nix::{Nix, NixError};

/// What makes the server's Nix read its nix.conf again.
const RESTART: &str = "systemctl restart nix-daemon";

/// What the server said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// The login is one of the daemon's trusted users, or root: no signature is asked for.
    pub trusted: bool,
    /// The public keys that the server trusts, whole: `name:base64`.
    pub keys: Vec<String>,
    /// The login's name, for what to type.
    pub login: String,
}

impl Trust {
    /// As the look at the server found it. A server that does not tell (before Nix 2.15) gets the benefit of the
    /// doubt: the copy itself will say it.
    pub fn of(state: &ServerState) -> Self {
        Trust {
            trusted: state.uid == 0 || state.trusted.unwrap_or(true),
            keys: state.trusted_keys.clone(),
            login: state.user.clone(),
        }
    }

    /// The server takes this path as it is. A signature that bears our key's name counts only where that name means our
    /// key there: an older one may have had it.
    fn takes(&self, info: &PathInfo, key: Option<&SigningKey>) -> bool {
        let other = |name: &str| key.is_some_and(|key| key.name() == name && !self.trusts(key));
        let mut names = self.keys.iter().map(|key| name_of(key)).filter(|name| !other(name));
        self.trusted || info.content_addressed || names.any(|name| info.is_signed_by(name))
    }

    /// The key that this key's name means there: of those with one name Nix takes the first.
    fn of_name(&self, public: &str) -> Option<&String> {
        self.keys.iter().find(|other| name_of(other) == name_of(public))
    }

    fn trusts(&self, key: &SigningKey) -> bool {
        self.of_name(&key.public) == Some(&key.public)
    }

    /// What changes that the server refuses: lines to paste, the better way first.
    fn ways_out(&self, key: Option<&SigningKey>) -> Vec<String> {
        let mut ways = match key {
            Some(key) => self.of_key(&key.public),
            None => vec![
                format!("sign what is sent. Make a key once: {}", make_a_key(None)),
                "then in shipit.toml:\n[sign]\nkey_file = \"~/.config/shipit/signing.key\"\nand deploy again: it says the \
                 line for the server's nix.conf"
                    .to_owned(),
            ],
        };
        ways.push(format!(
            "or, simpler, but a trusted user of Nix is as good as root on that server: \
             echo 'extra-trusted-users = {}' >> /etc/nix/nix.conf && {RESTART}",
            self.login
        ));
        ways
    }

    /// What makes the server trust this key.
    fn of_key(&self, public: &str) -> Vec<String> {
        match self.of_name(public) {
            Some(other) if other != public => vec![
                format!(
                    "its nix.conf trusts another key that is called {}, and of one name Nix takes the first only. If \
                     nobody signs with that one any more, put this one in its place; on the server, as root: \
                     sed -i 's|{other}|{public}|g' /etc/nix/nix.conf && {RESTART}",
                    name_of(public),
                ),
                format!(
                    "if somebody does (CI, say), sign with the same key, or with one of another name: {}",
                    make_another_key()
                ),
            ],
            Some(_) => vec![format!(
                "its nix.conf names the key already, so the daemon that runs was started before that; on the server, as \
                 root: {RESTART}"
            )],
            None => vec![format!(
                "on the server, as root: echo 'extra-trusted-public-keys = {public}' >> /etc/nix/nix.conf && {RESTART}"
            )],
        }
    }
}

/// Refuses when the server would refuse, with the exact lines that change it.
pub fn check_trust(missing: &[PathInfo], trust: &Trust, key: Option<&SigningKey>) -> Outcome<()> {
    let Some(refused) = missing.iter().find(|info| !trust.takes(info, key)) else { return Ok(()) };
    if key.is_some_and(|key| trust.trusts(key)) {
        return Ok(());
    }
    let why = format!(
        "the server would refuse {}: it does not trust this login, and no key that it trusts has signed the path",
        refused.path
    );
    let mut failure = Failure::msg(Kind::NotReady, why);
    failure.hints = trust.ways_out(key);
    Err(failure)
}

/// Whether a copy failed because the server's Nix believed no signature.
pub fn is_refusal(failure: &Failure) -> bool {
    let said = format!("{:#}", failure.error);
    let mut quoted = failure.detail.iter().flat_map(|detail| &detail.lines);
    let lacks = |text: &str| text.contains("lacks a signature") || text.contains("lacks a valid signature");
    lacks(&said) || quoted.any(|line| lacks(line))
}

/// What a copy that the server refused all the same says: its nix.conf was read, but what its daemon knows can't be
/// asked, and a Nix before 2.15 does not say whom it trusts either.
pub fn explain_refusal(mut failure: Failure, trust: &Trust, key: Option<&SigningKey>) -> Failure {
    if !is_refusal(&failure) {
        return failure;
    }
    failure.hints = trust.ways_out(key);
    if trust.trusted && !key.is_some_and(|key| trust.trusts(key)) {
        let restart = "if its nix.conf says that already, the daemon that runs was started before that; on the server, as \
                       root: systemctl restart nix-daemon";
        failure.hints.push(restart.to_owned());
    }
    failure
}

/// The same refusals where nothing is signed here, because it comes from a cache: what has to be done, and where.
pub fn of_cache(mut failure: Failure, trust: &Trust, cache: &Cache) -> Failure {
    let trusted = cache.key.as_ref().filter(|key| trust.keys.contains(key));
    failure.hints = match (trusted, &cache.key) {
        (Some(key), _) => vec![format!(
            "{} has it without a signature of {}: the job that builds needs `[sign] key_file`, and `shipit build --to {}`",
            cache.url,
            name_of(key),
            cache.url
        )],
        (None, Some(key)) => trust.of_key(key),
        (None, None) => vec![format!(
            "{} has to have it signed (`[sign] key_file` where `shipit build --to` runs) by a key that the server trusts. Whose,              shipit.toml can say, and then shipit says the line for the server's nix.conf:\n[sign]\npublic_key = \"NAME:BASE64\"",
            cache.url
        )],
    };
    failure
}

/// Whether the server takes what is signed on another machine by the key of this public half: what to remark, or in words
/// why it does.
pub fn of_public_key(trust: &Trust, public: &str) -> (Option<Remark>, String) {
    let name = name_of(public);
    if trust.of_name(public).is_some_and(|key| key == public) {
        (None, format!("it trusts {name}, the key of `public_key`"))
    } else if trust.trusted {
        (None, format!("it takes what {} brings, signed or not", trust.login))
    } else {
        let text =
            format!("the server would refuse a release: it does not trust {name}, the key of `public_key`");
        (Some(Remark { hints: trust.of_key(public), ..Remark::failed(text) }), String::new())
    }
}

/// Signs what the server would refuse otherwise: all but the content-addressed paths. Those that bear the key's name
/// already are signed again, because an older key may have had the same name; the same key changes nothing.
pub async fn sign(nix: &Nix, missing: &[PathInfo], key: &SigningKey) -> Outcome<()> {
    let paths = |by_name: bool| -> Vec<StorePath> {
        let wanted = |info: &&PathInfo| !info.content_addressed && info.is_signed_by(key.name()) == by_name;
        missing.iter().filter(wanted).map(|info| info.path.clone()).collect()
    };
    let signed = match nix.sign(&key.file, &paths(false)).await {
        // The daemon here signs what it builds, so this is its signature.
        Ok(()) => nix.sign(&key.file, &paths(true)).await.or_else(|error| match unprivileged(&error) {
            true => Ok(()),
            false => Err(error),
        }),
        failed => failed,
    };
    signed.map_err(|error| unsigned(error, key))
}

fn unprivileged(error: &NixError) -> bool {
    matches!(error, NixError::Command(error) if error.stderr.contains("not privileged"))
}

/// Why this machine could not sign, and what to do about it.
pub fn unsigned(error: NixError, key: &SigningKey) -> Failure {
    let unprivileged = unprivileged(&error);
    let failure = explain_nix(Kind::Copy, error);
    let failure = Failure { error: failure.error.context("could not sign what is sent"), ..failure };
    if !unprivileged {
        return failure;
    }
    failure.hint("Nix before 2.17 lets only a trusted user of this machine sign: update Nix here").hint(
        format!(
            "or `secret-key-files = {}` in this machine's /etc/nix/nix.conf, which signs each build",
            key.file.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::signing_key::tests::{PUBLIC, key};
    use super::*;

    fn info(content_addressed: bool, signatures: &[&str]) -> PathInfo {
        PathInfo {
            path: "/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-ab".parse().unwrap(),
            size: 1,
            content_addressed,
            signatures: signatures.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn what_the_server_would_refuse_is_refused_here() {
        let key = key();
        let stranger =
            Trust { trusted: false, keys: vec!["cache.nixos.org-1:abc=".into()], ..Trust::default() };
        let knows_key = Trust { trusted: false, keys: vec![PUBLIC.into()], ..Trust::default() };
        let friend = Trust { trusted: true, keys: vec![], ..Trust::default() };
        let unsigned = [info(true, &[]), info(false, &[])];
        check_trust(&unsigned, &friend, None).unwrap();
        check_trust(&unsigned, &knows_key, Some(&key)).unwrap();
        check_trust(&[info(true, &[])], &stranger, None).unwrap();
        check_trust(&[info(false, &["cache.nixos.org-1:xyz="])], &stranger, None).unwrap();
        check_trust(&[], &stranger, None).unwrap();

        let failure = check_trust(&unsigned, &stranger, Some(&key)).unwrap_err();
        assert_eq!(failure.kind, Kind::NotReady);
        assert!(failure.hints[0].contains(&format!("extra-trusted-public-keys = {PUBLIC}")), "{failure:?}");
        let failure = check_trust(&unsigned, &knows_key, None).unwrap_err();
        assert!(failure.hints[0].contains("--generate-binary-cache-key"), "{failure:?}");
        assert!(failure.hints.last().unwrap().contains("as good as root"));
    }

    #[test]
    fn another_key_of_the_same_name_is_to_be_replaced() {
        // Nix takes the first key of a name: a further line would change nothing.
        let other = "deploy-1:AAAA";
        let trust = Trust { keys: vec![other.to_owned()], ..Trust::default() };
        let signed = [info(false, &["deploy-1:old"])];
        for keys in [vec![other.to_owned()], vec![other.to_owned(), PUBLIC.to_owned()]] {
            let failure = check_trust(&[info(false, &[])], &Trust { keys, ..trust.clone() }, Some(&key()));
            let hint = failure.unwrap_err().hints.swap_remove(0);
            assert!(
                hint.contains(&format!("sed -i 's|{other}|{PUBLIC}|g' /etc/nix/nix.conf && systemctl")),
                "{hint}"
            );
        }
        let first = Trust { keys: vec![PUBLIC.to_owned(), other.to_owned()], ..trust.clone() };
        check_trust(&[info(false, &[])], &first, Some(&key())).unwrap();
        // A signature of that name may be the old key's, or be taken for it.
        check_trust(&signed, &trust, Some(&key())).unwrap_err();
        check_trust(&signed, &trust, None).unwrap();
    }

    #[test]
    fn a_key_that_signs_elsewhere_has_to_be_trusted_whole() {
        let judge = |trusted: bool, keys: &[&str]| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            of_public_key(&Trust { trusted, keys, login: "deploy".to_owned() }, PUBLIC)
        };
        for (trusted, keys) in [(false, &[PUBLIC][..]), (true, &[PUBLIC]), (true, &[])] {
            assert_eq!(judge(trusted, keys).0, None);
        }
        let refused = judge(false, &[]).0.unwrap();
        assert!(refused.hints[0].contains(&format!("extra-trusted-public-keys = {PUBLIC}")), "{refused:?}");
        let other = judge(false, &["deploy-1:AAAA", PUBLIC]).0.unwrap();
        assert!(other.hints[0].contains("in its place"), "{other:?}");
    }

    #[test]
    fn a_refusal_of_the_copy_names_the_way_out() {
        let refusal = || {
            let error = anyhow::anyhow!(
                "cannot add path '/nix/store/x' because it lacks a signature by a trusted key"
            );
            Failure::new(Kind::Copy, error.context("the copy to server failed"))
        };
        let hints = |trusted: bool, keys: &[&str], key: Option<&SigningKey>| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            explain_refusal(refusal(), &Trust { trusted, keys, login: "deploy".to_owned() }, key).hints
        };
        let key = key();
        let unread = hints(false, &[PUBLIC], Some(&key));
        assert!(
            unread[0].contains("names the key already")
                && unread[0].ends_with("systemctl restart nix-daemon")
        );
        let unknown = hints(true, &[], Some(&key));
        assert!(unknown[0].contains(&format!("'extra-trusted-public-keys = {PUBLIC}'")), "{unknown:?}");
        assert!(unknown.last().unwrap().contains("systemctl restart nix-daemon"), "{unknown:?}");
        assert!(hints(true, &[], None)[0].contains("--generate-binary-cache-key"));
        let other = Failure::msg(Kind::Copy, "the disk is full").hint("make room");
        assert_eq!(explain_refusal(other, &Trust::default(), None).hints, ["make room"]);
    }
}
