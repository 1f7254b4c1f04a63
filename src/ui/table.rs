//! Columns as wide as what is in them. A column without content is left out; the last one is cut to the terminal.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::style::paint;
use super::text::{clean, cut};

/// What is between two columns.
const GAP: usize = 2;
/// The last column keeps this much, however narrow the terminal is.
const NARROWEST: usize = 10;

/// One text of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A text, made harmless.
    pub fn new(style: Style, text: impl AsRef<str>) -> Self {
        Cell { text: clean(text.as_ref()), style }
    }
}

/// The rows as lines, each with its newline. `columns` is the terminal's width, if it is one.
pub fn lines(rows: &[Vec<Cell>], columns: Option<usize>) -> String {
    let most = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.width()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..most).map(width).collect();
    let last = widths.iter().rposition(|width| *width > 0).unwrap_or_default();
    let before: usize = widths[..last.min(widths.len())].iter().filter(|w| **w > 0).map(|w| w + GAP).sum();
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(before).max(NARROWEST));

    let mut text = String::new();
    for row in rows {
        let mut blanks = 0;
        for (column, cell) in row.iter().enumerate().filter(|(column, _)| widths[*column] > 0) {
            let shown = if column == last { cut(&cell.text, room) } else { cell.text.clone() };
            // Blanks only before a text: no line ends in them.
            if !shown.is_empty() {
                text.push_str(&" ".repeat(blanks));
                text.push_str(&paint(cell.style, &shown));
                blanks = 0;
            }
            blanks += widths[column].saturating_sub(shown.width()) + GAP;
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::super::style::PLAIN;
    use super::*;

    fn rows(texts: &[&[&str]]) -> Vec<Vec<Cell>> {
        texts.iter().map(|row| row.iter().map(|text| Cell::new(PLAIN, text)).collect()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_content() {
        let rows = rows(&[
            &["v10", "日本", "", "kept", "a long subject that goes on"],
            &["v9", "a", "", "", ""],
            &["v8", "\u{1b}[2Jb", "", "x"],
        ]);
        assert_data_eq!(
            lines(&rows, None),
            str![[r#"
v10  日本  kept  a long subject that goes on
v9   a
v8   b     x

"#]]
        );
        assert_data_eq!(
            lines(&rows, Some(30)),
            str![[r#"
v10  日本  kept  a long subje…
v9   a
v8   b     x

"#]]
        );
        assert_eq!(lines(&rows, Some(3)).lines().next(), Some("v10  日本  kept  a long su…"));
        assert_eq!(lines(&[], Some(3)), "");
    }
}
