//! Files that nobody would write: an answer, never a panic.

use std::fs;

use super::{FULL, LEAST, World, full};
use crate::config::file::Keys;

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
