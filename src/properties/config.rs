//! shipit.toml and the durations of the command line.

use std::fs;

use proptest::prelude::*;

use super::{any_length, text};
use crate::config::{Choice, duration, load};
use crate::context::Context;
use crate::model::failure::{Kind, Outcome};
use crate::model::settings::Settings;

fn loaded(bytes: &[u8]) -> Outcome<Settings> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shipit.toml"), bytes).unwrap();
    let context = Context {
        cwd: folder.path().to_owned(),
        home: None,
        who: "anna".to_owned(),
        from: None,
        runner: None,
        runtime_folder: "/tmp".into(),
    };
    load(&context, &Choice::default())
}

/// `key = value`, with keys that there are and values of all kinds.
fn setting() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "app",
        "host",
        "package",
        "system",
        "root",
        "unit",
        "assets",
        "keep",
        "url",
        "ssh.config",
        "ssh.host_key",
        "sign.key_file",
        "sign.public_key",
        "health.http",
        "health.host",
        "health.status",
        "health.within",
        "health.settle",
        "hooks.before_switch",
        "hooks.timeout",
        "environments.x.host",
        "x",
    ]);
    let value = prop_oneof![
        3 => text().prop_map(|text| toml::Value::from(text).to_string()),
        2 => prop::collection::vec(text(), 0..3).prop_map(|list| toml::Value::from(list).to_string()),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| number.to_string()),
        1 => prop::sample::select(vec!["true", "{}", "1979-05-27", "[[]]", "\"30s\"", "[200]"]).prop_map(str::to_owned),
        1 => text(),
    ];
    (key, value).prop_map(|(key, value)| format!("{key} = {value}\n"))
}

fn is_told_with_its_place(outcome: Outcome<Settings>) -> Result<(), TestCaseError> {
    if let Err(failure) = outcome {
        prop_assert_eq!(failure.kind, Kind::Usage);
        let said = failure.error.to_string();
        let placed = said
            .strip_prefix("shipit.toml:")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains("^"));
        // What is not there has no place.
        prop_assert!(placed || said.contains("does not say"), "{said}");
        prop_assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{said:?}");
        prop_assert!(said.len() < 4000);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_settings_or_an_error_with_its_place(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        is_told_with_its_place(loaded(&bytes))?;
    }

    #[test]
    fn any_settings_are_taken_or_refused_with_their_place(settings in prop::collection::vec(setting(), 0..5)) {
        let text = format!("app = \"server\"\nhost = \"x\"\n{}", settings.concat());
        is_told_with_its_place(loaded(text.as_bytes()))?;
    }

    #[test]
    fn what_is_taken_is_what_was_written(words in prop::collection::vec(any_length(), 1..4), asset in text()) {
        let text = |value: toml::Value| value.to_string();
        let file = format!(
            "app = \"server\"\nhost = \"x\"\nassets = {}\nhooks.before_switch = {}\n",
            text(vec![asset.clone()].into()), text(words.clone().into())
        );
        match loaded(file.as_bytes()) {
            Ok(settings) => {
                prop_assert_eq!(settings.hooks.before_switch, words);
                let parts = |path: &str| path.split('/').filter(|part| *part != ".").map(str::to_owned).collect::<Vec<_>>();
                prop_assert_eq!(parts(settings.assets[0].as_str()), parts(&asset));
            }
            refused => is_told_with_its_place(refused)?,
        }
    }

    #[test]
    fn any_duration_is_one_or_is_refused(text in any_length(), seconds in 0u64..200_000) {
        let _ = duration::wait(&text);
        let wait = duration::wait(&format!("{seconds}s"));
        prop_assert_eq!(wait.is_ok(), seconds <= 24 * 60 * 60);
    }
}
