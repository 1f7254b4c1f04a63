//! The server, whatever runs on it.

use std::time::SystemTime;

use jiff::tz::TimeZone;

use super::facts::Facts;
use super::probe::{self, Probe};
use crate::deploy::server::ready::{hook_rights, rights, server};
use crate::model::check::{Check, Group, Remark};
use crate::model::server::{Control, RootState, ServerState};
use crate::model::settings::{Settings, SystemChoice};
use crate::model::size::bytes;

/// What is looked at, in this order; `hooks` only where there are any.
pub const NAMES: [&str; 16] = [
    "system",
    "programs",
    "nix",
    "daemon",
    "trust",
    "systemd",
    "restart",
    "start limit",
    "hooks",
    "log",
    "folder",
    "history",
    "turn",
    "disk",
    "memory",
    "clock",
];

/// Less free space than this is said.
const LITTLE_SPACE: u64 = 500 << 20;
/// Nix takes about 30 MB for an import, and the app has to start beside the old one's last moments.
const LITTLE_MEMORY: u64 = 64 << 20;
/// Seconds by which two clocks may differ.
const CLOCK_OFF: u64 = 30;

/// When the server was asked for its facts, and when it had answered.
pub type Asked = (SystemTime, SystemTime);

/// Judges it. `signed`: the path of the probe had a signature.
pub fn judge(
    settings: &Settings,
    state: &ServerState,
    facts: &Facts,
    probe: Probe,
    signed: bool,
    asked: Asked,
) -> Vec<Check> {
    let of = |name, remark, fine: String| Check::of(Group::Server, name, remark, || fine);
    let skipped = |name, because: &str| Check::skipped(Group::Server, name, because);
    let mut checks = Vec::new();

    checks.push(of(
        "system",
        system(settings, state),
        state.system.as_ref().map(ToString::to_string).unwrap_or_default(),
    ));
    checks.push(of(
        "programs",
        server::programs(settings, state),
        "flock and all others are there".to_owned(),
    ));
    let version = facts.nix.as_deref().unwrap_or("of an unknown version");
    let folder = state.nix_bin.as_deref().unwrap_or_default();
    checks.push(of("nix", server::nix(settings, state), format!("{version}, in {folder}")));
    if state.nix_bin.is_none() {
        checks.push(skipped("daemon", "server/nix"));
    } else {
        checks.push(of("daemon", server::daemon(settings, state), format!("lets {} in", state.user)));
    }
    checks.push(match probe::judge(probe, facts, state, signed) {
        Ok((remark, fine)) => of("trust", remark, fine),
        Err(because) => skipped("trust", &because),
    });

    let systemd = server::systemd(settings, state);
    let silent = systemd.is_some();
    checks.push(of("systemd", systemd, facts.systemd.clone()));
    if silent {
        checks.extend(["restart", "start limit"].map(|name| skipped(name, "server/systemd")));
    } else {
        checks.push(of("restart", rights::restart(settings, state), how(settings, state)));
        let no_restart = matches!(state.control, Control::Sudo { restart: false, .. });
        checks.push(if no_restart {
            skipped("start limit", "server/restart")
        } else {
            of("start limit", rights::start_limit(settings, state), "can be reset".to_owned())
        });
    }
    if !settings.hooks.before_switch.is_empty() {
        let user = rights::hook_user(state).unwrap_or(&state.user);
        checks.push(if silent || state.unit.load != "loaded" {
            skipped("hooks", if silent { "server/systemd" } else { "app/unit" })
        } else {
            of("hooks", hook_rights(settings, state), format!("can run as {user}"))
        });
    }
    checks.push(of("log", rights::log(settings, state), "can be read".to_owned()));
    let folder = match state.root {
        RootState::Creatable => format!("{} is made by the first deploy", settings.root),
        _ => format!("{}, {} can write in it", settings.root, state.user),
    };
    let remark = server::folder(settings, state).or_else(|| server::odd(settings, state));
    checks.push(of("folder", remark, folder));
    checks.push(of("history", history(settings, state), deploys(state)));
    checks.push(of("turn", turn(settings, state), "nobody deploys, and nobody holds deploys".to_owned()));
    checks.push(of("disk", disk(settings, state), free(settings, state)));
    checks.push(of("memory", memory(settings, facts), memory_text(facts)));
    checks.push(of("clock", clock(facts, asked), "as here".to_owned()));
    checks
}

