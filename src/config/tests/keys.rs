//! Every key: what it says without being written, what arrives of it, and that the documentation has it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use snapbox::{assert_data_eq, str};

use super::{LEAST, World, full, settings};
use crate::config::file::{Health, Hooks, Keys, Sign, Ssh};
use crate::model::settings::{HostKey, HttpCheck, SystemChoice};

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
    assert_eq!(settings.url, None);
    assert_eq!(settings.health.http, None);
    assert_eq!(settings.health.within, Duration::from_secs(30));
    assert_eq!(settings.health.settle, Duration::from_secs(1));
    assert!(settings.hooks.before_switch.is_empty());
    assert_eq!(settings.hooks.timeout, Duration::from_secs(300));
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
    assert_eq!(settings.ssh.host_key, Some(HostKey::Written(key.to_owned())));
    assert_eq!(settings.url.as_deref(), Some("https://www.example.org"));
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
