//! What a terminal says about itself.

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd;

use rustix::process::{getpid, kill_process};
use rustix::termios::{LocalModes, tcgetattr, tcgetwinsize};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Columns and rows; none: it is no terminal, or it does not say.
pub fn size(of: impl AsFd + io::IsTerminal) -> Option<(usize, usize)> {
    if !of.is_terminal() {
        return None;
    }
    let size = tcgetwinsize(of).ok()?;
    let size = (usize::from(size.ws_col), usize::from(size.ws_row));
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// Whether what is typed is shown. Who asks for a passphrase switches that off meanwhile.
pub fn echoes() -> bool {
    let stdin = io::stdin();
    stdin.is_terminal() && tcgetattr(stdin).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ECHO))
}

/// Hears a Ctrl-Z, which then stops nothing by itself: [`stop`] does.
pub fn stops() -> Option<Signal> {
    signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw())).ok()
}

/// Stops this process until the shell's `fg`.
pub fn stop() {
    if let Err(error) = kill_process(getpid(), rustix::process::Signal::STOP) {
        tracing::debug!("not stopped: {error}");
    }
}
