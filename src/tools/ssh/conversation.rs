//! A script of the remote half that goes on: lines there and back.

use openssh::{Child, ChildStdin, ChildStdout, Session};
use tokio::io::AsyncWriteExt;

use crate::remote;
use crate::tools::lines::WholeLines;

/// One conversation. It ends when this is dropped.
pub struct Conversation<'a> {
    pub(super) stdin: ChildStdin,
    pub(super) lines: WholeLines<ChildStdout>,
    pub(super) child: Child<&'a Session>,
}

impl Conversation<'_> {
    /// Says a line. An error means that the connection is gone.
    pub async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await?;
        self.stdin.flush().await
    }

    /// The next line, whoever wrote it; none: it ended, or the connection did. Cancel safe.
    pub async fn next_of_any(&mut self) -> Option<String> {
        self.lines.next().await
    }

    /// The next line of the remote half; none: it ended, or the connection did. Cancel safe.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next().await?;
            if remote::parse(&line).is_some() {
                return Some(line);
            }
        }
    }
}
