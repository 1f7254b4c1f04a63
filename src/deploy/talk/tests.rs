//! The client hears only a part of what the server said, or more than it should.

use jiff::tz::TimeZone;

use super::client::SERVER_SILENCE;
use super::*;
use crate::model::event::Events;
use crate::properties::bytes::{settings, target};
use crate::tools::lines::WholeLines;

pub(crate) const BEFORE: &str = "00000000000000000000000000000001";
pub(crate) const START: &str = "00000000000000000000000000000002";

const LIMITS: Limits = Limits {
    stop: Duration::from_secs(90),
    start: Duration::from_secs(90),
    lock: Duration::from_secs(2),
    all: Duration::from_secs(3600),
};

/// What the server says in these bytes before the connection ends: how it ended for the client, and what that said.
async fn heard(bytes: &[u8]) -> (Conversed, Vec<String>) {
    let (settings, target, events) = (settings(), target(), Events::channel().0);
    let mut client = Client::new(&settings, &target, LIMITS, &events, TimeZone::UTC);
    let mut lines = WholeLines::of(bytes);
    let mut said = Vec::new();
    while !client.is_over()
        && let Some(line) = lines.next().await
    {
        if let Some((word, rest)) = remote::parse(&line) {
            said.extend(client.hear(word, rest, Instant::now()));
        }
    }
    (client.end().0, said)
}

fn conversations() -> Vec<(&'static str, String)> {
    let begin = "Welcome to Debian\r\n@ placed 7\n@ hook-started\n@ ack\n@ hook 0\n@ ready\n";
    let switched = format!(
        "{begin}@ switched {BEFORE}\n@ unit ActiveState=deactivating SubState=stop InvocationID={BEFORE} Job=7\n\
         @ unit ActiveState=active SubState=running InvocationID={START} NRestarts=0 Result=success ExecMainPID=9 Job=\n\
         @ restarted {START}\n@ health {START} 200\n"
    );
    vec![
        ("Kept", format!("{switched}@ ack\n@ done kept\n@ pruned old older\n@ end\n")),
        (
            "Back(\"reverted\"",
            format!("{switched}@ going-back it ended\n@ still\n@ done reverted it ended\n@ end\n"),
        ),
        ("Back(\"broken\"", format!("{switched}@ going-back x\n@ done broken x\n@ end\n")),
        (
            "HookFailed",
            format!(
                "{}@ hook-log bm8K\n@ refused hook the hook ended with code 1\n@ end\n",
                &begin[..begin.find("@ hook 0").unwrap()]
            ),
        ),
        ("Refused(\"not-ready\"", "@ refused not-ready can't write in /var/www/server\n@ end\n".to_owned()),
        (
            "Busy(",
            "@ waiting {}\n@ busy {\"since\":\"2026-11-22T19:00:00Z\",\"who\":\"anna\"}\n@ end\n".to_owned(),
        ),
        ("Moved", "@ moved\n@ end\n".to_owned()),
        ("Held([\"why\"])", "@ held d2h5Cg==\n@ end\n".to_owned()),
    ]
}

#[tokio::test]
async fn cut_at_any_byte_it_is_lost_or_what_it_is() {
    for (end, text) in conversations() {
        let whole = format!("{:?}", heard(text.as_bytes()).await.0);
        assert!(whole.starts_with(end), "{whole} is not {end}");
        for cut in 0..text.len() {
            let (ended, said) = heard(&text.as_bytes()[..cut]).await;
            let ended = format!("{ended:?}");
            assert!(ended == whole || ended == "Lost", "of {:?} it makes {ended}", &text[..cut]);
            let has = |line: &str| text[..cut].contains(line);
            assert_eq!(said.iter().any(|line| line == "go"), has("@ ready\n"), "{:?}", &text[..cut]);
            if said.iter().any(|line| line.starts_with("keep")) {
                assert!(has(&format!("@ health {START} 200\n")), "{said:?} to {:?}", &text[..cut]);
            }
            // Until the word for it was whole, nothing is concluded.
            assert!(
                ended == "Lost"
                    || has("@ done ")
                    || has("@ refused ")
                    || has("@ busy ")
                    || has("@ held ")
                    || has("@ moved\n")
            );
        }
    }
}

#[tokio::test]
async fn noise_between_the_lines_changes_nothing() {
    for (end, text) in conversations() {
        let mut noisy: Vec<u8> = Vec::new();
        for line in text.lines() {
            noisy.extend_from_slice(b"\x1b[2J\0 not ours @ done kept\r\n");
            noisy.extend_from_slice(b"@done kept\n @ done kept\n@\n@ \n@  done kept\n@ \xff\xfe\n");
            noisy.extend_from_slice(b"@ done kep\n@ done \n@ done keptx\n@ done kept\x00\n@ placed -1\n@ placed 99999999999999999999\n");
            noisy.extend_from_slice(&[b'x'; 70_000]);
            noisy.extend_from_slice(format!("\n{line}\r\n").as_bytes());
        }
        let (ended, _) = heard(&noisy).await;
        let ended = format!("{ended:?}");
        assert!(ended.starts_with(end), "{ended} is not {end}");
    }
}

#[test]
fn a_server_that_talks_for_ever_is_not_listened_to_for_ever() {
    let (settings, target, events) = (settings(), target(), Events::channel().0);
    let mut client = Client::new(&settings, &target, LIMITS, &events, TimeZone::UTC);
    let mut now = Instant::now();
    let began = now;
    while !client.is_over() {
        now += Duration::from_secs(5);
        client.hear("still", "", now);
        client.tick(now);
        assert!(now - began <= LIMITS.all + Duration::from_secs(10), "it goes on");
    }
    assert!(matches!(client.end().0, Conversed::Lost));
    // … and one that says nothing is given up much sooner.
    let mut client = Client::new(&settings, &target, LIMITS, &events, TimeZone::UTC);
    client.tick(Instant::now() + SERVER_SILENCE + Duration::from_secs(1));
    assert!(client.is_over());
}
