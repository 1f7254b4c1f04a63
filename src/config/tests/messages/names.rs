//! Names and paths that are none.

use snapbox::{assert_data_eq, str};

use super::{errors, whole};

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
