//! `-e`: what an environment overrides, and which there are.

use std::time::Duration;

use snapbox::{assert_data_eq, str};

use super::{LEAST, World, full};
use crate::config::{Choice, load};
use crate::model::settings::HostKey;

#[test]
fn an_environment_overrides_key_by_key() {
    let settings = full().load(Some("staging")).unwrap();
    assert_eq!(settings.environment.as_str(), "staging");
    assert_eq!(settings.host.as_str(), "deploy@staging.example");
    assert_eq!(settings.root.as_str(), "/srv/staging");
    assert!(settings.assets.is_empty(), "a list is replaced, not added to");
    assert!(settings.ssh.host_key.unwrap().key().ends_with("AAAAAAAA"));
    assert_eq!(settings.url.as_deref(), Some("https://staging.example.org/"));
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
fn a_host_key_that_is_given_stands_above_those_of_the_file() {
    let world = full();
    for environment in [None, Some("staging")] {
        let choice = Choice {
            environment: environment.map(str::to_owned),
            host_key: Some("ssh-ed25519 AAAA".to_owned()),
            ..Choice::default()
        };
        let settings = load(&world.context, &choice).unwrap();
        assert_eq!(settings.ssh.host_key, Some(HostKey::Given("ssh-ed25519 AAAA".to_owned())));
    }
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
