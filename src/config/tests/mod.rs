//! shipit.toml from the text to the settings: what is taken, and every sentence that refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use snapbox::{assert_data_eq, str};

mod messages;

use super::file::{Health, Hooks, Keys, Sign, Ssh};
use super::{Choice, load};
use crate::context::Context;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::settings::{HttpCheck, Settings, SystemChoice};

const LEAST: &str = "app = \"server\"\nhost = \"deploy@server.example\"\n";

/// A folder with a configuration file in it.
struct World {
    folder: tempfile::TempDir,
    context: Context,
}

impl World {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cwd = fs::canonicalize(folder.path()).unwrap();
        fs::write(cwd.join("shipit.toml"), text).unwrap();
        let context = Context {
            cwd,
            home: Some(PathBuf::from("/home/anna")),
            who: "anna@laptop".to_owned(),
            from: None,
            runtime_folder: PathBuf::from("/tmp"),
        };
        World { folder, context }
    }

    fn load(&self, environment: Option<&str>) -> Outcome<Settings> {
        load(&self.context, &Choice { file: None, environment: environment.map(str::to_owned) })
    }

    fn load_file(&self, file: &str) -> Outcome<Settings> {
        load(&self.context, &Choice { file: Some(file.into()), environment: None })
    }

    /// The failure as text, with the folder's name masked.
    fn text(&self, failure: Failure) -> String {
        assert_eq!(failure.kind, Kind::Usage);
        let mut text: String = failure.error.chain().map(|cause| format!("{cause}\n")).collect();
        text.extend(failure.hints.iter().map(|hint| format!("hint: {hint}\n")));
        text.replace(self.context.cwd.to_str().unwrap(), "/srv/app")
    }
}

fn settings(text: &str) -> Settings {
    let world = World::new(text);
    world.load(None).unwrap_or_else(|failure| panic!("{text}\n{}", world.text(failure)))
}

#[test]
fn two_lines_are_enough() {
    let settings = settings(LEAST);
    assert_eq!(settings.environment.as_str(), "production");
    assert_eq!(settings.app.as_str(), "server");
    assert_eq!(settings.host.as_str(), "deploy@server.example");
    assert_eq!(settings.package.as_str(), "default");
    let SystemChoice::Guessed(system) = &settings.system else { panic!("{:?}", settings.system) };
    assert!(system.as_str().ends_with("-linux"), "{system}");
    assert_eq!(settings.root.as_str(), "/var/www/server");
    assert_eq!(settings.unit.as_str(), "server.service");
    assert!(settings.assets.is_empty());
    assert_eq!(settings.keep, 5);
    assert_eq!((settings.ssh.config, settings.ssh.host_key, settings.signing_key), (None, None, None));
    assert_eq!(settings.health.http, None);
    assert_eq!(settings.health.within, Duration::from_secs(30));
    assert_eq!(settings.health.settle, Duration::from_secs(1));
    assert!(settings.hooks.before_switch.is_empty());
    assert_eq!(settings.hooks.timeout, Duration::from_secs(300));
}

const FULL: &str = r#"
app     = "server"
host    = "deploy@server.example"
package = "web"
system  = "aarch64-linux"
root    = "/srv/server"
unit    = "web@1.service"
assets  = ["./views", "public/css", "./-odd"]
keep    = 3
[ssh]
config   = "deploy/ssh_config"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2dW0rSzjv3hvzJ7Tj2CQ4iMaoYtFMUIk7j4sVOnPl1 root@server"
[sign]
key_file = "~/.config/shipit/signing.key"
[health]
http    = "https://127.0.0.1:3001/"
host    = "www.example.org"
status  = [200, 204]
within  = "1m30s"
settle  = "250ms"
[hooks]
before_switch = ["result/bin/server", "migrate", "a\tb"]
timeout = "1h"

[environments.staging]
host = "deploy@staging.example"
root = "/srv/staging"
assets = []
health.status = [200]
hooks = { timeout = "1m" }
[environments.staging.ssh]
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"#;

fn full() -> World {
    let world = World::new(FULL);
    fs::create_dir(world.context.cwd.join("deploy")).unwrap();
    fs::write(world.context.cwd.join("deploy/ssh_config"), "").unwrap();
    world
}

