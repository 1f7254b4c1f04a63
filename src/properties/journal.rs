//! The journal, the names in it, and what is decided from them.

use proptest::prelude::*;

use super::{any_length, text};
use crate::commands::story::chapters;
use crate::deploy::words;
use crate::model::journal::{Entry, History, What};
use crate::model::names::{
    AppName, AssetPath, DeployNumber, EnvironmentName, HostName, PackageName, ReleaseId, RootPath, StorePath,
    UnitName, short_release,
};
use crate::model::retention::{before, named, to_prune};
use crate::model::server::{Current, ServerState};

/// Few names, so that they meet.
fn id() -> impl Strategy<Value = ReleaseId> {
    "[a-f]".prop_map(|name| name.parse().unwrap())
}

fn event() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "started",
        "live",
        "kept",
        "kept",
        "reverted",
        "failed",
        "interrupted",
        "adopted",
        "pruned",
        "other",
    ])
}

prop_compose! {
    fn entry()(number in 0u64..12, event in event(), release in id(), previous in id(), rollback in any::<bool>()) -> String {
        let command = if rollback { "rollback" } else { "deploy" };
        format!(r#"{{"v":1,"deploy":{number},"time":"t","event":"{event}","release":"{release}","previous":"{previous}","command":"{command}"}}"#)
    }
}

fn history() -> impl Strategy<Value = History> {
    prop::collection::vec(prop_oneof![9 => entry(), 1 => text()], 0..40)
        .prop_map(|lines| History::read(lines.iter().map(String::as_str)))
}

fn ids() -> impl Strategy<Value = Vec<ReleaseId>> {
    prop::collection::btree_set(id(), 0..7).prop_map(|set| set.into_iter().collect())
}

proptest! {
    #[test]
    fn any_line_is_an_entry_or_is_counted(lines in prop::collection::vec(prop_oneof![any_length(), entry()], 0..10)) {
        let history = History::read(lines.iter().map(String::as_str));
        let empty = lines.iter().filter(|line| line.trim().is_empty()).count();
        prop_assert_eq!(history.entries.len() + history.unreadable + empty, lines.len());
        history.deploys();
        history.healthy();
    }

    #[test]
    fn an_entry_is_read_as_it_was_written(time in text(), who in text(), subject in any_length(), number in 0..=DeployNumber::LARGEST) {
        let entry = Entry {
            v: 1, deploy: DeployNumber(number), time, event: What::Kept, release: None, store_path: None, assets: None, previous: Some(who.clone()),
            command: None, who: Some(who), from: None, subject: Some(subject), tool: None, token: None, invocation: None, outcome: None, reason: None,
        };
        let line = serde_json::to_string(&entry).unwrap();
        prop_assert!(!line.contains('\n'));
        let read = History::read([line.as_str()]);
        prop_assert_eq!(read.entries, [entry]);
    }

    #[test]
    fn a_journal_cut_anywhere_loses_no_whole_line(lines in prop::collection::vec(entry(), 1..6), cut in any::<prop::sample::Index>()) {
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let cut = cut.index(text.len());
        let whole = text[..cut].matches('\n').count();
        let read = History::read(text[..cut].lines());
        prop_assert!(read.entries.len() >= whole && read.entries.len() + read.unreadable <= whole + 1);
    }

    #[test]
    fn the_next_number_is_larger_than_all(numbers in prop::collection::vec(prop_oneof![0..100u64, any::<u64>()], 0..6)) {
        let lines: Vec<String> = numbers.iter().map(|n| format!(r#"{{"v":1,"deploy":{n},"time":"t","event":"kept","release":"a"}}"#)).collect();
        let history = History::read(lines.iter().map(String::as_str));
        let largest = history.entries.iter().map(|entry| entry.deploy).max();
        let next = words::next_number(&ServerState { history, ..ServerState::default() });
        prop_assert!(largest.is_none_or(|largest| next > largest) && next.0 > 0 && next.0 <= DeployNumber::LARGEST + 1);
    }

    #[test]
    fn what_must_stay_stays(history in history(), there in ids(), new in id(), previous in prop::option::of(id()), keep in 1u32..4) {
        let gone = to_prune(&history, &there, &new, previous.as_ref(), keep);
        prop_assert!(!gone.contains(&new) && previous.as_ref().is_none_or(|previous| !gone.contains(previous)));
        // Nothing that is not there or that the journal does not know, and none of the newest healthy ones.
        for release in &gone {
            prop_assert!(there.contains(release));
            prop_assert!(history.entries.iter().any(|entry| entry.release.as_ref() == Some(release)));
        }
        let adopted = history.adopted();
        prop_assert!(!gone.iter().any(|release| adopted.contains(release)));
        let mut healthy = history.healthy();
        healthy.retain(|release| *release != new && there.contains(release) && !adopted.contains(release));
        for release in healthy.iter().take(keep as usize - 1) {
            prop_assert!(!gone.contains(release), "{release} of {healthy:?}");
        }
        // … and no more healthy ones stay than that, but for the one that was live before.
        let stay = healthy.iter().filter(|release| !gone.contains(release) && previous.as_ref() != Some(release)).count();
        prop_assert!(stay < keep as usize);
    }

    #[test]
    fn a_rollback_goes_to_another_release_that_was_healthy(history in history(), there in ids(), current in prop::option::of(id())) {
        if let Ok(release) = before(&history, &there, current.as_ref()) {
            prop_assert!(Some(&release) != current.as_ref() && there.contains(&release));
            let healthy = |entry: &Entry| entry.release.as_ref() == Some(&release) && matches!(entry.event, What::Kept | What::Adopted);
            prop_assert!(history.entries.iter().any(healthy));
        }
    }

    #[test]
    fn a_name_means_one_that_is_there_or_an_error(history in history(), there in ids(), name in prop_oneof![text(), "v[0-9]{1,30}", "[a-f]"]) {
        if let Ok(release) = named(&history, &there, &name) {
            prop_assert!(there.contains(&release));
        }
        let state = ServerState {
            current: there.first().cloned().map_or(Current::Absent, Current::Release),
            releases: there.iter().map(|release| (release.clone(), None)).collect(),
            history,
            ..ServerState::default()
        };
        chapters(&state);
    }

    #[test]
    fn no_name_is_dangerous(text in any_length()) {
        // (is it one, characters that it may not have besides control characters)
        let names = [
            (text.parse::<HostName>().is_ok(), " '\"$`\\;&|<>()*?!#~/,=^{}"),
            (text.parse::<UnitName>().is_ok(), " '\"$`\\;&|<>()*?!#~/,=^{}[]%+"),
            (text.parse::<RootPath>().is_ok(), " '\"$`\\;&|<>()*?!#~^{}[]%:"),
            (text.parse::<AppName>().is_ok(), " '\"$`\\;&|<>()*?!#~/,=^{}[]%:@+"),
            (text.parse::<EnvironmentName>().is_ok(), " '\"$`\\;&|<>()*?!#~/,=^{}[]%:@+"),
            (text.parse::<PackageName>().is_ok(), " \"$`\\;&|<>()*?!#~/,=^{}[]%:@"),
            (text.parse::<ReleaseId>().is_ok(), " '\"$`\\;&|<>()*?!#~/,=^{}[]%:@+"),
            (text.parse::<AssetPath>().is_ok(), ""),
            (text.parse::<StorePath>().is_ok(), " '\"$`\\;&|<>()*!#~,^{}[]%:@"),
        ];
        for (is, never) in names {
            prop_assert!(!is || (!text.starts_with('-') && !text.is_empty() && text.len() <= 300));
            prop_assert!(!is || !text.chars().any(|c| c.is_control() || never.contains(c)), "{text:?}");
            prop_assert!(!is || !text.split('/').any(|part| part == ".."), "{text:?}");
        }
        short_release(&text);
        if let Err(error) = text.parse::<AppName>() {
            let said = error.to_string();
            prop_assert!(said.starts_with("app ") && said.len() < 900 && !said.chars().any(char::is_control), "{said}");
        }
    }
}
