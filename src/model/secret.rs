//! Texts that were meant to stay secret, and that somebody pasted elsewhere: they are not repeated.

/// How private keys begin: their first line, and the base64 of what OpenSSH writes below it.
const BEGINNINGS: [&str; 2] = ["-----BEGIN", "b3BlbnNzaC1rZXkt"];

/// Where a private SSH key begins in this text.
pub fn private_key(text: &str) -> Option<usize> {
    // A public key or a certificate may begin with BEGIN, too.
    let is_private = text.contains("PRIVATE KEY") || text.contains(BEGINNINGS[1]);
    BEGINNINGS.iter().filter_map(|beginning| text.find(beginning)).min().filter(|_| is_private)
}

/// The text, as far as it may be shown.
pub fn before_private_key(text: &str) -> &str {
    private_key(text).map_or(text, |key| &text[..key])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_seen_however_it_was_pasted() {
        let whole = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n";
        assert_eq!(private_key(whole), Some(0));
        assert_eq!(private_key(&whole.replace('\n', "")), Some(0));
        assert_eq!(private_key("key = \"b3BlbnNzaC1rZXktdjEAAAAA"), Some(7), "without its first line");
        assert_eq!(private_key("x -----BEGIN RSA PRIVATE KEY----- MIIE"), Some(2));
        for other in
            ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", "-----BEGIN PUBLIC KEY----- MII", "PRIVATE KEY", ""]
        {
            assert_eq!(private_key(other), None, "{other}");
        }
    }
}
