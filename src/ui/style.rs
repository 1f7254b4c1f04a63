//! The colours, by what they mean. They say nothing that the words do not say.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// Something that goes on.
pub const NOW: Style = AnsiColor::Cyan.on_default();
/// Something that is done, or well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Something to look at.
pub const ODD: Style = AnsiColor::Yellow.on_default().bold();
/// Something that failed.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is less important than the rest of its line.
pub const FAINT: Style = Style::new().dimmed();
/// What the line is about.
pub const STRONG: Style = Style::new().bold();
/// Nothing special.
pub const PLAIN: Style = Style::new();

/// The text in this style.
pub fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
