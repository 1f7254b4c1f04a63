//! `releases`: what was deployed, and what is still there to go back to.

use anstyle::Style;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::Cx;
use super::story::{Chapter, Standing, chapters};
use crate::model::failure::Outcome;
use crate::model::hold::Hold;
use crate::model::names::ReleaseId;
use crate::ui::json;
use crate::ui::style::{FAINT, ODD, PLAIN, STRONG, paint};
use crate::ui::table::Cell;
use crate::ui::text;

/// So many of the newest deploys are listed, also when their release is gone.
const NEWEST: usize = 15;

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    environment: &'a str,
    host: &'a str,
    current: Option<&'a ReleaseId>,
    held: &'a [Hold],
    releases: &'a [Chapter],
}

/// Runs it.
pub async fn run(cx: &Cx<'_>) -> Outcome<()> {
    let state = super::look(cx).await?;
    let chapters = chapters(&state);
    let answer = Answer {
        version: json::VERSION,
        environment: cx.settings.environment.as_str(),
        host: cx.settings.host.as_str(),
        current: state.current.release(),
        held: &state.holds,
        releases: &chapters,
    };
    for hold in &state.holds {
        cx.ui.say(format!("{} no deploys, {}", paint(ODD, "held:"), hold.by(cx.ui.zone())));
    }
    let shown = shown(&chapters);
    cx.ui.answer(&rows(&shown, cx.ui.zone()), &answer)?;
    if chapters.is_empty() {
        cx.ui.say(format!("nothing was deployed to {} yet: {}", cx.settings.host, cx.ui.command("deploy")));
    } else if shown.len() < chapters.len() {
        let more = text::count((chapters.len() - shown.len()) as u64, "older deploy");
        cx.ui.say(format!("{more}: {}", cx.ui.command("releases --json")));
    }
    Ok(())
}

/// The newest, and all that can be gone back to.
fn shown(chapters: &[Chapter]) -> Vec<&Chapter> {
    let matters = |chapter: &Chapter| chapter.newest && chapter.there;
    chapters.iter().enumerate().filter(|(place, c)| *place < NEWEST || matters(c)).map(|(_, c)| c).collect()
}

fn rows(chapters: &[&Chapter], zone: &TimeZone) -> Vec<Vec<Cell>> {
    let files = if chapters.iter().all(|chapter| chapter.there) { "" } else { "files" };
    let names = ["deploy", "release", "state", files, "when", "by", "what"];
    let head = names.map(|name| Cell::new(FAINT, name)).to_vec();
    let rows = chapters.iter().map(|chapter| row(chapter, zone));
    // Nothing needs no head.
    let head = (!chapters.is_empty()).then_some(head);
    head.into_iter().chain(rows).collect()
}