#[test]
fn every_key_arrives() {
    let world = full();
    let settings = world.load(None).unwrap();
    assert_eq!(settings.folder, world.context.cwd);
    assert_eq!(settings.package.as_str(), "web");
    assert_eq!(settings.system, SystemChoice::Named("aarch64-linux".parse().unwrap()));
    assert_eq!(settings.root.as_str(), "/srv/server");
    assert_eq!(settings.unit.as_str(), "web@1.service");
    let assets: Vec<&str> = settings.assets.iter().map(|asset| asset.as_str()).collect();
    assert_eq!(assets, ["views", "public/css", "./-odd"]);
    assert_eq!(settings.keep, 3);
    assert_eq!(settings.ssh.config, Some(world.context.cwd.join("deploy/ssh_config")));
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2dW0rSzjv3hvzJ7Tj2CQ4iMaoYtFMUIk7j4sVOnPl1";
    assert_eq!(settings.ssh.host_key.as_deref(), Some(key));
    assert_eq!(settings.signing_key.as_deref(), Some(Path::new("/home/anna/.config/shipit/signing.key")));
    let http = HttpCheck {
        url: "https://127.0.0.1:3001/".to_owned(),
        host: Some("www.example.org".to_owned()),
        status: vec![200, 204],
    };
    assert_eq!(settings.health.http, Some(http));
    assert_eq!(settings.health.within, Duration::from_secs(90));
    assert_eq!(settings.health.settle, Duration::from_millis(250));
    assert_eq!(settings.hooks.before_switch, ["result/bin/server", "migrate", "a\tb"]);
    assert_eq!(settings.hooks.timeout, Duration::from_secs(3600));
}

#[test]
fn an_environment_overrides_key_by_key() {
    let settings = full().load(Some("staging")).unwrap();
    assert_eq!(settings.environment.as_str(), "staging");
    assert_eq!(settings.host.as_str(), "deploy@staging.example");
    assert_eq!(settings.root.as_str(), "/srv/staging");
    assert!(settings.assets.is_empty(), "a list is replaced, not added to");
    assert!(settings.ssh.host_key.unwrap().ends_with("AAAAAAAA"));
    assert!(settings.ssh.config.is_some(), "inherited, though [ssh] is named");
    let http = settings.health.http.unwrap();
    assert_eq!((http.url.as_str(), http.status), ("https://127.0.0.1:3001/", vec![200]));
    assert_eq!(settings.health.within, Duration::from_secs(90));
    assert_eq!(settings.hooks.before_switch.len(), 3);
    assert_eq!(settings.hooks.timeout, Duration::from_secs(60));
    assert_eq!(settings.keep, 3);
}

#[test]
fn production_may_be_an_environment_of_its_own() {
    let world = World::new(
        "app = \"a\"\nkeep = 2\n[environments.production]\nhost = \"p\"\n[environments.staging]\nhost = \"s\"\n",
    );
    assert_eq!(world.load(None).unwrap().host.as_str(), "p");
    assert_eq!(world.load(Some("production")).unwrap().host.as_str(), "p");
    assert_eq!(world.load(Some("staging")).unwrap().host.as_str(), "s");
    assert_eq!(world.load(Some("staging")).unwrap().keep, 2);
}

#[test]
fn one_server_can_have_two_environments() {
    let world = World::new(format!("{LEAST}[environments.staging]\napp = \"server-staging\"\n"));
    let staging = world.load(Some("staging")).unwrap();
    assert_eq!(staging.root.as_str(), "/var/www/server-staging");
    assert_eq!(staging.unit.as_str(), "server-staging.service");
}

#[test]
fn a_hook_can_be_turned_off_in_an_environment() {
    let world = World::new(format!(
        "{LEAST}[hooks]\nbefore_switch = [\"x\"]\ntimeout = \"1m\"\n\
         [environments.staging]\nhost = \"b\"\nhooks.before_switch = []\n"
    ));
    assert!(world.load(Some("staging")).unwrap().hooks.before_switch.is_empty());
}

