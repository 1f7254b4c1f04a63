//! Numbers, durations, URLs, keys and words that can't be meant.

use snapbox::{assert_data_eq, str};

use super::errors;

#[test]
fn values_out_of_range() {
    let shown = errors(&[
        "keep = 0",
        "keep = -1",
        "keep = 4294967297",
        r#"[health]
within = "0s""#,
        r#"[health]
within = "-5s""#,
        r#"[health]
within = "2h""#,
        r#"[health]
within = "soon""#,
        r#"[hooks]
before_switch = ["x"]
timeout = "61m""#,
        r#"[health]
http = "http://a/"
status = [200, 600]"#,
        r#"[health]
http = "http://a/"
status = [99]"#,
        r#"[health]
http = "http://a/"
status = []"#,
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:3:8: invalid value: integer `0`, expected a whole number from 1 to 1000
  |
3 | keep = 0
  |        ^

shipit.toml:3:8: invalid value: integer `-1`, expected a whole number from 1 to 1000
  |
3 | keep = -1
  |        ^^

shipit.toml:3:8: invalid value: integer `4294967297`, expected a whole number from 1 to 1000
  |
3 | keep = 4294967297
  |        ^^^^^^^^^^

shipit.toml:4:10: duration "0s" is too short: at least "1ms"
  |
4 | within = "0s"
  |          ^^^^

shipit.toml:4:10: duration "-5s" is negative
  |
4 | within = "-5s"
  |          ^^^^^

shipit.toml:4:10: duration "2h" is too long: at most "1h"
  |
4 | within = "2h"
  |          ^^^^

shipit.toml:4:10: "soon" is not a duration such as "30s", "5m" or "1m30s"
  |
4 | within = "soon"
  |          ^^^^^^

shipit.toml:5:11: duration "61m" is too long: at most "1h"
  |
5 | timeout = "61m"
  |           ^^^^^

shipit.toml:5:16: invalid value: integer `600`, expected a whole number from 100 to 599
  |
5 | status = [200, 600]
  |                ^^^

shipit.toml:5:11: invalid value: integer `99`, expected a whole number from 100 to 599
  |
5 | status = [99]
  |           ^^

shipit.toml:5:10: no status would be healthy: leave `status` out for any 2xx or 3xx
  |
5 | status = []
  |          ^^

"#]]
    );
}

#[test]
fn urls_hosts_keys_and_words() {
    let shown = errors(&[
        r#"[health]
http = "127.0.0.1:3001""#,
        r#"[health]
http = "http://anna:secret@a/""#,
        r#"[health]
http = "http://a/ b""#,
        r#"[health]
http = "http://a/\r\nX: y""#,
        r#"[health]
http = "http:///x""#,
        r#"[health]
http = "http://a:99999/""#,
        r#"[health]
http = "http://a/"
host = "http://b""#,
        r#"url = "www.example.org""#,
        r#"url = "https://www.example.org/#top""#,
        r#"[ssh]
host_key = "AAAA""#,
        r#"[ssh]
host_key = "server ssh-ed25519 AAAA""#,
        r#"[ssh]
host_key = "ssh-ed25519 AAAA""#,
        r#"[ssh]
host_key = "ssh-ed25519 A\nB""#,
        r#"[ssh]
config = "nowhere""#,
        r#"[sign]
key_file = "~bob/key""#,
        r#"[sign]
key_file = """#,
        r#"[hooks]
before_switch = ["x", ""]"#,
        r#"[hooks]
before_switch = ["x", "a\u0000b"]"#,
        r#"[hooks]
before_switch = ["x", "a\nb"]"#,
        r#"[hooks]
before_switch = ["-x"]"#,
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:4:8: the URL does not begin with http:// or https://: write it like "http://127.0.0.1:3000/health"
  |
4 | http = "127.0.0.1:3001"
  |        ^^^^^^^^^^^^^^^^

shipit.toml:4:8: the URL has a user or password in it, which others could see: write it like "http://127.0.0.1:3000/health"
  |
4 | http = "http://anna:secret@a/"
  |        ^^^^^^^^^^^^^^^^^^^^^^^

shipit.toml:4:8: the URL has ' ' in it, which no URL has: write it like "http://127.0.0.1:3000/health"
  |
4 | http = "http://a/ b"
  |        ^^^^^^^^^^^^^

shipit.toml:4:8: the URL has '/r' in it, which no URL has: write it like "http://127.0.0.1:3000/health"
  |
4 | http = "http://a//r/nX: y"
  |        ^^^^^^^^^^^^^^^^^^^

shipit.toml:4:8: the URL has no host: write it like "http://127.0.0.1:3000/health"
  |
4 | http = "http:///x"
  |        ^^^^^^^^^^^

shipit.toml:4:8: the URL has a port that is not a number from 1 to 65535: write it like "http://127.0.0.1:3000/health"
  |
4 | http = "http://a:99999/"
  |        ^^^^^^^^^^^^^^^^^

shipit.toml:5:8: the Host header has a / in it: write it like "www.example.org"
  |
5 | host = "http://b"
  |        ^^^^^^^^^^

shipit.toml:3:7: the app's URL does not begin with http:// or https://: write it like "https://www.example.org"
  |
3 | url = "www.example.org"
  |       ^^^^^^^^^^^^^^^^^

shipit.toml:3:7: the app's URL has a # in it, which is never sent to a server: write it like "https://www.example.org"
  |
3 | url = "https://www.example.org/#top"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

shipit.toml:4:12: the host key is not two words: write `type base64`, as in /etc/ssh/ssh_host_ed25519_key.pub on the server
  |
4 | host_key = "AAAA"
  |            ^^^^^^

shipit.toml:4:12: the host key begins with a host: write `type base64`, as in /etc/ssh/ssh_host_ed25519_key.pub on the server
  |
4 | host_key = "server ssh-ed25519 AAAA"
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^

shipit.toml:4:12: the host key is not one of type ssh-ed25519: write `type base64`, as in /etc/ssh/ssh_host_ed25519_key.pub on the server
  |
4 | host_key = "ssh-ed25519 AAAA"
  |            ^^^^^^^^^^^^^^^^^^

shipit.toml:4:12: the host key has a control character: write `type base64`, as in /etc/ssh/ssh_host_ed25519_key.pub on the server
  |
4 | host_key = "ssh-ed25519 A/nB"
  |            ^^^^^^^^^^^^^^^^^^

shipit.toml:4:10: there is no file /srv/app/nowhere
  |
4 | config = "nowhere"
  |          ^^^^^^^^^

shipit.toml:4:12: file "~bob/key" begins with ~: only ~/ is understood
  |
4 | key_file = "~bob/key"
  |            ^^^^^^^^^^

shipit.toml:4:12: file "" is empty
  |
4 | key_file = ""
  |            ^^

shipit.toml:4:23: a word of a command can't be empty
  |
4 | before_switch = ["x", ""]
  |                       ^^

shipit.toml:4:23: a word of a command can't have a line break or another control character
  |
4 | before_switch = ["x", "a/u0000b"]
  |                       ^^^^^^^^^^

shipit.toml:4:23: a word of a command can't have a line break or another control character
  |
4 | before_switch = ["x", "a/nb"]
  |                       ^^^^^^

shipit.toml:4:18: the hook's program begins with -, as an option does
  |
4 | before_switch = ["-x"]
  |                  ^^^^

"#]]
    );
}
