//! The live screen: the story line by line, as everywhere, and below it what goes on now, drawn over again.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::now::Now;
use super::plain::Plain;
use super::streams::{Streams, To};
use crate::model::event::Event;
use frame::Frame;
use lines::View;

pub mod frame;
mod lines;
#[cfg(test)]
mod tests;

/// How often it is drawn.
pub const EACH: Duration = Duration::from_millis(100);
/// … and at most so often, whatever happens.
const MOST_A_SECOND: u8 = 20;

/// The live screen.
pub struct Live {
    story: Plain,
    now: Now,
    frame: Frame,
    /// Holds the lines, limits how often they are drawn, and knows the copy's rate.
    bar: ProgressBar,
    /// ssh may ask for a passphrase while it connects, on the same terminal.
    asks: bool,
    /// … and may do so now: the terminal is ssh's.
    yielded: bool,
    turn: usize,
}

impl Live {
    /// Draws nothing until something goes on. `asks`: ssh may ask for a passphrase.
    pub fn new(story: Plain, frame: Frame, asks: bool) -> Self {
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(frame.clone()), MOST_A_SECOND);
        // A template that is only the message can't be wrong.
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style);
        Live { story, now: Now::default(), frame, bar, asks, yielded: false, turn: 0 }
    }

    /// Something happened.
    pub fn see(&mut self, event: &Event, streams: &mut Streams) {
        let at = Instant::now();
        match event {
            Event::Connecting { .. } | Event::ContactLost { .. } => self.yielded = self.asks,
            Event::Connected { .. } => self.yielded = false,
            Event::Missing { bytes, .. } => {
                self.bar.set_length(*bytes);
                self.bar.set_position(0);
                self.bar.reset_eta();
            }
            Event::CopyProgress { bytes, .. } => self.bar.set_position(*bytes),
            _ => {}
        }
        self.now.see(event, at);
        match self.story.line(event) {
            Some((To::Err, line)) => {
                self.frame.above(&line);
                self.draw(at);
                self.bar.force_draw();
            }
            Some((To::Out, line)) => {
                self.frame.erase();
                streams.write(To::Out, &line);
            }
            None => {}
        }
    }

    /// Time went by.
    pub fn tick(&mut self) {
        self.turn += 1;
        self.draw(Instant::now());
    }

    /// Takes away what is drawn, until it is drawn again.
    pub fn erase(&mut self) {
        self.frame.erase();
    }

    fn draw(&mut self, at: Instant) {
        if self.yielded {
            return self.bar.set_message("");
        }
        let (columns, rows) = self.frame.size();
        // The first moments of a copy say nothing about its rate.
        let rate = self.bar.per_sec();
        let begun = self.now.copy.as_ref().is_some_and(|copy| at.duration_since(copy.since).as_secs() >= 1);
        let rate = (begun && rate >= 1.0).then(|| (rate, self.bar.eta()));
        let view = View { columns, rows, turn: self.turn, at, rate };
        self.bar.set_message(lines::lines(&self.now, view).join("\n"));
    }
}

/// Whatever ends the flow, a panic too: nothing of it stays on the screen.
impl Drop for Live {
    fn drop(&mut self) {
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        self.frame.erase();
    }
}
