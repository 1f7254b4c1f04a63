//! What is not TOML, or no shipit.toml: its keys and its types.

use snapbox::{assert_data_eq, str};

use super::{errors, whole};

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
hint: known here: `app`, `host`, `package`, `system`, `root`, `unit`, `assets`, `keep`, `url`, `ssh`, `sign`, `health`, `hooks`, `environments`

shipit.toml:6:1: there is no key `before` in [environments.staging.hooks]
  |
6 | before = ["x"]
  | ^^^^^^
hint: known here: `before_switch`, `timeout`

shipit.toml:3:23: there is no key `environments` in [environments.staging]
  |
3 | [environments.staging.environments.x]
  |                       ^^^^^^^^^^^^
hint: known here: `app`, `host`, `package`, `system`, `root`, `unit`, `assets`, `keep`, `url`, `ssh`, `sign`, `health`, `hooks`

shipit.toml:3:1: there is no key `�[2J`
  |
3 | "/u001b[2J" = 1
  | ^^^^^^^^^^^
hint: known here: `app`, `host`, `package`, `system`, `root`, `unit`, `assets`, `keep`, `url`, `ssh`, `sign`, `health`, `hooks`, `environments`

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
