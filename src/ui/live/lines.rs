//! What goes on, as lines of a terminal: each cut to its width, none wrapped.

use std::time::{Duration, Instant};

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use crate::ui::now::{Build, Copy, Now, Running, Step, elapsed};
use crate::ui::style::{FAINT, GOOD, NOW, PLAIN, STRONG, paint};
use crate::ui::text::{bytes, clean, cut, whole_seconds};

/// What turns while something goes on.
const TURNS: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// Columns that stay free: a `^C` that the terminal echoes behind the last line must not wrap.
const MARGIN: usize = 3;
/// So many of the things that a build is at are listed.
const MOST_RUNNING: usize = 8;
/// The verb and the blanks around it, as in the lines of the story.
const INDENT: usize = 11;
/// A bar shorter than this says nothing.
const SHORTEST_BAR: usize = 8;
/// … and a longer one not more.
const LONGEST_BAR: usize = 40;

/// The terminal's size and how far the screen is.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Columns of the terminal.
    pub columns: usize,
    /// Rows of it.
    pub rows: usize,
    /// Counts up from line to line.
    pub turn: usize,
    /// The moment that is shown.
    pub at: Instant,
    /// Bytes a second, and how long the copy still takes; none: not known yet.
    pub rate: Option<(f64, Duration)>,
}

/// The lines.
pub fn lines(now: &Now, view: View) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(now.connect.as_ref().map(|step| step_line(step, view)));
    if let Some(build) = &now.build {
        lines.extend(build_lines(build, view));
    }
    lines.extend(now.copy.as_ref().map(|copy| copy_line(copy, view)));
    lines.extend(now.step.as_ref().map(|step| step_line(step, view)));
    lines.truncate(view.rows.saturating_sub(1));
    lines
}

fn step_line(step: &Step, view: View) -> String {
    let mut line = Line::begun(step.verb, view);
    line.add(STRONG, &step.time(view.at));
    line.add(PLAIN, &format!(": {}", step.what));
    line.text
}

fn build_lines(build: &Build, view: View) -> Vec<String> {
    let mut head = Line::begun("building", view);
    head.add(STRONG, &elapsed(build.since, view.at));
    head.add(PLAIN, &format!(": {}", build.progress()));
    let most = MOST_RUNNING.min((view.rows / 2).saturating_sub(1)).max(1);
    let fits = build.running.len() <= most;
    let shown = if fits { most } else { most - 1 };
    let mut lines = vec![head.text];
    lines.extend(build.running.iter().take(shown).map(|it| running_line(it, view)));
    if !fits {
        let mut rest = Line::indented(view);
        rest.add(FAINT, &format!("and {} more", build.running.len() - shown));
        lines.push(rest.text);
    }
    lines
}

fn running_line(it: &Running, view: View) -> String {
    let mut line = Line::indented(view);
    line.add(PLAIN, &it.name);
    line.add(STRONG, &format!(" {}", elapsed(it.since, view.at)));
    let doing = it.doing();
    if !doing.is_empty() {
        line.add(FAINT, &format!(": {doing}"));
    }
    line.text
}

fn copy_line(copy: &Copy, view: View) -> String {
    let mut line = Line::begun("copying", view);
    line.add(STRONG, &format!("{} of {}", bytes(copy.bytes), bytes(copy.of)));
    match view.rate {
        Some((rate, left)) => {
            line.add(PLAIN, &format!(", {} left, {}/s ", whole_seconds(left), bytes(rate as u64)));
        }
        None => line.add(PLAIN, &format!(", {} ", elapsed(copy.since, view.at))),
    }
    let wide = line.room.min(LONGEST_BAR);
    if wide >= SHORTEST_BAR {
        let share = if copy.of == 0 { 0.0 } else { copy.bytes as f64 / copy.of as f64 };
        let full = ((share * wide as f64) as usize).min(wide);
        line.add(GOOD, &"━".repeat(full));
        line.add(FAINT, &"─".repeat(wide - full));
    }
    if !copy.path.is_empty() && line.room >= SHORTEST_BAR {
        line.add(FAINT, &format!(" {}", copy.path));
    }
    line.text
}

/// A line that has only so much room.
struct Line {
    text: String,
    room: usize,
}

impl Line {
    fn begun(verb: &str, view: View) -> Self {
        let mut line = Line { text: String::new(), room: view.columns.saturating_sub(MARGIN) };
        line.add(NOW, &format!("{} {verb:<8} ", TURNS[view.turn % TURNS.len()]));
        line
    }

    fn indented(view: View) -> Self {
        let mut line = Line { text: String::new(), room: view.columns.saturating_sub(MARGIN) };
        line.add(PLAIN, &" ".repeat(INDENT));
        line
    }

    /// Adds as much of it as there is room for.
    fn add(&mut self, style: Style, text: &str) {
        if self.room == 0 || text.is_empty() {
            return;
        }
        // `clean` takes blanks off the end, and ours are meant.
        let blanks = text.len() - text.trim_end_matches(' ').len();
        let short = cut(&(clean(text) + &" ".repeat(blanks)), self.room);
        self.room -= short.width().min(self.room);
        self.text += &paint(style, short);
    }
}