fn system(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let wrong = server::system(settings, state);
    let other = || match (&settings.system, &state.system) {
        (SystemChoice::Guessed(here), Some(there)) if here != there => Some(
            Remark::note(format!(
                "{there}, and this machine is {here}: a build needs somebody who can build for it"
            ))
            .hint(format!(
                "`builders` in nix.conf here names one for {there}; or deploy from CI on such a runner"
            )),
        ),
        _ => None,
    };
    wrong.or_else(other)
}

fn how(settings: &Settings, state: &ServerState) -> String {
    let (unit, user) = (&settings.unit, &state.user);
    match state.control {
        Control::Root => format!("of {unit}, as root"),
        Control::User { .. } => {
            format!("of {unit}, a unit of {user}'s own systemd, which outlives its logins")
        }
        _ => format!("of {unit}, by a rule of sudo"),
    }
}

fn history(settings: &Settings, state: &ServerState) -> Option<Remark> {
    if state.pending.is_some() && state.lock_holder.is_none() {
        return Some(Remark::warning(
            "an earlier deploy ended without a word; the next deploy or rollback settles it first",
        ));
    }
    server::journal(settings, state)
}

/// Whether a deploy would have to wait, or is not wanted. Neither is anything that is broken.
fn turn(settings: &Settings, state: &ServerState) -> Option<Remark> {
    if let Some(hold) = state.holds.first() {
        let text = format!("deploys are held, {}: one ends with exit code 6", hold.by(&TimeZone::system()));
        return Some(Remark::warning(text).hint(format!("to lift it: {}", settings.command("unhold"))));
    }
    let holder = state.lock_holder.as_ref()?;
    Some(Remark::note(format!("a deploy is going on: {holder}")).hint(settings.command("status")))
}

fn deploys(state: &ServerState) -> String {
    match state.history.deploys().len() {
        0 => "nothing was deployed yet".to_owned(),
        1 => "1 deploy".to_owned(),
        count => format!("{count} deploys"),
    }
}

fn disk(settings: &Settings, state: &ServerState) -> Option<Remark> {
    server::full(settings, state, 0).or_else(|| {
        let least = state.store_free.into_iter().chain(state.root_free).min()?;
        (least < LITTLE_SPACE).then(|| {
            Remark::warning(format!("only {}", free(settings, state)))
                .hint(server::collect_garbage(settings, state))
        })
    })
}

fn free(settings: &Settings, state: &ServerState) -> String {
    let one = |place: &str, free: Option<u64>| free.map(|free| format!("{} free in {place}", bytes(free)));
    let all = [one("/nix/store", state.store_free), one(settings.root.as_str(), state.root_free)];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn memory(settings: &Settings, facts: &Facts) -> Option<Remark> {
    let [_, available, swap] = facts.memory?;
    (available.saturating_add(swap) < LITTLE_MEMORY).then(|| {
        Remark::warning(format!("only {}", memory_text(facts))).hint(format!(
            "what takes most of it: {}",
            settings.ssh("'ps -eo rss,user,args --sort=-rss | head'")
        ))
    })
}

fn memory_text(facts: &Facts) -> String {
    match facts.memory {
        Some([total, available, swap]) => {
            format!("{} of {} can be used, {} of swap are free", bytes(available), bytes(total), bytes(swap))
        }
        None => "it does not tell".to_owned(),
    }
}

fn clock(facts: &Facts, (asked, answered): Asked) -> Option<Remark> {
    let (off, ahead) = facts.clock_off(asked, answered)?;
    let way = if ahead { "ahead of" } else { "behind" };
    (off > CLOCK_OFF).then(|| {
        Remark::warning(format!(
            "{off} s {way} this machine's: times in `shipit releases` and the logs mislead"
        ))
        .hint("whichever is wrong; on the server, as root: timedatectl set-ntp true")
    })
}
