//! JSON for programs: one object a line. `docs/output.md` describes the objects.

use serde::Serialize;

use super::error::Shown;
use super::text::is_harmful;
use crate::model::done::{Did, Done};
use crate::model::failure::Failure;
use crate::model::hold::Hold;

/// The version of all that shipit says in JSON. It changes when a key goes or changes its meaning, not when one comes.
pub const VERSION: u32 = 1;

/// The last line of a deploy or rollback that ended well.
#[derive(Serialize)]
struct Live<'a> {
    r#type: &'static str,
    version: u32,
    outcome: &'static str,
    exit: u8,
    release: &'a str,
    deploy: Option<u64>,
    store_path: &'a str,
    previous: Option<&'a str>,
    host: &'a str,
    url: Option<&'a str>,
    checked: &'a str,
    held: &'a [Hold],
    ms: u64,
}

/// A bad end: the last line of a deploy or rollback, or what another command says in place of its answer.
#[derive(Serialize)]
struct Failed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    version: u32,
    #[serde(flatten)]
    failure: &'a Shown,
}

/// The value on one line.
pub fn line(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(text) => harmless(&text) + "\n",
        Err(error) => {
            tracing::error!("a value could not be written as JSON: {error}");
            String::new()
        }
    }
}

/// JSON escapes the control characters below U+0020 only. The others stand in strings, so they can be escaped there.
fn harmless(json: &str) -> String {
    // A runner of GitHub's obeys this word wherever it stands.
    let json = &json.replace("##[", "##\\u005b");
    if !json.contains(is_harmful) {
        return json.to_owned();
    }
    let escaped = |c: char| if is_harmful(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(escaped).collect()
}

/// The result line of a good end.
pub fn done(done: &Done) -> String {
    line(&Live {
        r#type: "result",
        version: VERSION,
        outcome: word(done.did),
        exit: 0,
        release: done.release.as_str(),
        deploy: done.deploy.map(|deploy| deploy.0),
        store_path: done.store_path.as_str(),
        previous: done.previous.as_deref(),
        host: done.host.as_str(),
        url: done.url.as_deref(),
        checked: &done.checked,
        held: &done.held,
        ms: u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The result line of a bad end.
pub fn failed_result(failure: &Failure) -> String {
    line(&Failed { r#type: Some("result"), version: VERSION, failure: &Shown::of(failure) })
}

/// What a command without events says when it fails.
pub fn failed(failure: &Failure) -> String {
    line(&Failed { r#type: None, version: VERSION, failure: &Shown::of(failure) })
}

/// The word for a good end.
pub const fn word(did: Did) -> &'static str {
    match did {
        Did::Live => "live",
        Did::AlreadyLive => "already-live",
        Did::Restarted => "restarted",
        Did::Planned => "planned",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::model::event::Event;
    use crate::model::failure::Kind;
    use crate::model::names::DeployNumber;

    #[test]
    fn events_are_objects_with_a_type() {
        let host = || "deploy@server.example".parse().unwrap();
        let events = [
            Event::Connecting { host: host() },
            Event::Connected { host: host(), took: Duration::from_millis(412) },
            Event::BuildingDerivation { name: "hello-1.0".to_owned(), done: 3, expected: 7 },
            Event::Placed { release: "abc".parse().unwrap(), deploy: DeployNumber(42) },
            Event::ContactLost { within: Duration::from_secs(45) },
            Event::Warning { text: "\u{1b}[31mred\u{9b} \u{202e}odd".to_owned() },
        ];
        assert_data_eq!(
            events.iter().map(line).collect::<String>(),
            str![[r#"
{"type":"connecting","host":"deploy@server.example"}
{"type":"connected","host":"deploy@server.example","ms":412}
{"type":"building-derivation","name":"hello-1.0","done":3,"expected":7}
{"type":"placed","release":"abc","deploy":42}
{"type":"contact-lost","within_s":45}
{"type":"warning","text":"\u001b[31mred\u009b \u202eodd"}

"#]]
            .raw()
            .raw()
        );
    }

    #[test]
    fn the_last_line_is_the_result() {
        let good = Done {
            did: Did::Live,
            host: "deploy@server.example".parse().unwrap(),
            release: "abc".parse().unwrap(),
            deploy: Some(DeployNumber(42)),
            store_path: "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1".parse().unwrap(),
            previous: None,
            subjects: (None, None),
            url: Some("https://www.example.org".to_owned()),
            checked: "http://127.0.0.1:3001/ answered 200".to_owned(),
            held: Vec::new(),
            rollback: false,
            took: Duration::from_millis(14_210),
        };
        assert_data_eq!(
            done(&good),
            str![[r#"
{"type":"result","version":1,"outcome":"live","exit":0,"release":"abc","deploy":42,"store_path":"/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1","previous":null,"host":"deploy@server.example","url":"https://www.example.org","checked":"http://127.0.0.1:3001/ answered 200","held":[],"ms":14210}

"#]]
        );
        let bad = Failure::msg(Kind::NotLive, "it is not healthy")
            .detail("log", vec!["a".to_owned()])
            .live("v41 runs again")
            .hint("`shipit logs`");
        assert_data_eq!(
            failed_result(&bad),
            str![[r#"
{"type":"result","version":1,"outcome":"not-live","exit":7,"error":"it is not healthy","causes":[],"detail":{"title":"log","lines":["a"]},"live":"v41 runs again","hints":["`shipit logs`"]}

"#]]
        );
        assert_data_eq!(
            failed(&Failure::msg(Kind::NotReady, "no")),
            str![[r#"
{"version":1,"outcome":"not-ready","exit":3,"error":"no","causes":[],"detail":null,"live":null,"hints":[]}

"#]]
            .raw()
        );
    }
}
