//! A process that goes on while shipit does other things.

use std::fs::File;
use std::process::Stdio;

use tokio::process::Child;
use tokio::time::timeout;

use super::end::verdict;
use super::{CmdError, End, Group, end, launch};
use crate::tools::cmd::Cmd;

/// A process that goes on while shipit does other things: the ssh master. It is ended when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    cmd: Cmd,
}

/// Starts a command that may ask its user through /dev/tty. Its stdout goes nowhere, its stderr into a file.
pub fn start(cmd: &Cmd, stderr: File) -> Result<Running, CmdError> {
    let streams = [Stdio::null(), Stdio::null(), Stdio::from(stderr)];
    Ok(Running { child: launch(cmd, streams, Group::Ours)?, cmd: cmd.clone() })
}

/// Starts a command that has this program's own streams. `terminal`: all of them, as one that a person types into; else
/// a Ctrl-C in the terminal does not reach it, and it reads only where `reads` says so.
pub fn attach(cmd: &Cmd, terminal: bool, reads: bool) -> Result<Running, CmdError> {
    let stdin = if terminal || reads { Stdio::inherit() } else { Stdio::null() };
    let group = if terminal { Group::Ours } else { Group::Own };
    let child = launch(cmd, [stdin, Stdio::inherit(), Stdio::inherit()], group)?;
    Ok(Running { child, cmd: cmd.clone() })
}

impl Running {
    /// Waits for its end, at most as long as the command's deadline says; then it is ended.
    pub async fn wait(&mut self) -> Result<(), CmdError> {
        let ended = match timeout(self.cmd.deadline, self.child.wait()).await {
            Ok(status) => status.map_err(End::Lost),
            Err(_) => {
                end(&mut self.child).await;
                Err(End::Deadline(self.cmd.deadline))
            }
        };
        match ended.map(verdict) {
            Ok(None) => Ok(()),
            Ok(Some(end)) | Err(end) => Err(CmdError::new(&self.cmd, end)),
        }
    }

    /// Its verdict when it has ended already, else nothing. Does not wait.
    pub fn ended(&mut self) -> Option<Result<(), CmdError>> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(match verdict(status) {
                None => Ok(()),
                Some(end) => Err(CmdError::new(&self.cmd, end)),
            }),
            Err(error) => Some(Err(CmdError::new(&self.cmd, End::Lost(error)))),
        }
    }

    /// Asks it to end, then makes it.
    pub async fn stop(mut self) {
        end(&mut self.child).await;
    }
}
