//! What other programs answer: Nix, git, systemd.

use proptest::prelude::*;

use super::text;
use crate::tools::nix::json::{built_output, path_infos};
use crate::tools::nix::log::{NixLog, Purpose, plain, shortened};

/// JSON of any shape, with the keys that mean something.
fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(Value::from("/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1")),
    ];
    let key = prop_oneof![
        4 => prop::sample::select(vec![
            "action", "id", "type", "fields", "msg", "level", "text", "parent", "outputs", "out", "drvPath", "path", "valid", "narSize",
            "ca", "signatures", "keyName", "sig", "info", "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1",
        ]).prop_map(str::to_owned),
        1 => text(),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A line that could be Nix's.
fn nix_line() -> impl Strategy<Value = String> {
    let record = (prop::sample::select(vec!["start", "stop", "result", "msg", "x"]), 0u64..4, prop::sample::select(vec![100u64, 101, 104, 105, 108, u64::MAX]), json())
        .prop_map(|(action, id, kind, fields)| {
            format!("@nix {}", serde_json::json!({"action": action, "id": id, "type": kind, "fields": fields, "level": id, "msg": fields}))
        });
    prop_oneof![4 => record, 2 => text(), 1 => json().prop_map(|json| format!("@nix {json}"))]
}

proptest! {
    #[test]
    fn any_log_of_nix_is_read_in_bounded_room(lines in prop::collection::vec(nix_line(), 0..25), copy in any::<bool>()) {
        let mut log = NixLog::new(if copy { Purpose::Copy { paths: 3 } } else { Purpose::Build });
        // A build says the same thing many times.
        for line in lines.iter().cycle().take(lines.len() * 30) {
            log.line(line, std::time::Instant::now());
        }
        let failure = log.failure();
        prop_assert!(failure.log.len() <= 25 && failure.text.len() <= 425);
        let harmless = |line: &String| !line.contains(['\u{1b}', '\n', '\r']);
        prop_assert!(failure.text.iter().chain(&failure.log).all(harmless));
        let short = shortened(&failure.text, 20);
        prop_assert!(short.len() <= 20);
    }

    #[test]
    fn plain_text_has_no_codes(text in text()) {
        prop_assert!(!plain(&text).chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
    }

    #[test]
    fn any_json_is_an_answer_or_a_reason(json in json(), text in text()) {
        for answer in [json.to_string(), text] {
            if let Err(why) = built_output(answer.as_bytes()) {
                prop_assert!(!why.is_empty());
            }
            if let Err(why) = path_infos(answer.as_bytes()) {
                prop_assert!(!why.is_empty());
            }
        }
    }

    #[test]
    fn any_answer_of_git_is_read(bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(b' '), Just(b'1'), Just(b'2'), Just(b'?'), Just(b'u'), any::<u8>()], 0..80)) {
        let _ = crate::tools::git::parse_status(&bytes);
        let _ = crate::tools::git::parse_tree(&bytes);
    }
}
