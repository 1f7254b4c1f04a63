//! What each end looks like, on a screen that remembers.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use snapbox::{assert_data_eq, str};

use super::*;
use crate::cli::Cli;
use crate::model::done::{Did, Done};
use crate::model::event::{Event, Events};
use crate::model::names::DeployNumber;

/// What was written to one stream.
#[derive(Clone, Default)]
pub struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// All of it, without colours.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap().clone();
        anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A screen for this command line, and a way to see all that it wrote.
pub fn screen(words: &str) -> (Ui, impl Fn() -> String) {
    let cli = Cli::try_parse_from(words.split_whitespace()).unwrap();
    let (out, err) = (Written::default(), Written::default());
    let ui = Ui::plain_pipe(&cli.global, &cli.command, Streams::of(out.clone(), err.clone()));
    (ui, move || format!("{}------- stderr\n{}", out.text(), err.text()))
}

/// A good end.
pub fn done(did: Did) -> Done {
    Done {
        did,
        host: "deploy@server.example".parse().unwrap(),
        release: "b".repeat(40).parse().unwrap(),
        deploy: Some(DeployNumber(42)),
        store_path: "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1".parse().unwrap(),
        previous: Some("a".repeat(40)),
        subjects: (Some("A <b>new</b> page".to_owned()), Some("The old page".to_owned())),
        url: None,
        checked: "http://127.0.0.1:3001/ answered 200".to_owned(),
        held: Vec::new(),
        rollback: false,
        took: Duration::from_millis(14_210),
    }
}

#[test]
fn an_interrupt_is_told_below_the_terminal_s_own_word_for_it() {
    for (stdin, drawn, begins) in
        [(true, false, "\nerror:"), (true, true, "error:"), (false, false, "error:")]
    {
        let (mut ui, text) = screen("shipit status");
        (ui.stdin_is_terminal, ui.stderr_is_terminal) = (stdin, true);
        ui.has_drawn = AtomicBool::new(drawn);
        ui.failure(&Failure::msg(Kind::Interrupted, "interrupted by SIGINT"));
        assert_eq!(text(), format!("------- stderr\n{begins} interrupted by SIGINT\n"));
    }
}

#[test]
fn the_last_line_says_what_is_live_and_how_to_undo_it() {
    for (words, undo) in [
        ("shipit deploy", "undo: shipit rollback aaaaaaa\n"),
        ("shipit -e staging -c a&b deploy", "undo: shipit -c 'a&b' -e staging rollback aaaaaaa\n"),
        ("shipit -q rollback", ""),
    ] {
        let (ui, seen) = screen(words);
        ui.done(&done(Did::Live));
        let live =
            "live: bbbbbbb (v42) on deploy@server.example in 14.2 s; http://127.0.0.1:3001/ answered 200";
        assert_eq!(seen(), format!("{live}\n------- stderr\n{undo}"), "{words}");
    }
}

#[test]
fn the_last_line_ends_with_where_to_look() {
    let url = || Some("https://www.example.org".to_owned());
    for did in [Did::Live, Did::AlreadyLive, Did::Restarted] {
        let (ui, seen) = screen("shipit -q deploy");
        ui.done(&Done { url: url(), ..done(did) });
        assert!(seen().contains("; https://www.example.org\n-------"), "{}", seen());
    }
}

#[test]
fn there_is_nothing_to_undo_where_nothing_was_before() {
    for previous in [None, Some("/srv/old".to_owned()), Some("b".repeat(40))] {
        let (ui, seen) = screen("shipit deploy");
        ui.done(&Done { previous, ..done(Did::Live) });
        assert!(!seen().contains("undo"), "{}", seen());
    }
    let (ui, seen) = screen("shipit deploy");
    ui.done(&done(Did::AlreadyLive));
    ui.done(&done(Did::Planned));
    assert_data_eq!(
        seen(),
        str![[r#"
already live: bbbbbbb on deploy@server.example; nothing was touched
------- stderr
dry run: nothing was changed on deploy@server.example

"#]]
    );
}

async fn some_work(events: Events) -> &'static str {
    events.tell(Event::Plan { step: "build".to_owned() });
    tokio::task::yield_now().await;
    events.warn("low on space");
    // Somebody forgot to let go of the channel.
    std::mem::forget(events);
    "end"
}

#[tokio::test]
async fn events_are_shown_until_the_work_is_done() {
    for (words, expected) in [
        (
            "shipit deploy",
            str![[r#"
would build
------- stderr
warning: low on space

"#]],
        ),
        (
            "shipit deploy --json",
            str![[r#"
{"type":"plan","step":"build"}
{"type":"warning","text":"low on space"}
------- stderr
warning: low on space

"#]],
        ),
    ] {
        let (ui, seen) = screen(words);
        let (events, receiver) = Events::channel();
        assert_eq!(ui.follow(receiver, some_work(events)).await, "end");
        assert_data_eq!(seen(), expected);
    }
}

#[test]
fn a_failure_is_on_stderr_in_words_and_on_stdout_for_programs() {
    let failure = Failure::msg(Kind::NotReady, "nobody there").hint("`ssh server`");
    for (words, expected) in [
        (
            "shipit status",
            str![[r#"
------- stderr
error: nobody there

hint: `ssh server`

"#]],
        ),
        (
            "shipit status --json",
            str![[r#"
{"version":1,"outcome":"not-ready","exit":3,"error":"nobody there","causes":[],"detail":null,"live":null,"hints":["`ssh server`"]}
------- stderr
error: nobody there

hint: `ssh server`

"#]],
        ),
        (
            "shipit deploy --json -q",
            str![[r#"
{"type":"result","version":1,"outcome":"not-ready","exit":3,"error":"nobody there","causes":[],"detail":null,"live":null,"hints":["`ssh server`"]}
------- stderr
error: nobody there

hint: `ssh server`

"#]],
        ),
    ] {
        let (ui, seen) = screen(words);
        ui.failure(&failure);
        assert_data_eq!(seen(), expected);
    }
}