fn row(chapter: &Chapter, zone: &TimeZone) -> Vec<Cell> {
    // What can't be gone back to is there to be read, not to be typed.
    let style = |style: Style| if chapter.there { style } else { FAINT };
    let name = style(if chapter.status == Standing::Live { STRONG } else { PLAIN });
    let subject = match (chapter.command.as_deref(), &chapter.subject) {
        (Some("rollback"), Some(subject)) => format!("rollback to: {subject}"),
        (Some("rollback"), None) => "rollback".to_owned(),
        (Some("restart"), Some(subject)) => format!("restart of: {subject}"),
        (Some("restart"), None) => "restart".to_owned(),
        (_, Some(subject)) => subject.clone(),
        (_, None) if chapter.deploy.is_none() => "not deployed by shipit".to_owned(),
        (_, None) => String::new(),
    };
    vec![
        Cell::new(name, chapter.deploy.map(|deploy| deploy.to_string()).unwrap_or_default()),
        Cell::new(name, chapter.release.short()),
        Cell::new(style(chapter.status.style()), chapter.word()),
        Cell::new(style(PLAIN), if chapter.there { "" } else { "removed" }),
        Cell::new(
            style(PLAIN),
            chapter.time.as_deref().map(|time| text::local(time, zone)).unwrap_or_default(),
        ),
        Cell::new(style(PLAIN), chapter.who.as_deref().unwrap_or_default()),
        Cell::new(style(PLAIN), subject),
    ]
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::super::story::tests::{id, server};
    use super::*;
    use crate::model::server::ServerState;
    use crate::ui::table;

    fn table(state: &ServerState, columns: Option<usize>) -> String {
        let chapters = chapters(state);
        let lines = table::lines(&rows(&shown(&chapters), &TimeZone::UTC), columns);
        anstream::adapter::strip_str(&lines).to_string()
    }

    #[test]
    fn newest_first_with_what_is_live_and_what_is_gone() {
        let mut state = server(
            'c',
            "bcf",
            &[("kept", 'a'), ("kept", 'b'), ("kept", 'c'), ("reverted", 'd'), ("kept", 'c'), ("kept", 'c')],
        );
        for entry in &mut state.history.entries[10..] {
            entry.command = Some("restart".to_owned());
        }
        state.history.entries[9].command = Some("rollback".to_owned());
        state.history.entries[7].subject = Some("Tidy\u{1b}[2J up".to_owned());
        assert_data_eq!(
            table(&state, None),
            str![[r#"
deploy  release  state     files    when              by           what
v6      ccccccc  healthy            2026-11-22 13:06  anna@laptop  restart of: Change c
v5      ccccccc  live               2026-11-22 13:05  anna@laptop  rollback to: Change c
v4      ddddddd  reverted  removed  2026-11-22 13:04  anna@laptop  Tidy up
v3      ccccccc  was live           2026-11-22 13:03  anna@laptop  Change c
v2      bbbbbbb  was live           2026-11-22 13:02  anna@laptop  Change b
v1      aaaaaaa  was live  removed  2026-11-22 13:01  anna@laptop  Change a
        fffffff  unknown                                           not deployed by shipit

"#]]
        );
        assert_data_eq!(
            table(&state, Some(65)),
            str![[r#"
deploy  release  state     files    when              by           what
v6      ccccccc  healthy            2026-11-22 13:06  anna@laptop  restart o…
v5      ccccccc  live               2026-11-22 13:05  anna@laptop  rollback…
v4      ddddddd  reverted  removed  2026-11-22 13:04  anna@laptop  Tidy up
v3      ccccccc  was live           2026-11-22 13:03  anna@laptop  Change c
v2      bbbbbbb  was live           2026-11-22 13:02  anna@laptop  Change b
v1      aaaaaaa  was live  removed  2026-11-22 13:01  anna@laptop  Change a
        fffffff  unknown                                           not deplo…

"#]]
        );
        assert_eq!(table(&server(' ', "", &[]), None), "");
    }

    #[test]
    fn what_can_be_gone_back_to_is_listed_however_old_it_is() {
        let mut deploys = vec![("kept", 'a'), ("kept", 'b'), ("kept", 'b')];
        deploys.extend([("failed", 'c'); 15]);
        let state = server('b', "ab", &deploys);
        let table = table(&state, None);
        let numbers: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(numbers.len(), 17, "{table}");
        assert_eq!(numbers[15..], ["v3", "v1"]);
    }

    #[test]
    fn programs_get_all_of_it() {
        let state = server('a', "a", &[("kept", 'a')]);
        let chapters = chapters(&state);
        let current = id('a');
        let answer = Answer {
            version: json::VERSION,
            environment: "production",
            host: "deploy@server.example",
            current: Some(&current),
            held: &[],
            releases: &chapters,
        };
        assert_data_eq!(
            json::line(&answer),
            str![[r#"
{"version":1,"environment":"production","host":"deploy@server.example","current":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","held":[],"releases":[{"deploy":1,"release":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","status":"live","there":true,"time":"2026-11-22T13:01:05Z","command":"deploy","who":"anna@laptop","from":null,"subject":"Change a","store_path":"/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-server-0.1","previous":"0000000000000000000000000000000000000000","reason":null}]}

"#]]
        );
    }
}
