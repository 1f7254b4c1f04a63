//! What a URL, a Host header and a host key must look like.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::secret;

/// A URL that curl and a line of shell can both be given.
pub fn url(text: &str) -> Result<(), String> {
    if text.len() > 2000 {
        return Err("is longer than 2000 bytes".to_owned());
    }
    // The value itself is not repeated: it could hold a password.
    let Some((_, rest)) = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
    else {
        return Err("does not begin with http:// or https://".to_owned());
    };
    if let Some(c) = rest.chars().find(|c| !c.is_ascii_graphic() || "\"<>\\^`{|}".contains(*c)) {
        return Err(format!("has {c:?} in it, which no URL has"));
    }
    if rest.contains('#') {
        return Err("has a # in it, which is never sent to a server".to_owned());
    }
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    if host.contains('@') {
        return Err("has a user or password in it, which others could see".to_owned());
    }
    authority(host)
}

/// `name`, `name:port`, `[address]`, `[address]:port`
pub fn authority(text: &str) -> Result<(), String> {
    if text.contains('/') {
        return Err("has a / in it".to_owned());
    }
    let (host, port) = match text.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let fine = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let mut characters = host.chars();
            host.len() <= 253
                && characters.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
                && characters.all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        }
    };
    if !fine {
        return Err(if host.is_empty() {
            "has no host".to_owned()
        } else {
            "has a host that can't be one".to_owned()
        });
    }
    match port {
        None => Ok(()),
        Some(port)
            if port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0) =>
        {
            Ok(())
        }
        Some(_) => Err("has a port that is not a number from 1 to 65535".to_owned()),
    }
}

/// The types that ssh knows, without certificates: a certificate is not a host's key.
const KEY_TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// `type base64`, without a comment.
///
/// # Errors
/// Why it is not a host's key.
pub fn host_key(text: &str) -> Result<String, String> {
    const SAMPLE: &str = "write `type base64`, as in /etc/ssh/ssh_host_ed25519_key.pub on the server";
    // Its texts are shown: in a log, beside a line of a file that is committed.
    if secret::private_key(text).is_some() {
        return Err(format!("this looks like a private key, which the server's host key is not: {SAMPLE}"));
    }
    // A line break would be another line of known_hosts.
    if text.chars().any(char::is_control) {
        return Err(format!("the host key has a control character: {SAMPLE}"));
    }
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let (Some(kind), Some(key)) = (words.next(), words.next()) else {
        return Err(format!("the host key is not two words: {SAMPLE}"));
    };
    if !KEY_TYPES.contains(&kind) {
        let host_first =
            if KEY_TYPES.contains(&key) { "begins with a host" } else { "has no type that ssh knows" };
        return Err(format!("the host key {host_first}: {SAMPLE}"));
    }
    // The key repeats its type, behind a length of four bytes: half a key is found out here, not by ssh.
    let blob = STANDARD.decode(key).map_err(|_| format!("the host key is not base64: {SAMPLE}"))?;
    let named = blob.get(4..).and_then(|rest| rest.strip_prefix(kind.as_bytes()));
    if blob.get(..4) != Some(&u32::try_from(kind.len()).unwrap_or_default().to_be_bytes()) || named.is_none()
    {
        return Err(format!("the host key is not one of type {kind}: {SAMPLE}"));
    }
    if named.is_some_and(|rest| rest.len() < 32) {
        return Err(format!("the host key is cut short: {SAMPLE}"));
    }
    Ok(format!("{kind} {key}"))
}

