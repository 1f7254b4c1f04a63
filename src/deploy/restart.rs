//! Restarting what is live: the same transaction with current as both the old and the new release. Nothing is moved, so
//! there is nothing to go back to; a release that is not healthy stays where it is, and that is said.

use std::time::Instant;

use super::live::turns::Turns;
use super::live::{self, Try};
use super::run::Run;
use super::server::ready;
use super::server::state::Look;
use super::target::{RESTART, Target};
use crate::model::done::{Did, Done};
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{ReleaseId, StorePath};
use crate::model::server::{Current, ServerState};
use crate::model::settings::Settings;
use crate::tools::signals::Interrupts;
use crate::tools::ssh::Connection;

/// Restarts the unit and checks it.
///
/// # Errors
/// As `docs/exit-codes.md` says; [`Kind::NotLive`] when it is not healthy afterwards.
pub async fn restart(run: &Run<'_>, interrupts: &mut Interrupts) -> Outcome<Done> {
    let began = Instant::now();
    run.events.tell(Event::Connecting { host: run.settings.host.clone() });
    let connection = run.connect(interrupts).await?;
    let ended = over(run, &connection, began, interrupts).await;
    connection.close().await;
    ended
}

async fn over(
    run: &Run<'_>,
    connection: &Connection,
    began: Instant,
    interrupts: &mut Interrupts,
) -> Outcome<Done> {
    let settings = run.settings;
    let mut turns = Turns::new(run.lock_wait);
    let mut seen: Option<ServerState> = None;
    while let Some(lock) = turns.take() {
        let state = run.look(connection, Look { hooks: false, daemon: true }).await?;
        ready::check(settings, &state, false, &run.events)?;
        let (release, store_path) = live_release(run, &state)?;
        if seen.is_none() {
            run.events.tell(Event::Connected { host: settings.host.clone(), took: began.elapsed() });
            run.leftover(&state);
        }
        let target = Target {
            release: release.clone(),
            store_path: store_path.clone(),
            assets: None,
            subject: state.history.subject(release).map(str::to_owned),
            place: false,
            hook: false,
            command: RESTART,
            hold: None,
        };
        match live::attempt(run, connection, &state, &target, lock, interrupts).await? {
            Try::Live(live) => {
                let done = Done::untouched(Did::Restarted, settings, release, store_path);
                return Ok(live.done(Done { took: began.elapsed(), ..done }));
            }
            // Whatever is live by then is what is restarted.
            Try::Moved => seen = Some(state),
        }
    }
    Err(run.outpaced(&seen.unwrap_or_default()))
}

/// What is live, with its closure.
///
/// # Errors
/// [`Kind::NotReady`] where it is not one of shipit's releases.
pub fn live_release<'a>(run: &Run<'_>, state: &'a ServerState) -> Outcome<(&'a ReleaseId, &'a StorePath)> {
    let Settings { host, root, .. } = run.settings;
    let deploy = || format!("the first deploy makes one: {}", run.command("deploy"));
    let Some(release) = state.current.release() else {
        let what = match &state.current {
            Current::Elsewhere(target) => {
                format!("{root}/current on {host} points at {target}, which is not one of shipit's releases")
            }
            Current::Directory | Current::Strange => {
                format!("{root}/current on {host} is not one of shipit's releases")
            }
            _ => format!("nothing is live on {host}: there is no release"),
        };
        return Err(Failure::msg(Kind::NotReady, what).hint(deploy()));
    };
    let Some(store_path) = state.closure_of(release) else {
        return Err(Failure::msg(
            Kind::NotReady,
            format!(
                "the release that is live on {host}, {}, has no closure: {root}/current/result",
                release.short()
            ),
        )
        .hint(format!(
            "another release: {}, then {}",
            run.command("releases"),
            run.command("rollback RELEASE")
        )));
    };
    Ok((release, store_path))
}
