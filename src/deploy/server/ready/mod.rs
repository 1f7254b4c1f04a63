//! What is known to end badly ends here, before anything is touched: exit 3, with the line that mends it.
//!
//! Each judge is a function of what the look found. A deploy refuses what one of them calls failed; `shipit doctor` asks
//! them all, and tells each answer.

use crate::model::check::{Remark, Status};
use crate::model::event::Events;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::server::ServerState;
use crate::model::settings::Settings;

pub mod app;
pub mod rights;
pub mod server;

pub use rights::hook_user;

/// A hook, in words.
pub const HOOK: &str = "the hook";

/// Judges what the look at the server found. Warnings are told; all that stands in the way is said at once.
///
/// # Errors
/// [`Kind::NotReady`], with the commands or lines that mend it.
pub fn check(settings: &Settings, state: &ServerState, hooks: bool, events: &Events) -> Outcome<()> {
    let mut remarks = vec![
        server::login(settings, state),
        server::programs(settings, state),
        server::nix(settings, state),
        server::daemon(settings, state),
        server::folder(settings, state),
        server::odd(settings, state),
        server::systemd(settings, state),
        app::unit(settings, state),
        app::reload(settings, state),
        app::program(settings, state),
        app::stopped(settings, state),
        rights::restart(settings, state),
        rights::start_limit(settings, state),
        app::asker(settings, state),
    ];
    // A unit that is not there has no user, and root is not to be it.
    if hooks && app::is_loaded(state) {
        remarks.push(hook_rights(settings, state));
        remarks.push(app::environment(settings, state, HOOK));
    }
    if state.pending.is_some() && state.lock_holder.is_none() {
        events.warn("an earlier deploy ended without a word; it is settled first");
    }
    remarks.push(server::journal(settings, state));
    let (failures, warnings): (Vec<Remark>, Vec<Remark>) =
        remarks.into_iter().flatten().partition(|remark| remark.status == Status::Failed);
    for warning in warnings {
        events.warn(warning.into_sentence());
    }
    let mut failures: Vec<Failure> =
        failures.into_iter().map(|remark| remark.into_failure(Kind::NotReady)).collect();
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.remove(0)),
        _ => Err(together(settings, failures)),
    }
}

/// Whether shipit can write at all below root: what a hold needs.
///
/// # Errors
/// [`Kind::NotReady`], with the line that mends it.
pub fn folder(settings: &Settings, state: &ServerState) -> Outcome<()> {
    let judges = [server::programs, server::folder, server::odd];
    refused(judges.into_iter().find_map(|judge| judge(settings, state)))
}

/// Whether Nix is there and lets this login in.
///
/// # Errors
/// [`Kind::NotReady`], with what mends it.
pub fn nix(settings: &Settings, state: &ServerState) -> Outcome<()> {
    refused(server::nix(settings, state).or_else(|| server::daemon(settings, state)))
}

/// Whether the unit is there and can be started. What is odd about its file is told.
///
/// # Errors
/// [`Kind::NotReady`], with what mends it.
pub fn unit(settings: &Settings, state: &ServerState, events: &Events) -> Outcome<()> {
    refused(server::systemd(settings, state).or_else(|| app::unit(settings, state)))?;
    let odd = [app::reload, app::program, app::stopped];
    for remark in odd.into_iter().filter_map(|judge| judge(settings, state)) {
        events.warn(remark.into_sentence());
    }
    Ok(())
}

/// Whether something of ours can run as the unit does: its user, its environment. `what`: in words.
///
/// # Errors
/// [`Kind::NotReady`], with the line that mends it.
pub fn as_unit(settings: &Settings, state: &ServerState, what: &str) -> Outcome<()> {
    refused(rights::as_unit(settings, state, what).or_else(|| app::environment(settings, state, what)))
}

/// Whether hooks can run as the unit's user.
pub fn hook_rights(settings: &Settings, state: &ServerState) -> Option<Remark> {
    rights::as_unit(settings, state, HOOK).map(|remark| match state.unit.dynamic_user {
        true => remark.hint("or take `before_switch` out of [hooks]"),
        false => remark,
    })
}

/// Whether there is room for what is to be copied, with some left over for the store's database and the release.
///
/// # Errors
/// [`Kind::NotReady`] when one of the disks is too full.
pub fn space(settings: &Settings, state: &ServerState, bytes: u64) -> Outcome<()> {
    refused(server::full(settings, state, bytes))
}

/// Whether the server is of the system that shipit.toml names.
///
/// # Errors
/// [`Kind::NotReady`], with the line to change.
pub fn system(settings: &Settings, state: &ServerState) -> Outcome<()> {
    refused(server::system(settings, state))
}

fn refused(remark: Option<Remark>) -> Outcome<()> {
    remark.map_or(Ok(()), |remark| Err(remark.into_failure(Kind::NotReady)))
}

/// Several reasons as one failure: each with its number, so that one round of mending is enough.
fn together(settings: &Settings, failures: Vec<Failure>) -> Failure {
    let count = failures.len();
    let text = format!("{} is not ready: {count} things are missing", settings.host);
    let mut all = Failure::msg(Kind::NotReady, text);
    let mut lines = Vec::new();
    for (number, failure) in (1..).zip(failures) {
        lines.push(format!("{number}. {:#}", failure.error));
        all.hints.extend(failure.hints.into_iter().map(|hint| format!("({number}) {hint}")));
    }
    all.detail("what a deploy needs and the server has not", lines)
}
