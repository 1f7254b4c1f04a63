//! The lines of a stream that somebody else writes: whole ones, each of a bounded length.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// A longer line is none of ours, and is passed over without being kept.
const LONGEST: usize = 1024 * 1024;

/// Reads whole lines. What stands behind the last newline is no line: it may have been cut off anywhere.
#[derive(Debug)]
pub struct WholeLines<R> {
    reader: BufReader<R>,
    pending: Vec<u8>,
    too_long: bool,
}

impl<R: AsyncRead + Unpin> WholeLines<R> {
    /// Of this stream.
    pub fn of(reader: R) -> Self {
        WholeLines { reader: BufReader::new(reader), pending: Vec::new(), too_long: false }
    }

    /// The next one, without its newline; bytes that are not UTF-8 come as U+FFFD. None at the end of the stream,
    /// which a broken one has come to as well. Cancel safe.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let chunk = self.reader.fill_buf().await.unwrap_or_default();
            if chunk.is_empty() {
                return None;
            }
            let newline = chunk.iter().position(|byte| *byte == b'\n');
            let piece = &chunk[..newline.unwrap_or(chunk.len())];
            self.too_long |= self.pending.len() + piece.len() > LONGEST;
            if self.too_long {
                self.pending = Vec::new();
            } else {
                self.pending.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(newline.is_some());
            self.reader.consume(used);
            if newline.is_some() {
                let line = std::mem::take(&mut self.pending);
                if !std::mem::take(&mut self.too_long) {
                    return Some(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::ReadBuf;

    use super::*;

    async fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = WholeLines::of(bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn what_has_no_newline_is_no_line() {
        assert_eq!(lines(b"a\nb\r\n\n\xffc\0\ntorn").await, ["a", "b", "", "\u{fffd}c\0"]);
        assert_eq!(lines(b"").await, [""; 0]);
    }

    /// Says the same piece for ever, or so many times.
    struct Again {
        piece: &'static [u8],
        times: usize,
    }

    impl AsyncRead for Again {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            to: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            if self.times > 0 {
                self.times -= 1;
                to.put_slice(self.piece);
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_not_kept() {
        let piece = &[b'x'; 4096];
        let mut endless = WholeLines::of(Again { piece, times: 100_000 });
        assert_eq!(endless.next().await, None);
        assert!(endless.pending.capacity() <= 2 * LONGEST, "{}", endless.pending.capacity());
        // The line after such a one is a line again.
        let mut text = vec![b'x'; LONGEST + 1];
        text.extend_from_slice(b"\nfine\n");
        assert_eq!(lines(&text).await, ["fine"]);
        let most = "y".repeat(LONGEST);
        assert_eq!(lines(format!("{most}\n").as_bytes()).await, [most]);
    }
}
