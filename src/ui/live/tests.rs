//! What is on the terminal, by a terminal's own understanding of what was written.

use std::io;
use std::sync::{Arc, Mutex};

use indicatif::TermLike as _;
use snapbox::{assert_data_eq, str};

use super::*;
use crate::model::event::Event;
use crate::ui::Verbosity;
use crate::ui::streams::Streams;

/// A terminal that folds no lines when its width changes, and what was written to it.
#[derive(Clone)]
struct Screen {
    parser: Arc<Mutex<vt100::Parser>>,
    writes: Arc<Mutex<Vec<String>>>,
}

impl Screen {
    fn new(rows: u16, columns: u16) -> Self {
        let parser = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 100)));
        Screen { parser, writes: Arc::default() }
    }

    fn frame(&self, colours: bool) -> Frame {
        let it = self.clone();
        let size = move || {
            let (rows, columns) = it.parser.lock().unwrap().screen().size();
            (usize::from(columns), usize::from(rows))
        };
        Frame::new(self.clone(), Box::new(size), colours)
    }

    fn live(&self, asks: bool) -> Live {
        Live::new(Plain::beside_live(Verbosity::Normal, asks), self.frame(true), asks)
    }

    /// The rows, with what goes by the clock masked.
    fn seen(&self) -> String {
        let parser = self.parser.lock().unwrap();
        let text = parser.screen().contents();
        let text = TURNS.iter().fold(text, |text, turn| text.replace(turn, "*"));
        text.trim_end().to_owned() + "\n"
    }
}

const TURNS: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

impl io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        // As the terminal's driver does with what a program writes.
        self.parser.lock().unwrap().process(text.replace('\n', "\r\n").as_bytes());
        self.writes.lock().unwrap().push(text);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn see(live: &mut Live, events: &[Event]) {
    let mut streams = Streams::of(io::sink(), io::sink());
    for event in events {
        live.see(event, &mut streams);
    }
    live.tick();
    live.bar.force_draw();
}

fn building(name: &str, done: u64, expected: u64) -> Event {
    Event::BuildingDerivation { name: name.to_owned(), done, expected }
}

fn connected() -> Event {
    Event::Connected { host: "deploy@server.example".parse().unwrap(), took: Duration::from_millis(412) }
}

fn a_build() -> Vec<Event> {
    vec![
        Event::Source {
            commit: Some("3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a3f9c2d1a".parse().unwrap()),
            subject: Some("Fix the login".to_owned()),
            dirty: false,
        },
        Event::Connecting { host: "deploy@server.example".parse().unwrap() },
        Event::Building {
            installable: "git+file:///apps?rev=3f9c#packages.x86_64-linux.default".to_owned(),
            system: "x86_64-linux".parse().unwrap(),
            from: None,
        },
        building("zlib-1.3", 0, 2),
        building("server-0.1", 0, 3),
        Event::BuildPhase { name: "zlib-1.3".to_owned(), phase: "buildPhase".to_owned() },
        Event::BuildLog { name: "zlib-1.3".to_owned(), line: "gcc -O3 -c a\u{1b}[31mdler32.c".to_owned() },
        Event::Fetching { name: "bash-5.3".to_owned(), from: "https://cache.nixos.org".to_owned() },
    ]
}

