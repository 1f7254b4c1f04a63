//! stdout and stderr. A reader that went away ends the writing, not the program: a deploy goes on without its screen.

use std::io::{self, ErrorKind, Write};

use clap::ColorChoice;

use super::github::commands::inert;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// stdout: the answer.
    Out,
    /// stderr: the talk.
    Err,
}

/// Where the lines go.
pub struct Streams {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    unwritten: Option<io::Error>,
    /// Nobody reads stdout any more.
    gone: bool,
    /// What is written is read by a runner that obeys some lines: none of these is such a line.
    pub inert: bool,
}

impl Streams {
    /// The process's own, with colours only where they belong.
    pub fn standard(color: ColorChoice) -> Self {
        let choice = choice(color);
        Self::of(
            anstream::AutoStream::new(io::stdout(), choice),
            anstream::AutoStream::new(io::stderr(), choice),
        )
    }

    /// Any two.
    pub fn of(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        Streams { out: Box::new(out), err: Box::new(err), unwritten: None, gone: false, inert: false }
    }

    /// Writes whole lines. What can't be written is not tried again.
    pub fn write(&mut self, to: To, text: &str) {
        if self.inert {
            self.write_as_it_is(to, &inert(text));
        } else {
            self.write_as_it_is(to, text);
        }
    }

    /// Writes lines for the runner to obey.
    pub fn command(&mut self, lines: &str) {
        if !lines.is_empty() {
            self.write_as_it_is(To::Err, lines);
        }
    }

    fn write_as_it_is(&mut self, to: To, text: &str) {
        let stream = match to {
            To::Out => &mut self.out,
            To::Err => &mut self.err,
        };
        if let Err(error) = stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
            *stream = Box::new(io::sink());
            self.gone |= to == To::Out;
            if to == To::Out && error.kind() != ErrorKind::BrokenPipe {
                self.unwritten = Some(error);
            }
        }
    }

    /// Whether nobody reads stdout any more, or it can't be written to.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// Why a part of the answer was not written, where its reader did not simply go away: a full disk.
    pub fn take_unwritten(&mut self) -> Option<io::Error> {
        self.unwritten.take()
    }
}

/// Whether stderr shows colours.
pub fn stderr_is_coloured(color: ColorChoice) -> bool {
    let stderr = anstream::AutoStream::new(io::stderr(), choice(color));
    stderr.current_choice() != anstream::ColorChoice::Never
}

fn choice(color: ColorChoice) -> anstream::ColorChoice {
    match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_trouble_and_a_full_disk_is() {
        let mut streams = Streams::of(Fails(ErrorKind::BrokenPipe), Fails(ErrorKind::StorageFull));
        streams.write(To::Out, "a\n");
        streams.write(To::Err, "b\n");
        assert!(streams.take_unwritten().is_none());
        let mut streams = Streams::of(Fails(ErrorKind::StorageFull), io::sink());
        streams.write(To::Out, "a\n");
        streams.write(To::Out, "b\n");
        assert_eq!(streams.take_unwritten().map(|error| error.kind()), Some(ErrorKind::StorageFull));
    }
}
