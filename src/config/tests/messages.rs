//! Every sentence that refuses a shipit.toml, as it is shown.

use snapbox::{assert_data_eq, str};

use super::World;

/// The failures of several files, one behind the other; each file is two good lines and one of these texts.
fn errors(texts: &[&str]) -> String {
    whole(&texts.iter().map(|text| format!("app = \"a\"\nhost = \"b\"\n{text}\n")).collect::<Vec<_>>())
}

/// The same, of whole files.
fn whole(files: &[impl AsRef<str>]) -> String {
    let error = |text: &str| {
        let world = World::new(text);
        world.text(world.load(None).expect_err(text))
    };
    files.iter().map(|text| error(text.as_ref())).collect::<Vec<_>>().join("\n")
}

#[test]
fn keys_that_do_not_exist() {
    let shown = whole(&[
        r#"app = "a"
hots = "b""#,
        r#"app = "a"
[environment.staging]
host = "b""#,
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:2:1: there is no key `hots`
  |
2 | hots = "b"
  | ^^^^
hint: did you mean `host`?

shipit.toml:2:2: there is no key `environment`
  |
2 | [environment.staging]
  |  ^^^^^^^^^^^
hint: did you mean `environments`?

"#]]
    );
    let shown = errors(&[
        r#"[health]
htp = "http://a/""#,
        r#"[helth]
http = "http://a/""#,
        r#"http = "http://a/""#,
        r#"[ssh]
config = "x"
keep = 3"#,
        r#"[health]
timeout = "3s""#,
        "zebra = true",
        r#"[environments.staging]
host = "c"
[environments.staging.hooks]
before = ["x"]
keep = 3"#,
        r#"[environments.staging.environments.x]
host = "c""#,
        r#""\u001b[2J" = 1"#,
        r#"[environments."a b"]
host = "c""#,
        r#"[environments.-x]
host = "c""#,
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:4:1: there is no key `htp` in [health]
  |
4 | htp = "http://a/"
  | ^^^
hint: did you mean `http`?

shipit.toml:3:2: there is no key `helth`
  |
3 | [helth]
  |  ^^^^^
hint: did you mean `health`?

shipit.toml:3:1: there is no key `http`
  |
3 | http = "http://a/"
  | ^^^^
hint: `http` belongs in [health]

shipit.toml:5:1: there is no key `keep` in [ssh]
  |
5 | keep = 3
  | ^^^^
hint: `keep` belongs at the top of the file, above the first [table]

shipit.toml:4:1: there is no key `timeout` in [health]
  |
4 | timeout = "3s"
  | ^^^^^^^
hint: `timeout` belongs in [hooks]; known here: `http`, `host`, `status`, `within`, `settle`

shipit.toml:3:1: there is no key `zebra`
  |
3 | zebra = true
  | ^^^^^
hint: known here: `app`, `host`, `package`, `system`, `root`, `unit`, `assets`, `keep`, `ssh`, `sign`, `health`, `hooks`, `environments`

shipit.toml:6:1: there is no key `before` in [environments.staging.hooks]
  |
6 | before = ["x"]
  | ^^^^^^
hint: known here: `before_switch`, `timeout`

shipit.toml:3:23: there is no key `environments` in [environments.staging]
  |
3 | [environments.staging.environments.x]
  |                       ^^^^^^^^^^^^
hint: known here: `app`, `host`, `package`, `system`, `root`, `unit`, `assets`, `keep`, `ssh`, `sign`, `health`, `hooks`

shipit.toml:3:1: there is no key `�[2J`
  |
3 | "/u001b[2J" = 1
  | ^^^^^^^^^^^
hint: known here: `app`, `host`, `package`, `system`, `root`, `unit`, `assets`, `keep`, `ssh`, `sign`, `health`, `hooks`, `environments`

shipit.toml:3:15: environment "a b" may have only letters, digits, `.`, `_` and `-`
  |
3 | [environments."a b"]
  |               ^^^^^
hint: give it a name such as [environments.staging]

shipit.toml:3:15: environment "-x" starts with -, which a program would take for an option
  |
3 | [environments.-x]
  |               ^^
hint: give it a name such as [environments.staging]

"#]]
    );
}

#[test]
fn wrong_types() {
    let shown = whole(&[r#"app = "a"
host = 5"#]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:2:8: invalid type: integer `5`, expected a string
  |
2 | host = 5
  |        ^

"#]]
    );
    let shown = errors(&[
        r#"keep = "5""#,
        r#"assets = "views""#,
        r#"assets = ["views", 1]"#,
        r#"ssh = "deploy/ssh_config""#,
        r#"ssh = ["x", "y"]"#,
        "[[health]]",
        r#"environments = ["staging"]"#,
        r#"[environments]
staging = "c""#,
        r#"[health]
within = 30"#,
        r#"[hooks]
before_switch = "result/bin/server migrate""#,
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:3:8: invalid type: string "5", expected a whole number from 1 to 1000
  |
3 | keep = "5"
  |        ^^^

shipit.toml:3:10: invalid type: string "views", expected a list in [ ]
  |
3 | assets = "views"
  |          ^^^^^^^

shipit.toml:3:20: invalid type: integer `1`, expected text in quotes
  |
3 | assets = ["views", 1]
  |                    ^

shipit.toml:3:1: `ssh` is a table, not text
  |
3 | ssh = "deploy/ssh_config"
  | ^^^
hint: write [ssh] on a line of its own, and its keys below

shipit.toml:3:1: `ssh` is a table, not a list
  |
3 | ssh = ["x", "y"]
  | ^^^
hint: write [ssh] on a line of its own, and its keys below

shipit.toml:3:3: `health` is a table, not a list
  |
3 | [[health]]
  |   ^^^^^^
hint: write [health] on a line of its own, and its keys below

shipit.toml:3:1: `environments` is a table, not a list
  |
3 | environments = ["staging"]
  | ^^^^^^^^^^^^
hint: write [environments.NAME] on a line of its own, and its keys below

shipit.toml:4:1: `environments.staging` is a table, not text
  |
4 | staging = "c"
  | ^^^^^^^
hint: write [environments.staging] on a line of its own, and its keys below

shipit.toml:4:10: invalid type: integer `30`, expected a duration in quotes, such as "30s" or "5m"
  |
4 | within = 30
  |          ^^

shipit.toml:4:17: invalid type: string "result/bin/server migrate", expected a list in [ ]
  |
4 | before_switch = "result/bin/server migrate"
  |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^

"#]]
    );
}

#[test]
fn not_toml() {
    let shown = whole(&[
        "app = a",
        r#"app = "a"#,
        r#"app "a""#,
        r#"app = "a"
assets = [
  "views","#,
        r#"app = "a"
app = "b""#,
        r#"app = "a"
[ssh]
[ssh]"#,
        "app = \"a\u{1b}[2J\u{7}\"",
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:1:7: string values must be quoted, expected literal string
  |
1 | app = a
  |       ^

shipit.toml:1:9: invalid basic string, expected `"`
  |
1 | app = "a
  |         ^

shipit.toml:1:5: key with no value, expected `=`
  |
1 | app "a"
  |     ^

shipit.toml:3:11: unclosed array, expected `]`
  |
3 |   "views",
  |           ^

shipit.toml:2:1: duplicate key
  |
2 | app = "b"
  | ^^^

shipit.toml:3:2: duplicate key
  |
3 | [ssh]
  |  ^^^

shipit.toml:1:9: invalid basic string, expected non-double-quote visible characters, `/`
  |
1 | app = "a�[2J�"
  |         ^

"#]]
    );
}

#[test]
fn names_that_are_none() {
    let shown = whole(&[
        r#"app = """#,
        r#"app = "a/b""#,
        r#"app = "a"
host = "-oProxyCommand=x""#,
        r#"app = "a"
host = "root@""#,
        r#"app = "a"
host = "a b""#,
        r#"app = "a"
host = "a\nb""#,
        r#"app = "a"
host = "b:22""#,
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:1:7: app "" is empty
  |
1 | app = ""
  |       ^^

shipit.toml:1:7: app "a/b" may have only letters, digits, `.`, `_` and `-`
  |
1 | app = "a/b"
  |       ^^^^^

shipit.toml:2:8: host "-oProxyCommand=x" starts with -, which a program would take for an option
  |
2 | host = "-oProxyCommand=x"
  |        ^^^^^^^^^^^^^^^^^^

shipit.toml:2:8: host "root@" has no host after the @, or one that starts with -
  |
2 | host = "root@"
  |        ^^^^^^^

shipit.toml:2:8: host "a b" has a character that no host name has
  |
2 | host = "a b"
  |        ^^^^^

shipit.toml:2:8: host "a/nb" has a character that no host name has
  |
2 | host = "a/nb"
  |        ^^^^^^

shipit.toml:2:8: host "b:22" has a port: write it as ssh://user@host:port
  |
2 | host = "b:22"
  |        ^^^^^^

"#]]
    );
    let shown = errors(&[
        r#"package = "a b""#,
        r#"system = "x86_64""#,
        r#"root = "www/a""#,
        r#"root = "/var/www/../etc""#,
        r#"root = "/""#,
        r#"unit = "server""#,
        r#"unit = "a b""#,
        r#"unit = "a.socket""#,
        r#"assets = ["/etc"]"#,
        r#"assets = ["views", "../x"]"#,
        r#"assets = ["views/"]"#,
        r#"[environments.staging]
host = "-x""#,
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:3:11: package "a b" is not an attribute of a flake's packages
  |
3 | package = "a b"
  |           ^^^^^

shipit.toml:3:10: system "x86_64" is not a system such as "x86_64-linux"
  |
3 | system = "x86_64"
  |          ^^^^^^^^

shipit.toml:3:8: root "www/a" is not an absolute path
  |
3 | root = "www/a"
  |        ^^^^^^^

shipit.toml:3:8: root "/var/www/../etc" has an empty part, `.` or `..`
  |
3 | root = "/var/www/../etc"
  |        ^^^^^^^^^^^^^^^^^

shipit.toml:3:8: root "/" is the whole disk, or ends in /
  |
3 | root = "/"
  |        ^^^

shipit.toml:3:8: unit "server" does not end in .service: write "server.service"
  |
3 | unit = "server"
  |        ^^^^^^^^

shipit.toml:3:8: unit "a b" does not end in .service
  |
3 | unit = "a b"
  |        ^^^^^

shipit.toml:3:8: unit "a.socket" does not end in .service
  |
3 | unit = "a.socket"
  |        ^^^^^^^^^^

shipit.toml:3:11: asset "/etc" is not a relative path inside the commit
  |
3 | assets = ["/etc"]
  |           ^^^^^^

shipit.toml:3:20: asset "../x" has an empty part or `..`
  |
3 | assets = ["views", "../x"]
  |                    ^^^^^^

shipit.toml:3:11: asset "views/" ends in /: write "views"
  |
3 | assets = ["views/"]
  |           ^^^^^^^^

shipit.toml:4:8: host "-x" starts with -, which a program would take for an option
  |
4 | host = "-x"
  |        ^^^^

"#]]
    );
}

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

shipit.toml:4:8: the URL has a user or password in it, which everybody on the server could see: write it like "http://127.0.0.1:3000/health"
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

#[test]
fn values_that_do_not_go_together() {
    let shown = whole(&[r#"app = "a"
[environments.one]
host = "b"
[environments.two]
host = "b"
unit = "x.service""#]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:4:15: the environments one and two are the same folder: /var/www/a on b
  |
4 | [environments.two]
  |               ^^^
hint: give two its own `host` or `root`

"#]]
    );
    let shown = errors(&[
        r#"[health]
within = "1s"
settle = "2s""#,
        r#"[health]
settle = "31s""#,
        r#"[health]
within = "500ms""#,
        r#"[health]
settle = "20s"
[environments.staging]
host = "c"
health.within = "10s""#,
        r#"[health]
status = [200]"#,
        r#"[health]
host = "c""#,
        r#"[hooks]
timeout = "1m""#,
        r#"assets = ["views", "./views"]"#,
        r#"assets = ["views", "static", "views/a"]"#,
        r#"assets = ["views/a/b", "views-2", "views"]"#,
        r#"[environments.staging]
keep = 2"#,
        r#"[environments.staging]
root = "/srv/a""#,
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml:4:10: `within` (1s) is shorter than `settle` (2s): no release could make it
  |
4 | within = "1s"
  |          ^^^^

shipit.toml:4:10: `within` (30s) is shorter than `settle` (31s): no release could make it
  |
4 | settle = "31s"
  |          ^^^^^

shipit.toml:4:10: `within` (500ms) is shorter than `settle` (1s): no release could make it
  |
4 | within = "500ms"
  |          ^^^^^^^

shipit.toml:7:17: `within` (10s) is shorter than `settle` (20s): no release could make it (in the environment staging)
  |
7 | health.within = "10s"
  |                 ^^^^^

shipit.toml:4:10: `status` does nothing without `http`
  |
4 | status = [200]
  |          ^^^^^

shipit.toml:4:8: `host` does nothing without `http`
  |
4 | host = "c"
  |        ^^^

shipit.toml:4:11: `timeout` does nothing without a hook
  |
4 | timeout = "1m"
  |           ^^^^

shipit.toml:3:20: the asset "./views" is named twice
  |
3 | assets = ["views", "./views"]
  |                    ^^^^^^^^^

shipit.toml:3:30: the asset "views/a" lies inside the asset "views": name one of them
  |
3 | assets = ["views", "static", "views/a"]
  |                              ^^^^^^^^^

shipit.toml:3:35: the asset "views/a/b" lies inside the asset "views": name one of them
  |
3 | assets = ["views/a/b", "views-2", "views"]
  |                                   ^^^^^^^

shipit.toml:3:15: the environments production and staging are the same folder: /var/www/a on b
  |
3 | [environments.staging]
  |               ^^^^^^^
hint: give staging its own `host` or `root`

shipit.toml:3:15: the environments production and staging are the same unit: a.service on b
  |
3 | [environments.staging]
  |               ^^^^^^^
hint: give staging its own `host` or `unit`

"#]]
    );
}

#[test]
fn what_is_missing() {
    let shown = whole(&[
        "",
        r#"host = "b""#,
        r#"app = "a""#,
        r#"app = "a"
[environments.staging]
host = "b"
[environments.qa]
host = "c""#,
    ]);
    assert_data_eq!(
        shown,
        str![[r#"
shipit.toml does not say `app` for production
hint: at the top of shipit.toml: app = "server"

shipit.toml does not say `app` for production
hint: at the top of shipit.toml: app = "server"

shipit.toml does not say `host` for production
hint: at the top of shipit.toml: host = "deploy@server.example"

shipit.toml does not say `host` for production
hint: choose another environment with -e: `qa`, `staging`
hint: at the top of shipit.toml: host = "deploy@server.example"

"#]]
    );
}