#[test]
fn what_goes_on_is_below_the_story_and_grows_and_shrinks() {
    let screen = Screen::new(20, 60);
    let mut live = screen.live(false);
    see(&mut live, &a_build());
    assert_data_eq!(
        screen.seen(),
        str![[r#"
  source   3f9c2d1 Fix the login
* connect  0 s: deploy@server.example
* building 0 s: 0 of 3 done
           zlib-1.3 0 s: buildPhase: gcc -O3 -c adler32.c
           server-0.1 0 s
           bash-5.3 0 s: fetching

"#]]
    );
    see(
        &mut live,
        &[
            connected(),
            Event::DerivationEnded { name: "zlib-1.3".to_owned(), took: Duration::from_secs(12) },
            Event::Fetched { name: "bash-5.3".to_owned() },
        ],
    );
    assert_data_eq!(
        screen.seen(),
        str![[r#"
  source   3f9c2d1 Fix the login
  reached  deploy@server.example in 0.4 s
  took     12.0 s for zlib-1.3
* building 0 s: 1 of 3 done
           server-0.1 0 s

"#]]
    );
    drop(live);
    assert_data_eq!(
        screen.seen(),
        str![[r#"
  source   3f9c2d1 Fix the login
  reached  deploy@server.example in 0.4 s
  took     12.0 s for zlib-1.3

"#]]
    );
}

#[test]
fn the_copy_and_the_check_are_drawn() {
    let screen = Screen::new(20, 80);
    let mut live = screen.live(false);
    let unit = || "server.service".parse().unwrap();
    see(
        &mut live,
        &[
            Event::Missing { closure: 87, paths: 2, bytes: 80_000_000 },
            Event::CopyingPath { name: "server-0.1".to_owned(), number: 1, of: 2 },
            Event::CopyProgress { bytes: 20_000_000, of: 80_000_000 },
        ],
    );
    assert_data_eq!(
        screen.seen(),
        str![[r#"
  missing  2 of 87 paths, 80.0 MB unpacked
* copying  20.0 MB of 80.0 MB, 0 s ━━━━━━━━━━──────────────────────────────

"#]]
    );
    see(
        &mut live,
        &[
            Event::Copied { paths: 2, bytes: 80_000_000, took: Duration::from_secs(40) },
            Event::Switched { release: "b".repeat(40).parse().unwrap(), unit: unit() },
            Event::Started {
                invocation: "0123456789abcdef0123456789abcdef".parse().unwrap(),
                within: Duration::from_secs(30),
            },
            Event::Answered { answer: "status 503".to_owned(), healthy: false },
        ],
    );
    let seen = screen.seen().replace("29 s left", "30 s left");
    assert_data_eq!(
        seen,
        str![[r#"
  missing  2 of 87 paths, 80.0 MB unpacked
  copied   2 paths, 80.0 MB in 40.0 s
  switched to bbbbbbb, restarting server.service
  started  server.service
  answers  status 503
* checking 30 s left: status 503

"#]]
    );
    see(&mut live, &[Event::Waiting { unit: unit(), to: "stop", within: Duration::from_secs(3600) }]);
    assert!(screen.seen().contains("left: for server.service to stop"), "{}", screen.seen());
    see(&mut live, &[Event::GoingBack { reason: "status 503".to_owned() }]);
    assert!(screen.seen().ends_with("* undoing  0 s: the switch, and restarting server.service\n"));
}

#[test]
fn lines_are_cut_to_the_terminal_and_many_are_counted() {
    let screen = Screen::new(12, 40);
    let mut live = screen.live(false);
    see(&mut live, &a_build());
    let more: Vec<Event> =
        (0..20).map(|number| building(&format!("a-rather-long-name-{number}-1.0"), 1, 40)).collect();
    see(&mut live, &more);
    assert_data_eq!(
        screen.seen(),
        str![[r#"
  source   3f9c2d1 Fix the login
* connect  0 s: deploy@server.example
* building 0 s: 1 of 40 done
           zlib-1.3 0 s: buildPhase:…
           server-0.1 0 s
           bash-5.3 0 s: fetching
           a-rather-long-name-0-1.0…
           and 19 more

"#]]
    );
}

#[test]
fn the_terminal_is_ssh_s_while_it_may_ask() {
    let screen = Screen::new(20, 60);
    let mut live = screen.live(true);
    see(&mut live, &a_build());
    assert_data_eq!(
        screen.seen(),
        str![[r#"
  source   3f9c2d1 Fix the login
  connect  deploy@server.example

"#]]
    );
    see(&mut live, &[connected()]);
    assert!(screen.seen().contains("* building"), "{}", screen.seen());
    see(&mut live, &[Event::ContactLost { within: Duration::from_secs(45) }]);
    assert!(!screen.seen().contains('*'), "{}", screen.seen());
}

#[test]
fn nothing_is_written_when_nothing_changes_and_each_change_is_one_write() {
    let screen = Screen::new(20, 60);
    let frame = screen.frame(true);
    let draw = |lines: &[&str]| {
        for line in lines {
            frame.write_str(line).unwrap();
            frame.write_str("     ").unwrap();
        }
        frame.flush().unwrap();
    };
    draw(&["a", "b"]);
    draw(&["a", "b"]);
    assert_eq!(screen.writes.lock().unwrap().len(), 1);
    frame.above("story\n");
    draw(&["a", "c"]);
    assert_eq!(screen.writes.lock().unwrap().len(), 2);
    assert_eq!(screen.seen(), "story\na\nc\n");
    frame.erase();
    assert_eq!(screen.seen(), "story\n");
    assert_eq!(screen.parser.lock().unwrap().screen().cursor_position(), (1, 0));
}

#[test]
fn a_narrower_terminal_has_folded_what_was_drawn() {
    let screen = Screen::new(20, 60);
    let frame = screen.frame(true);
    frame.above("story\n");
    frame.write_str(&"x".repeat(50)).unwrap();
    frame.flush().unwrap();
    // What most terminals make of it at 30 columns: two rows, and the cursor behind the second.
    screen.parser.lock().unwrap().screen_mut().set_size(20, 30);
    screen
        .parser
        .lock()
        .unwrap()
        .process(format!("\r\x1b[K{}\r\n{}", "x".repeat(30), "x".repeat(20)).as_bytes());
    frame.write_str("short").unwrap();
    frame.flush().unwrap();
    assert_eq!(screen.seen(), "story\nshort\n");
}

#[test]
fn without_colours_there_is_no_code_but_those_that_move() {
    let screen = Screen::new(20, 60);
    let mut live = Live::new(Plain::beside_live(Verbosity::Normal, false), screen.frame(false), false);
    see(&mut live, &a_build());
    drop(live);
    let all = screen.writes.lock().unwrap().concat();
    let codes: Vec<char> =
        all.split("\x1b[").skip(1).filter_map(|rest| rest.chars().find(char::is_ascii_alphabetic)).collect();
    assert!(codes.len() > 3 && codes.iter().all(|code| "AJK".contains(*code)), "{all:?}");
}

#[test]
fn a_panic_leaves_nothing_either() {
    let screen = Screen::new(20, 60);
    let it = screen.clone();
    let end = std::thread::spawn(move || {
        let mut live = it.live(false);
        see(&mut live, &a_build());
        panic!("on purpose");
    })
    .join();
    assert!(end.is_err());
    assert_eq!(screen.seen(), "  source   3f9c2d1 Fix the login\n");
}
