//! What a run on GitHub Actions looks like: its log, its outputs, its page.

use std::fs;
use std::time::Duration;

use snapbox::{assert_data_eq, str};

use super::super::tests::{done, screen};
use super::*;
use crate::model::difference::{Commits, Named, Relation, Side};
use crate::model::done::Did;
use crate::model::event::Events;
use crate::model::hold::Hold;
use crate::ui::Ui;

/// A screen on a runner whose files are in this folder, and a way to see all that it wrote.
fn runner(folder: &Path, words: &str) -> (Ui, impl Fn() -> String) {
    let (mut ui, shows) = screen(words);
    let runner = Runner {
        output: Some(folder.join("output")),
        summary: Some(folder.join("summary")),
        workspace: Some(folder.to_owned()),
        workflow: Some("deploy.yml".to_owned()),
    };
    ui.github = Some(GitHub::new(runner, "production", folder.to_owned(), !words.contains("-q")));
    ui.streams().inert = true;
    (ui, shows)
}

fn deployed() -> Vec<Event> {
    let commit = |letter: &str| letter.repeat(40).parse().unwrap();
    let named = |letter: &str, subject: &str| Named { commit: commit(letter), subject: subject.to_owned() };
    vec![
        Event::Source {
            commit: Some(commit("b")),
            subject: Some("A <b>new</b> page".to_owned()),
            dirty: false,
        },
        Event::Building {
            installable: "git+file:///srv/app#packages.x86_64-linux.default".to_owned(),
            system: "x86_64-linux".parse().unwrap(),
            from: None,
        },
        Event::BuildingDerivation { name: "server-0.1".to_owned(), done: 0, expected: 1 },
        Event::Built {
            store_path: "/nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server-0.1".parse().unwrap(),
            built: 1,
            fetched: 0,
            took: Duration::from_millis(8100),
        },
        Event::Commits {
            planned: false,
            commits: Commits {
                from: commit("a"),
                to: commit("b"),
                relation: Relation::Ahead,
                shallow: false,
                coming: Side { count: 1, newest: vec![named("b", "A <b>new</b> page")] },
                leaving: Side::default(),
            },
        },
        Event::Warning { text: "the clock is odd".to_owned() },
    ]
}

async fn follow(ui: &Ui, told: Vec<Event>) {
    let (events, receiver) = Events::channel();
    ui.follow(receiver, async move { told.into_iter().for_each(|event| events.tell(event)) }).await;
}

