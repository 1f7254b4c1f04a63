//! Lines as a pipe brings them, and the last of them.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much of stderr is kept for the error.
pub(super) const STDERR_TAIL: usize = 64 * 1024;
/// A longer line is handed on in pieces, so that a program without newlines can't fill the memory.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// Hands on whole lines until the end of the file.
pub(super) async fn read_lines(pipe: &mut (impl AsyncRead + Unpin), mut on_line: impl FnMut(&str)) {
    let mut pending: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let count = match pipe.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        for piece in chunk[..count].split_inclusive(|byte| *byte == b'\n') {
            pending.extend_from_slice(piece);
            if piece.ends_with(b"\n") || pending.len() >= LONGEST_LINE {
                let line = pending.strip_suffix(b"\n").unwrap_or(&pending);
                on_line(&String::from_utf8_lossy(line));
                pending.clear();
            }
        }
    }
    if !pending.is_empty() {
        on_line(&String::from_utf8_lossy(&pending));
    }
}

/// The last lines, up to a number of bytes.
#[derive(Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Tail {
    pub(super) fn push(&mut self, line: &str) {
        let start = line.len().saturating_sub(STDERR_TAIL);
        let start = (start..=line.len()).find(|at| line.is_char_boundary(*at)).unwrap_or(line.len());
        self.bytes += line.len() - start;
        self.lines.push_back(line[start..].to_owned());
        while self.bytes > STDERR_TAIL {
            self.bytes -= self.lines.pop_front().map_or(self.bytes, |line| line.len());
        }
    }

    pub(super) fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}
