//! What a person types at a question.

use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The next line of stdin, read beside everything else, so that a Ctrl-C is heard meanwhile.
pub async fn line() -> Option<String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        match io::stdin().read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end_matches(['\n', '\r']).to_owned()),
        }
    });
    read.await.ok().flatten()
}

/// As long as it lives, the terminal does not show what is typed.
pub struct Unseen {
    before: Option<Termios>,
}

impl Unseen {
    /// From now on.
    pub fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ECHO);
            // What was typed before the question is not the answer to it.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &modes);
        }
        Unseen { before }
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