#[tokio::test]
async fn a_good_end_is_on_the_page_and_in_the_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let (ui, shows) = runner(folder.path(), "shipit deploy");
    follow(&ui, deployed()).await;
    ui.done(&Done { url: Some("https://www.example.org".to_owned()), ..done(Did::Live) });
    assert_data_eq!(
        shows(),
        str![[r#"
live: bbbbbbb (v42) on deploy@server.example in 14.2 s; http://127.0.0.1:3001/ answered 200; https://www.example.org
------- stderr
  source   bbbbbbb A <b>new</b> page
::group::building
  building packages.x86_64-linux.default
  building 1/1 server-0.1
::endgroup::
  built    server-0.1 in 8.1 s (1 derivation)
  commits  1 new: A <b>new</b> page
::warning title=shipit::the clock is odd
undo: shipit rollback aaaaaaa

"#]]
    );
    assert_data_eq!(
        fs::read_to_string(folder.path().join("output")).unwrap(),
        str![[r#"
outcome=live
release=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
previous=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
url=https://www.example.org
duration=14.2

"#]]
    );
    assert_data_eq!(
        fs::read_to_string(folder.path().join("summary")).unwrap(),
        str![[r#"
### `bbbbbbb` is live on `deploy@server.example`

| | |
|---|---|
| environment | production |
| deploy | v42 |
| release | `bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb` A &lt;b&gt;new&lt;/b&gt; page |
| before | `aaaaaaa` The old page |
| checked | http://127.0.0.1:3001/ answered 200 |
| url | <https://www.example.org> |
| time | 14.2 s: build 8.1 s |

Commits

```text
1 commit is new:
  bbbbbbb A <b>new</b> page
```

To go back: `shipit rollback aaaaaaa`

"#]]
    );
}

/// The workflow that is there: the one of `init --github`, or one without its way back.
fn workflow(folder: &Path, text: &str) {
    let folder = folder.join(".github/workflows");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("deploy.yml"), text).unwrap();
}

#[tokio::test]
async fn a_rollback_says_from_what_to_what_and_how_to_go_forward_again() {
    let folder = tempfile::tempdir().unwrap();
    let workflow = |text: &str| workflow(folder.path(), text);
    workflow(include_str!("../../init/github/deploy.yml"));
    let (ui, _) = runner(folder.path(), "shipit -e staging rollback");
    let commit = |letter: &str| letter.repeat(40).parse().unwrap();
    let named = |letter: &str, subject: &str| Named { commit: commit(letter), subject: subject.to_owned() };
    let commits = Commits {
        from: commit("a"),
        to: commit("b"),
        relation: Relation::Behind,
        shallow: false,
        coming: Side::default(),
        leaving: Side { count: 2, newest: vec![named("a", "The old page"), named("c", "A *bad* one")] },
    };
    follow(&ui, vec![Event::Commits { planned: false, commits }]).await;
    ui.done(&Done { rollback: true, ..done(Did::Live) });
    let page = || fs::read_to_string(folder.path().join("summary")).unwrap();
    assert_data_eq!(
        page(),
        str![[r#"
### `bbbbbbb` is live again on `deploy@server.example`

| | |
|---|---|
| environment | production |
| deploy | v42 |
| release | `bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb` A &lt;b&gt;new&lt;/b&gt; page |
| before | `aaaaaaa` The old page |
| checked | http://127.0.0.1:3001/ answered 200 |
| time | 14.2 s |

Commits

```text
this went back in the history
2 commits were left behind:
  aaaaaaa The old page
  ccccccc A *bad* one
```

To go forward again: `shipit -e staging rollback aaaaaaa`, or by this workflow: `gh workflow run deploy.yml -f rollback-to=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`

A next deploy, CI's too, may bring `aaaaaaa` back; to keep deploys out: `shipit -e staging hold`

"#]]
    );

    // A workflow of one's own may have no such input, or one that nothing looks at.
    let without = "on: push\n";
    let unused = "  workflow_dispatch:\n    inputs:\n      rollback-to:\n";
    for text in [without, unused] {
        workflow(text);
        fs::remove_file(folder.path().join("summary")).unwrap();
        ui.done(&done(Did::Live));
        assert!(page().contains("\nTo go back: `shipit -e staging rollback aaaaaaa`\n"), "{}", page());
    }
    // Held deploys bring nothing back.
    let hold =
        Hold { who: Some("anna".to_owned()), reason: Some("it is *broken*".to_owned()), ..Hold::default() };
    ui.done(&Done { rollback: true, held: vec![hold], ..done(Did::Live) });
    let held = "\nDeploys are held by anna: it is \\*broken\\*; to lift it: `shipit -e staging unhold`\n";
    assert!(page().ends_with(held), "{}", page());
}

#[tokio::test]
async fn a_plan_tells_what_would_come_and_a_step_that_did_nothing_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (ui, _) = runner(folder.path(), "shipit deploy --dry-run");
    let mut events = deployed();
    for event in &mut events {
        if let Event::Commits { planned, .. } = event {
            *planned = true;
        }
    }
    events.push(Event::Copied { paths: 0, bytes: 0, took: Duration::ZERO });
    follow(&ui, events).await;
    ui.done(&done(Did::Planned));
    let page = fs::read_to_string(folder.path().join("summary")).unwrap();
    assert!(
        page.contains("\n1 commit comes:\n") && page.contains("| time | 14.2 s: build 8.1 s |"),
        "{page}"
    );
    assert!(!page.contains("To go back"), "{page}");
    assert!(!page.contains("checked"), "{page}");
}

#[test]
fn where_nothing_was_touched_nothing_was_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (ui, _) = runner(folder.path(), "shipit deploy");
    ui.done(&done(Did::AlreadyLive));
    let page = fs::read_to_string(folder.path().join("summary")).unwrap();
    let title = "### `bbbbbbb` was live already: nothing was touched on `deploy@server.example`\n";
    assert!(page.starts_with(title) && !page.contains("checked"), "{page}");
}

#[test]
fn a_command_of_the_summary_can_be_copied_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (ui, _) = runner(folder.path(), "shipit deploy");
    ui.failure(&Failure::msg(Kind::NotReady, "no a|b").live("a|b runs").hint("make one: `a | b`"));
    let page = fs::read_to_string(folder.path().join("summary")).unwrap();
    for line in ["### no a|b\n", "\n| live | **a\\|b runs** |\n", "\n- make one: `a | b`\n"] {
        assert!(page.contains(line), "no {line} in {page}");
    }
}

#[test]
fn every_command_leaves_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (ui, _) = runner(folder.path(), "shipit status");
    ui.hand_on(&[("release", "abc"), ("url", "")]);
    ui.ended("done");
    let output = fs::read_to_string(folder.path().join("output")).unwrap();
    assert!(output.starts_with("release=abc\nurl=\noutcome=done\nduration=0."), "{output}");
}

#[tokio::test]
async fn a_bad_end_is_an_annotation_and_no_line_of_an_app_is_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let (ui, shows) = runner(folder.path(), "shipit deploy");
    follow(&ui, deployed()[..3].to_vec()).await;
    let lines = ["one", "two", "three", "::error::not ours", "``` ##[add-mask]x"].map(str::to_owned);
    let failure = Failure::msg(Kind::NotLive, "bbbbbbb did not go live: it ended with status 1")
        .detail("the last lines of server.service (this start)", lines.to_vec())
        .live("aaaaaaa runs again")
        .hint("more of its log: shipit logs --release bbbbbbb -n 100");
    ui.failure(&failure);
    assert_data_eq!(
        shows(),
        str![[r#"
------- stderr
  source   bbbbbbb A <b>new</b> page
::group::building
  building packages.x86_64-linux.default
  building 1/1 server-0.1
::endgroup::
error: bbbbbbb did not go live: it ended with status 1
the last lines of server.service (this start):
    one
    two
    three
    | ::error::not ours
    ``` ## [add-mask]x
live: aaaaaaa runs again

hint: more of its log: shipit logs --release bbbbbbb -n 100
::error title=shipit%3A not-live::bbbbbbb did not go live: it ended with status 1%0Atwo%0Athree%0A::error::not ours%0A``` ## [add-mask]x%0Alive: aaaaaaa runs again%0Ahint: more of its log: shipit logs --release bbbbbbb -n 100

"#]]
    );
    assert_data_eq!(
        fs::read_to_string(folder.path().join("output")).unwrap(),
        str![[r#"
outcome=not-live
duration=0.[..]

"#]]
    );
    assert_data_eq!(
        fs::read_to_string(folder.path().join("summary")).unwrap(),
        str![[r#"
### bbbbbbb did not go live: it ended with status 1

| | |
|---|---|
| live | **aaaaaaa runs again** |
| environment | production |
| commit | `bbbbbbb` A &lt;b&gt;new&lt;/b&gt; page |
| outcome | `not-live` (exit 7) |

the last lines of server.service (this start)

````text
one
two
three
::error::not ours
``` ##[add-mask]x
````

- more of its log: `shipit logs --release bbbbbbb -n 100`

"#]]
    );
}

#[test]
fn a_mistake_in_shipit_toml_is_shown_at_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shipit.toml"), "").unwrap();
    let (ui, shows) = runner(folder.path(), "shipit deploy");
    ui.failure(&Failure::msg(
        Kind::Usage,
        "shipit.toml:2:1: unknown key `hots`\n  |\n2 | hots = 1\n  | ^^^^",
    ));
    assert!(shows().contains(
        "::error title=shipit%3A usage,file=shipit.toml,line=2::shipit.toml:2:1: unknown key `hots`\n"
    ));
    let page = fs::read_to_string(folder.path().join("summary")).unwrap();
    assert!(page.starts_with("### shipit.toml:2:1: unknown key \\`hots\\`\n\n| "), "{page}");
    assert!(page.contains("```text\n  |\n2 | hots = 1\n"), "{page}");
}

#[test]
fn files_that_can_not_be_written_are_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let (ui, shows) = runner(&gone, "shipit deploy");
    ui.done(&done(Did::AlreadyLive));
    assert!(shows().contains("::warning title=shipit::the runner's file "), "{}", shows());
}

#[tokio::test]
async fn where_little_is_to_be_said_nothing_is_folded() {
    let folder = tempfile::tempdir().unwrap();
    let (ui, shows) = runner(folder.path(), "shipit deploy -q");
    follow(&ui, deployed()[..3].to_vec()).await;
    ui.failure(&Failure::msg(Kind::Build, "the build failed"));
    assert!(!shows().contains("group::"), "{}", shows());
}

#[test]
fn the_outputs_do_not_depend_on_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("summary")).unwrap();
    let (ui, shows) = runner(folder.path(), "shipit deploy");
    ui.done(&done(Did::Live));
    assert!(fs::read_to_string(folder.path().join("output")).unwrap().starts_with("outcome=live"));
    assert!(shows().contains("::warning title=shipit::the runner's file "), "{}", shows());
}

#[test]
fn json_keeps_its_values_and_holds_no_command() {
    let said = super::super::json::line(&"a ##[error]b");
    assert!(!said.contains("##["), "{said}");
    assert_eq!(serde_json::from_str::<String>(&said).unwrap(), "a ##[error]b");
}
