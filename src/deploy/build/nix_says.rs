//! What Nix says: on its way, and when it ends badly.

use std::time::Instant;

use crate::model::event::Events;
use crate::model::failure::{Failure, Kind};
use crate::tools::nix::NixError;
use crate::tools::nix::log::{NixFailure, NixLog, shortened};

/// How many lines of Nix's error are shown.
pub(super) const SHOWN_ERROR_LINES: usize = 30;

/// What takes the lines of a run of Nix: what is news in them is told.
pub fn telling<'a>(log: &'a mut NixLog, events: &'a Events) -> impl FnMut(&str) + 'a {
    |line| {
        if let Some(event) = log.line(line, Instant::now()) {
            events.tell(event);
        }
    }
}

/// A run of Nix that failed, with its log's reason: `what` names the step. `advise` adds hints, by all of Nix's
/// text, where Nix has run at all.
pub fn failed(
    kind: Kind,
    error: NixError,
    nix: &NixFailure,
    what: String,
    advise: impl FnOnce(Failure, &str) -> Failure,
) -> Failure {
    let error = match error {
        NixError::Command(error) => error,
        other => return explain_nix(kind, other),
    };
    // Without words of its own Nix was ended from outside, or crashed.
    let cause =
        if nix.headline.is_empty() { anyhow::Error::new(error) } else { anyhow::anyhow!("{}", nix.headline) };
    let failure = Failure::new(kind, cause.context(what));
    let failure = match nix.text.len() {
        0 | 1 => failure,
        _ => failure.detail("nix says", shortened(&nix.text, SHOWN_ERROR_LINES)),
    };
    advise(failure, &nix.text.join("\n"))
}

/// An error that has nothing to do with what was asked for.
pub fn explain_nix(kind: Kind, error: NixError) -> Failure {
    match error {
        NixError::Missing { .. } => Failure::new(Kind::Build, error)
            .hint("install Nix: https://nixos.org/download")
            .hint("when it is installed: open a new shell, or add /nix/var/nix/profiles/default/bin to PATH"),
        NixError::Command(error) => {
            let lines = error.last_lines(SHOWN_ERROR_LINES);
            Failure::new(kind, error).detail("nix says", lines)
        }
        NixError::Answer { .. } => {
            Failure::new(kind, error).hint("shipit knows Nix 2.8 and later; which one this is: nix --version")
        }
    }
}