/// `name:base64`, or why it is not the public half of a key that Nix signs with.
pub fn public_key(text: &str) -> Result<String, String> {
    const SAMPLE: &str = "write `name:base64`, as in the .pub file that was made with the signing key";
    let text = text.trim();
    let (name, key) =
        text.split_once(':').ok_or_else(|| format!("the public key has no `:` in it: {SAMPLE}"))?;
    // It becomes a word of nix.conf, where blanks part the keys.
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_graphic() && !"'\"\\|&".contains(c)) {
        return Err(format!("the public key has no name that can be one: {SAMPLE}"));
    }
    match STANDARD.decode(key).map(|bytes| bytes.len()) {
        Ok(32) => Ok(text.to_owned()),
        // Not repeated, and nothing of it: it is in a file that is committed.
        Ok(64) => Err(format!(
            "this is a secret key, which belongs in no shipit.toml: make a new one, and {SAMPLE}"
        )),
        _ => Err(format!("the public key is not the base64 of 32 bytes: {SAMPLE}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_keys() {
        let key = "deploy-1:H9j1iA6CHEOn3tR+uHy/eNYtMI9mdw7fkjMu+YX3ih4=";
        assert_eq!(public_key(&format!("{key}\n")).as_deref(), Ok(key), "a .pub file has a line's end");
        let secret = "deploy-1:aLi6Gu2Opw0A+HjRJeYDBT5FdwBjCFrsTEebpkLco0Af2PWIDoIcQ6fe1H64fL941i0wj2Z3Dt+SMy75hfeKHg==";
        let refused = public_key(secret).unwrap_err();
        assert!(refused.contains("secret key") && !refused.contains("aLi6Gu2"), "{refused}");
        for text in
            ["", "deploy-1", ":H9j1", "a b:H9j1iA6CHEOn3tR+uHy/eNYtMI9mdw7fkjMu+YX3ih4=", "deploy-1:H9j1"]
        {
            assert!(public_key(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn urls() {
        for text in [
            "http://127.0.0.1:3001/",
            "https://127.0.0.1",
            "http://localhost?x=1&y=%20",
            "http://[::1]:80/a-b_c~d/(e)",
            "http://a/@b:c",
        ] {
            assert_eq!(url(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "http",
            "http:",
            "http://",
            "HTTP://a/",
            "ftp://a/",
            "file:///etc/passwd",
            "http:///x",
            "http://:80/",
            "http://a:0/",
            "http://a:65536/",
            "http://a:/",
            "http://a:+1/",
            "http://-a/",
            "http://a b/",
            "http://a/\n",
            "http://a/\u{0}",
            "http://u@a/",
            "http://u:p@a/",
            "http://a/#x",
            "http://[::1/",
            "http://[x]/",
            "http://é/",
            "http://a\\b/",
            "http://a/{1,2}",
            "http://$(x)/",
            "http://a;b/",
            "//a/",
            " http://a/",
            "http://[::1]80/",
        ] {
            assert!(url(text).is_err(), "{text:?}");
        }
        assert!(url(&format!("http://a/{}", "x".repeat(3000))).is_err());
    }

    #[test]
    fn host_keys() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2dW0rSzjv3hvzJ7Tj2CQ4iMaoYtFMUIk7j4sVOnPl1";
        assert_eq!(host_key(key).as_deref(), Ok(key));
        assert_eq!(host_key(&format!("{key} root@server")).as_deref(), Ok(key), "a .pub file has a comment");
        for text in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 ",
            "AAAAC3NzaC1lZDI1NTE5AAAAIG2dW0rSzjv3hvzJ7Tj2CQ4iMaoYtFMUIk7j4sVOnPl1",
            "ssh-ed25519 AAAA",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2d",
            "ssh-ed25519 not/base64!",
            &format!("server.example {key}"),
            &format!("{key}\n* ssh-ed25519 AAAA"),
            &key.replace("ssh-ed25519", "ssh-rsa"),
            &key.replace("ssh-ed25519", "ssh-foo"),
        ] {
            assert!(host_key(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_private_key_is_called_one() {
        let pasted =
            "-----BEGIN OPENSSH PRIVATE KEY-----b3BlbnNzaC1rZXktdjEA-----END OPENSSH PRIVATE KEY-----";
        let why = host_key(pasted).unwrap_err();
        assert!(why.starts_with("this looks like a private key") && !why.contains("b3Bl"), "{why}");
    }

    #[test]
    fn header_hosts() {
        for text in ["www.example.org", "localhost:3000", "[::1]", "_x"] {
            assert_eq!(authority(text), Ok(()), "{text}");
        }
        for text in ["", "a b", "a\r\nX: y", "http://a", "a/b", "a:b", "é", "-x", "u@a", "::1"] {
            assert!(authority(text).is_err(), "{text:?}");
        }
    }
}