#[test]
fn the_environment_must_exist() {
    let world =
        World::new(format!("{LEAST}[environments.staging]\nhost = \"b\"\n[environments.qa]\nhost = \"c\"\n"));
    let text = |name| world.text(world.load(Some(name)).unwrap_err());
    assert_data_eq!(
        text("stagign"),
        str![[r#"
shipit.toml has no environment "stagign"
hint: did you mean -e staging? There are: `production`, `qa`, `staging`

"#]]
    );
    assert_data_eq!(
        text("x"),
        str![[r#"
shipit.toml has no environment "x"
hint: there are: `production`, `qa`, `staging`

"#]]
    );
    assert_data_eq!(
        text("\u{1b}[2J"),
        str![[r#"
shipit.toml has no environment "/u{1b}[2J"
hint: there are: `production`, `qa`, `staging`

"#]]
    );
}

#[test]
fn the_file_is_found_upwards_and_not_above_the_repository() {
    let mut world = World::new("app = 1\n");
    let top = world.context.cwd.clone();
    fs::create_dir_all(top.join("a/b")).unwrap();
    world.context.cwd = top.join("a/b");
    let failure = world.load(None).unwrap_err().error.to_string();
    assert!(failure.starts_with(&format!("{}/shipit.toml:1:7: ", top.display())), "{failure}");

    fs::write(top.join("shipit.toml"), LEAST).unwrap();
    fs::create_dir(top.join(".git")).unwrap();
    assert_eq!(world.load(None).unwrap().folder, top);

    fs::write(top.join("a/.git"), "gitdir: elsewhere").unwrap();
    assert_data_eq!(
        world.text(world.load(None).unwrap_err()),
        str![[r#"
there is no shipit.toml in /srv/app or above it
hint: `shipit init` writes one, beside flake.nix: it reads the flake, git and the units in the folder, and asks for the host
hint: or name a file with -c, a folder with -C

"#]]
    );
    assert!(world.folder.path().exists());
}

#[test]
fn the_file_can_be_named() {
    let world = full();
    fs::create_dir(world.context.cwd.join("sub")).unwrap();
    fs::write(
        world.context.cwd.join("deploy/other.toml"),
        "app = \"a\"\nhost = \"b\"\nssh.config = \"ssh_config\"\n",
    )
    .unwrap();
    let settings = world.load_file("sub/../deploy/other.toml").unwrap();
    assert_eq!(settings.folder, world.context.cwd.join("deploy"), "without the detour");
    assert_eq!(
        settings.ssh.config,
        Some(world.context.cwd.join("deploy/ssh_config")),
        "relative to the file"
    );

    fs::write(world.context.cwd.join("deploy/other.toml"), "app = 1\n").unwrap();
    assert_data_eq!(
        world.text(world.load_file("./deploy/other.toml").unwrap_err()),
        str![[r#"
./deploy/other.toml:1:7: invalid type: integer `1`, expected a string
  |
1 | app = 1
  |       ^

"#]]
    );
    assert_data_eq!(
        world.text(world.load_file("deploy/none.toml").unwrap_err()),
        str![[r#"
deploy/none.toml can't be read
No such file or directory (os error 2)

"#]]
    );
    assert_data_eq!(
        world.text(world.load_file("deploy").unwrap_err()),
        str![[r#"
deploy is a folder, not a file

"#]]
    );
    assert_data_eq!(
        world.text(world.load_file("/dev/zero").unwrap_err()),
        str![[r#"
/dev/zero is not a regular file

"#]]
    );
}

#[test]
fn files_that_are_no_text() {
    let error = |bytes: &[u8]| {
        let world = World::new(bytes);
        world.text(world.load(None).unwrap_err())
    };
    assert_data_eq!(
        error(b"app = \"a\"\nhost = \"b\xffc\"\n"),
        str![[r#"
shipit.toml:2:10: this is not UTF-8: byte 0xff
  |
2 | host = "b�c"
  |          ^

"#]]
    );
    assert_data_eq!(
        error(b"\xff\xfea\0p\0p\0"),
        str![[r#"
shipit.toml:1:1: this is not UTF-8: byte 0xff
  |
1 | ��a�p�p�
  | ^

"#]]
    );
    assert_data_eq!(
        error(&vec![b'#'; 2 << 20]),
        str![[r#"
shipit.toml is larger than 1 MiB: that is no configuration

"#]]
    );

    let world = World::new("");
    fs::remove_file(world.context.cwd.join("shipit.toml")).unwrap();
    fs::create_dir(world.context.cwd.join("shipit.toml")).unwrap();
    assert_data_eq!(
        world.text(world.load(None).unwrap_err()),
        str![[r#"
shipit.toml is a folder, not a file

"#]]
    );
    fs::remove_dir(world.context.cwd.join("shipit.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", world.context.cwd.join("shipit.toml")).unwrap();
    assert_data_eq!(
        world.text(world.load(None).unwrap_err()),
        str![[r#"
shipit.toml can't be read
No such file or directory (os error 2)

"#]]
    );
}

#[test]
fn a_link_is_read_and_its_own_folder_counts() {
    let world = World::new(LEAST);
    fs::create_dir(world.context.cwd.join("real")).unwrap();
    fs::rename(world.context.cwd.join("shipit.toml"), world.context.cwd.join("real/shipit.toml")).unwrap();
    std::os::unix::fs::symlink("real/shipit.toml", world.context.cwd.join("shipit.toml")).unwrap();
    assert_eq!(world.load(None).unwrap().folder, world.context.cwd);
}

#[test]
fn a_home_that_is_not_known_is_said() {
    let mut world = World::new(format!("{LEAST}[sign]\nkey_file = \"~/key\"\n"));
    world.context.home = None;
    assert_data_eq!(
        world.text(world.load(None).unwrap_err()),
        str![[r#"
shipit.toml:4:12: there is no ~/ here: HOME is not set
  |
4 | key_file = "~/key"
  |            ^^^^^^^

"#]]
    );
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
    assert_eq!(settings(&format!("\u{feff}{}", LEAST.replace('\n', "\r\n"))).app.as_str(), "server");
}

/// Whatever stands in the place of a value: an answer or a failure with a place, no panic, no raw code for the terminal.
#[test]
fn hostile_values_are_answered_in_peace() {
    let long = "x".repeat(100_000);
    let deep = "[".repeat(5_000);
    let values = [
        "",
        "\"",
        "\"\"",
        "\"-\"",
        "\"-x\"",
        "\" \"",
        "\"\\u0000\"",
        "\"\\u001b[31m\"",
        "\"a\\nb\"",
        "\"$(reboot)\"",
        "\"`x`\"",
        "\"../..\"",
        "\"/\"",
        "\"~\"",
        "\"~/\"",
        "\"%h\"",
        "\"é\"",
        "\"\u{202e}x\"",
        "'''\n\n'''",
        "0",
        "-1",
        "9223372036854775807",
        "99999999999999999999",
        "1e400",
        "nan",
        "true",
        "1979-05-27",
        "[]",
        "[[]]",
        "[\"\"]",
        "[\"a\", \"a\"]",
        "[0]",
        "{}",
        "{ a = 1 }",
        "\u{1b}[2J",
        "\u{0}",
        &format!("\"{long}\""),
        &format!("[{long}]"),
        &deep,
        "\"99999999999h\"",
        "\"1ns\"",
        "\"http://\"",
        "\"ssh-ed25519 \"",
    ];
    let tables =
        Keys::TABLES.iter().flat_map(|(table, keys)| keys.iter().map(move |key| format!("{table}.{key}")));
    let mut keys: Vec<String> = Keys::KEYS.iter().map(|key| (*key).to_owned()).chain(tables).collect();
    keys.extend(Keys::TABLES.iter().map(|(table, _)| (*table).to_owned()));
    keys.extend(keys.clone().iter().map(|key| format!("environments.e.{key}")));
    keys.extend(["environments", "environments.e", "environments.\"\"", "x"].map(str::to_owned));
    for key in &keys {
        for value in values {
            let least = LEAST.lines().filter(|line| !line.starts_with(key.as_str()));
            let text =
                least.map(|line| format!("{line}\n")).collect::<String>() + &format!("{key} = {value}\n");
            let world = World::new(&text);
            for environment in [None, Some("e")] {
                let Err(failure) = world.load(environment) else { continue };
                let shown = world.text(failure);
                assert!(shown.contains("shipit.toml"), "{key} = {value:.50}: {shown:.1000}");
                assert!(
                    !shown.chars().any(|c| c.is_control() && c != '\n'),
                    "{key} = {value:.50}: {shown:?}"
                );
                assert!(shown.len() < 2_000, "{key} = {value:.50}: {shown:.1000}");
            }
        }
    }
}

/// Half a file, as a full disk or a merge leaves it.
#[test]
fn every_beginning_of_a_file_is_answered() {
    let world = full();
    for (end, _) in FULL.char_indices() {
        fs::write(world.context.cwd.join("shipit.toml"), &FULL[..end]).unwrap();
        if let Err(failure) = world.load(None) {
            assert!(world.text(failure).contains("shipit.toml"));
        }
    }
}

#[test]
fn the_documentation_names_every_key_and_its_examples_are_valid() {
    let text = include_str!("../../../docs/configuration.md");
    let tables = [("ssh", Ssh::KEYS), ("sign", Sign::KEYS), ("health", Health::KEYS), ("hooks", Hooks::KEYS)];
    assert_eq!(Keys::TABLES, tables);
    for key in Keys::KEYS {
        assert!(text.contains(&format!("\n| `{key}` |")), "{key}");
    }
    for (table, keys) in Keys::TABLES {
        for key in *keys {
            assert!(text.contains(&format!("\n| `{table}.{key}` |")), "{table}.{key}");
        }
    }
    let rows = text.lines().filter(|line| line.starts_with("| `")).count();
    let keys = Keys::KEYS.len() + Keys::TABLES.iter().map(|(_, keys)| keys.len()).sum::<usize>();
    assert_eq!(rows, keys, "a row for a key that does not exist");

    let examples: Vec<&str> =
        text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 3);
    for example in examples {
        let world = full();
        // The folder of the full example has the files that an example may name.
        let example = if example.contains("app ") { example.to_owned() } else { format!("{LEAST}{example}") };
        fs::write(world.context.cwd.join("shipit.toml"), &example).unwrap();
        world.load(None).unwrap_or_else(|failure| panic!("{example}\n{}", world.text(failure)));
    }
}
