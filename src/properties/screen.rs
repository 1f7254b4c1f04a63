//! What reaches the terminal.

use anstyle::Style;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr as _;

use super::any_length;
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind};
use crate::ui::error::Shown;
use crate::ui::table::{Cell, lines};
use crate::ui::{json, plain, text};

/// Without our own colours there is no code left in it.
fn is_harmless(shown: &str) -> bool {
    let bare = anstream::adapter::strip_str(shown).to_string();
    // Whatever a terminal would obey was there before the colours were taken off, and is not ours.
    shown.matches('\u{1b}').count() == shown.matches("\u{1b}[").count()
        && !bare.chars().any(|c| c != '\n' && text::is_harmful(c))
}

proptest! {
    #[test]
    fn a_table_is_no_wider_than_the_terminal(rows in prop::collection::vec(prop::collection::vec(any_length(), 0..5), 0..6), columns in 0usize..200) {
        let cells: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(|text| Cell::new(Style::new(), text)).collect()).collect();
        let table = lines(&cells, Some(columns));
        prop_assert!(is_harmless(&table), "{table:?}");
        prop_assert_eq!(table.lines().count(), rows.len());
        // The first columns are names, which are never cut; a single column is cut to the terminal.
        if rows.iter().all(|row| row.len() <= 1) {
            for line in table.lines() {
                prop_assert!(line.width() <= columns.max(10), "{line:?} in {columns}");
            }
        }
    }

    #[test]
    fn a_cut_text_fits(text in any_length(), columns in 0usize..100) {
        let text = text::clean(&text);
        prop_assert!(text::cut(&text, columns).width() <= columns.max(1));
    }

    #[test]
    fn foreign_text_is_harmless_wherever_it_is_shown(foreign in any_length()) {
        prop_assert!(is_harmless(&text::clean(&foreign)) && !text::clean(&foreign).contains('\n'));
        prop_assert!(is_harmless(&plain::warning(&foreign)));
        let failure = Failure::msg(Kind::NotLive, &foreign).detail(foreign.clone(), vec![foreign.clone()]).live(foreign.clone()).hint(foreign.clone());
        prop_assert!(is_harmless(&Shown::of(&failure).text()));
        let line = json::line(&Event::GoingBack { reason: foreign.clone() });
        prop_assert!(is_harmless(&line) && line.matches('\n').count() == 1);
        let back: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(back["reason"].as_str(), Some(foreign.as_str()));
        prop_assert!(is_harmless(&text::local(&foreign, &TimeZone::UTC)));
    }
}
