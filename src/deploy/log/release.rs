//! Which parts of the log a release wrote.

use super::listen;
use crate::deploy::run::Run;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::ReleaseId;
use crate::model::retention::{self, NoPick};
use crate::model::server::ServerState;
use crate::model::starts::{self, Span, Start};
use crate::tools::ssh::Connection;

/// Of a unit that was started more often, the newest starts are looked at.
const MOST_STARTS: u32 = 20_000;

/// The release that a name means.
pub fn named(run: &Run<'_>, state: &ServerState, name: &str) -> Outcome<ReleaseId> {
    let there: Vec<ReleaseId> = state.releases.iter().map(|(release, _)| release.clone()).collect();
    match retention::named(&state.history, &there, name) {
        Ok(release) => Ok(release),
        // The log has its lines all the same.
        Err(NoPick::Gone(release)) => Ok(release),
        Err(why) => Err(Failure::msg(Kind::Usage, format!("{}: {why}", run.settings.host))
            .hint(format!("which ones there are: {}", run.command("releases")))),
    }
}

/// The parts of the log that a release wrote.
pub async fn spans(
    run: &Run<'_>,
    connection: &Connection,
    common: &[String],
    state: &ServerState,
    release: &ReleaseId,
) -> Outcome<Vec<Span>> {
    let words = [common, &["what=starts".to_owned(), format!("count={MOST_STARTS}")]].concat();
    let mut found: Vec<Start> = Vec::new();
    listen(run, connection, &words, false, |line| {
        if let Some(invocation) = line.invocation
            && !found.iter().rev().take(20).any(|start| start.invocation == invocation)
        {
            found.push(Start {
                invocation,
                at: u64::try_from(line.time.as_microsecond()).unwrap_or_default(),
            });
        }
        Ok(true)
    })
    .await?;
    Ok(starts::spans(&state.history, &found, release))
}

/// Seconds, as journalctl takes them.
pub fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_keeps_its_microseconds() {
        assert_eq!(seconds(1_795_352_585_000_007), "1795352585.000007");
    }
}
