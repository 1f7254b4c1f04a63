//! Ctrl-C and its relatives, as a value that every flow can wait for.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::model::failure::Kind;

/// What came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Signal {
    #[default]
    Int,
    Term,
    Hup,
}

/// Who wants us to stop, and how often they said so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// How many signals came.
    pub times: u32,
    /// The first of them.
    first: Signal,
}

impl Wish {
    /// The exit code's name.
    pub fn kind(self) -> Kind {
        if self.first == Signal::Int { Kind::Interrupted } else { Kind::Terminated }
    }

    /// For the journal: what came.
    pub fn reason(self) -> &'static str {
        match self.first {
            Signal::Int => "interrupted by SIGINT",
            Signal::Term => "ended by SIGTERM",
            Signal::Hup => "ended by SIGHUP",
        }
    }
}

/// Listens from now on. SIGINT, SIGTERM and SIGHUP no longer end the process by themselves.
#[derive(Debug, Clone)]
pub struct Interrupts(watch::Receiver<Wish>);

impl Interrupts {
    /// Begins to listen; needs a running runtime.
    ///
    /// # Errors
    /// When the kernel lets no handler be set.
    pub fn listen() -> std::io::Result<Self> {
        let (sender, receiver) = watch::channel(Wish::default());
        let mut int = signal(SignalKind::interrupt())?;
        let mut term = signal(SignalKind::terminate())?;
        let mut hup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            loop {
                let came = tokio::select! {
                    Some(()) = int.recv() => Signal::Int,
                    Some(()) = term.recv() => Signal::Term,
                    Some(()) = hup.recv() => Signal::Hup,
                    else => return,
                };
                sender.send_modify(|wish| {
                    wish.first = if wish.times == 0 { came } else { wish.first };
                    wish.times += 1;
                });
            }
        });
        Ok(Interrupts(receiver))
    }

    /// Waits until more than `seen` signals have come. Cancel safe.
    pub async fn more_than(&mut self, seen: u32) -> Wish {
        match self.0.wait_for(|wish| wish.times > seen).await {
            Ok(wish) => *wish,
            // The listener is gone with the runtime: nothing comes any more.
            Err(_) => std::future::pending().await,
        }
    }
}
