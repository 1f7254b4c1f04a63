//! Ctrl-C and its relatives, as a value that every flow can wait for.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::model::failure::{Failure, Kind, Outcome};

/// A Ctrl-C in the terminal ends the children, too, and the end of one may be heard of before the signal.
const LATE: Duration = Duration::from_millis(100);

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

    /// It came before anything was changed.
    pub fn early(self) -> Failure {
        Failure::msg(self.kind(), format!("{}; nothing was changed", self.reason()))
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

    /// The end of the work, or the wish to stop, which ends it. A failure may be what came of that wish.
    ///
    /// # Errors
    /// Those of the work, and what `stopped` makes of a wish.
    pub async fn or_stop<T>(
        &mut self,
        work: impl Future<Output = Outcome<T>>,
        stopped: impl FnOnce(Wish) -> Failure,
    ) -> Outcome<T> {
        let ended = tokio::select! {
            ended = work => ended,
            wish = self.more_than(0) => return Err(stopped(wish)),
        };
        match ended {
            Ok(value) => Ok(value),
            Err(failure) => match timeout(LATE, self.more_than(0)).await {
                Ok(wish) => Err(stopped(wish)),
                Err(_) => Err(failure),
            },
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(failure: &Failure) -> String {
        failure.error.to_string()
    }

    #[tokio::test]
    async fn a_failure_that_a_signal_brought_about_is_that_signal_s() {
        let (sender, receiver) = watch::channel(Wish::default());
        let mut interrupts = Interrupts(receiver);
        let fails = || async { Err::<(), _>(Failure::msg(Kind::Copy, "ended by signal 2")) };
        assert_eq!(told(&interrupts.or_stop(fails(), Wish::early).await.unwrap_err()), "ended by signal 2");
        interrupts.or_stop(async { Ok(()) }, Wish::early).await.unwrap();
        // The child's end is heard of first.
        let fails_first = async {
            sender.send_modify(|wish| wish.times += 1);
            fails().await
        };
        let failure = interrupts.clone().or_stop(fails_first, Wish::early).await.unwrap_err();
        assert_eq!(told(&failure), "interrupted by SIGINT; nothing was changed");
        assert_eq!(failure.kind, Kind::Interrupted);
        // And the wish ends what would go on for ever.
        let failure =
            interrupts.or_stop(std::future::pending::<Outcome<()>>(), Wish::early).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Interrupted);
    }
}
