//! What does not go together, and what is missing.

use snapbox::{assert_data_eq, str};

use super::{errors, whole};

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
