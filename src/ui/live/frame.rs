//! The lines at the bottom of the terminal that are drawn over again. indicatif says what and how often; this writes
//! it: in one piece each time, so that nothing flickers, and never more than what has changed.
//!
//! indicatif's own way to draw fills each line to the edge and lets the terminal wrap it. A terminal that becomes
//! narrower then folds every line, and its leftovers stay.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::TermLike;
use unicode_width::UnicodeWidthStr as _;

/// How many columns and rows the terminal has now.
pub type Size = Box<dyn Fn() -> (usize, usize) + Send>;

/// The terminal, as far as it is drawn over.
#[derive(Clone)]
pub struct Frame(Arc<Mutex<Inner>>);

struct Inner {
    out: Box<dyn Write + Send>,
    size: Size,
    /// Colours are shown.
    colours: bool,
    /// What is to be drawn: lines come one by one.
    next: Vec<String>,
    /// What stays above them from now on.
    above: String,
    /// What is on the screen.
    drawn: Vec<String>,
    /// … and how wide the terminal was then.
    columns: usize,
}

impl Frame {
    /// Nothing is drawn yet.
    pub fn new(out: impl Write + Send + 'static, size: Size, colours: bool) -> Self {
        let inner = Inner {
            out: Box::new(out),
            size,
            colours,
            next: Vec::new(),
            above: String::new(),
            drawn: Vec::new(),
            columns: 0,
        };
        Frame(Arc::new(Mutex::new(inner)))
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        (self.inner().size)()
    }

    /// Whole lines that stay, written with the next drawing.
    pub fn above(&self, lines: &str) {
        self.inner().above += lines;
    }

    /// Takes away what is drawn.
    pub fn erase(&self) {
        let mut inner = self.inner();
        inner.next.clear();
        inner.draw();
    }

    /// A panic while it was drawn leaves half a drawing, nothing worse.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn draw(&mut self) {
        let (columns, _) = (self.size)();
        let mut lines = std::mem::take(&mut self.next);
        let mut above = std::mem::take(&mut self.above);
        if !self.colours {
            above = anstream::adapter::strip_str(&above).to_string();
            lines = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        }
        if above.is_empty() && lines == self.drawn && columns == self.columns {
            return;
        }
        let mut text = self.to_the_top(columns);
        // What stays goes over what was drawn; without it the lines go over each other, and nothing is blank meanwhile.
        if !above.is_empty() {
            text += "\x1b[J";
            text += &above;
        }
        text += &lines.join("\x1b[K\n");
        text += "\x1b[J";
        self.drawn = lines;
        self.columns = columns;
        // A terminal that is gone is nobody's failure.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    /// From the end of what is drawn to its beginning. A terminal that has become narrower has folded its lines.
    fn to_the_top(&self, columns: usize) -> String {
        let rows: usize = self.drawn.iter().map(|line| rows(line, columns)).sum();
        match rows {
            0 => String::new(),
            1 => "\r".to_owned(),
            rows => format!("\x1b[{}A\r", rows - 1),
        }
    }
}

fn rows(line: &str, columns: usize) -> usize {
    anstream::adapter::strip_str(line).to_string().width().div_ceil(columns.max(1)).max(1)
}

impl fmt::Debug for Frame {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Frame")
    }
}

/// indicatif clears, writes each line with blanks up to the edge, and flushes: only the lines matter here.
impl TermLike for Frame {
    fn width(&self) -> u16 {
        u16::try_from(self.size().0).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        u16::try_from(self.size().1).unwrap_or(u16::MAX)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        if !text.trim().is_empty() {
            self.inner().next.push(text.to_owned());
        }
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn flush(&self) -> io::Result<()> {
        self.inner().draw();
        Ok(())
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }
}
