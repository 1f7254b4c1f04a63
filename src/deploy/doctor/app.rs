//! The app's unit, and whether the app answers.

use std::time::Instant;

use super::facts::Facts;
use crate::deploy::server::mend;
use crate::deploy::server::ready::{HOOK, app, rights};
use crate::deploy::talk::answers::Answers;
use crate::model::check::{Check, Group, Remark};
use crate::model::server::{Current, ServerState};
use crate::model::settings::Settings;

/// What is found where nothing was deployed yet.
pub const NOTHING_LIVE: &str = "nothing is live yet";

/// What is looked at, in this order.
pub const NAMES: [&str; 7] = ["unit", "program", "type", "boot", "environment", "check", "answer"];

/// Judges it. `silent`: systemd did not answer.
pub fn judge(settings: &Settings, state: &ServerState, facts: &Facts, silent: bool) -> Vec<Check> {
    if silent {
        return NAMES.map(|name| Check::skipped(Group::App, name, "server/systemd")).to_vec();
    }
    let of = |name, remark, fine: String| Check::of(Group::App, name, remark, || fine);
    let skipped = |name, because| Check::skipped(Group::App, name, because);
    let unit = app::unit(settings, state);
    let gone = unit.is_some();
    let mut checks = vec![of(
        "unit",
        unit.or_else(|| app::reload(settings, state)),
        format!("{} is loaded", settings.unit),
    )];
    if gone {
        checks.extend(NAMES[1..5].iter().map(|name| skipped(name, "app/unit")));
    } else {
        let program = app::program(settings, state);
        checks.push(of("program", program, format!("below {}/current", settings.root)));
        let kind = &state.unit.kind;
        checks.push(of("type", simple(settings, state), format!("Type={kind}")));
        checks.push(of("boot", boot(settings, state, facts), format!("started at boot ({})", facts.enabled)));
        let hooks = !settings.hooks.before_switch.is_empty();
        let environment = environment(settings, state, facts)
            .or_else(|| hooks.then(|| app::environment(settings, state, HOOK)).flatten());
        checks.push(of("environment", environment, files(state)));
    }
    let asker = app::asker(settings, state);
    let no_asker = asker.is_some();
    let who = state.http_asker.as_deref().unwrap_or_default();
    let fine = match &settings.health.http {
        Some(http) => format!("{}, asked there by {who}", http.url),
        None => String::new(),
    };
    checks.push(of("check", asker.or_else(|| unchecked(settings)), fine));
    checks.push(if gone {
        skipped("answer", "app/unit")
    } else if no_asker {
        skipped("answer", "app/check")
    } else {
        let (remark, fine) = answer(settings, state, facts);
        of("answer", remark, fine)
    });
    checks
}

fn simple(settings: &Settings, state: &ServerState) -> Option<Remark> {
    (state.unit.kind == "simple").then(|| {
        Remark::note(
            "Type=simple: systemd calls it started before its program runs; with Type=exec one that can't be run is a failed start",
        )
        .hint(app::drop_in(settings, state, "Type=exec"))
    })
}

fn boot(settings: &Settings, state: &ServerState, facts: &Facts) -> Option<Remark> {
    (facts.enabled == "disabled").then(|| {
        let unit = &settings.unit;
        Remark::warning(format!("{unit} is not started when the server boots")).hint(mend::by_hand(
            settings,
            state,
            &[&format!("enable {unit}")],
        ))
    })
}

fn environment(settings: &Settings, state: &ServerState, facts: &Facts) -> Option<Remark> {
    let unit = &settings.unit;
    if let Some(file) = facts.absent.first() {
        let quoted = shlex::try_quote(file).map_or_else(|_| file.clone(), Into::into);
        let owner = rights::unit_user(state);
        return Some(
            Remark::failed(format!(
                "{file} is not there, an EnvironmentFile of {unit}: systemd does not start the unit without it"
            ))
            .hint(format!(
                "on the server, as root: install -D -m 640 -g \"$(id -gn {owner})\" /dev/null {quoted}   and write into it what \
                 the app needs, NAME=VALUE"
            )),
        );
    }
    let file = facts.hidden.first()?;
    Some(Remark::note(format!(
        "{file}, an EnvironmentFile of {unit}, is in a folder that {} can't look into: whether it is there is not known",
        state.user
    )))
}

fn files(state: &ServerState) -> String {
    let files = &state.unit.environment_files;
    let needed = files.iter().filter(|(_, may_be_missing)| !may_be_missing).count();
    match (files.len(), needed) {
        (0, _) => "no EnvironmentFile".to_owned(),
        (_, 0) => "no EnvironmentFile has to be there".to_owned(),
        (_, 1) => "its EnvironmentFile is there".to_owned(),
        _ => format!("its {needed} EnvironmentFiles are there"),
    }
}

fn unchecked(settings: &Settings) -> Option<Remark> {
    let settle = settings.health.settle.as_secs_f32();
    settings.health.http.is_none().then(|| {
        Remark::note(format!("none: a release counts as healthy when its unit stays up for {settle} s"))
            .hint("below [health] in shipit.toml: http = \"http://127.0.0.1:PORT/\"")
    })
}

/// Whether what is live works. Before the first deploy nothing has to.
fn answer(settings: &Settings, state: &ServerState, facts: &Facts) -> (Option<Remark>, String) {
    let unit = &settings.unit;
    let active = state.unit.active.as_str();
    let runs = matches!(active, "active" | "reloading");
    let restart = || format!("to start it anew, checked: {}", settings.command("restart"));
    let log = || match rights::log(settings, state) {
        None => format!("its log: {}", settings.command("logs -n 50")),
        Some(_) => format!("its log, on the server, as root: journalctl -u {unit} -n 50"),
    };
    if state.lock_holder.is_some() {
        let remark = Remark::note("a deploy is going on, and what runs is being changed or checked");
        return (Some(remark), String::new());
    }
    let mut answers = Answers::default();
    if let Some(said) = &facts.answer {
        answers.hear(settings.health.http.as_ref(), said, Instant::now());
    }
    let url = settings.health.http.as_ref().map(|http| http.url.as_str()).unwrap_or_default();
    let said = answers.last().unwrap_or("no answer");
    let remark = if state.current == Current::Absent && !runs {
        // A stranger at its port would answer in the app's place.
        let stranger = answers.last().is_some_and(|said| said.starts_with("status "));
        return if stranger {
            let port = url.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
            let port = port.rsplit_once(':').map_or("80", |(_, port)| port);
            let remark =
                Remark::warning(format!("nothing is live yet, and something else answers at {url}: {said}"))
                    .hint(format!("on the server, as root: ss -ltnp 'sport = :{port}'   names the process"));
            (Some(remark), String::new())
        } else {
            (None, NOTHING_LIVE.to_owned())
        };
    } else if !runs {
        Some(Remark::failed(format!("{unit} does not run (it is {active})")).hint(log()).hint(restart()))
    } else if settings.health.http.is_some() && !answers.is_good() {
        Some(Remark::failed(format!("{unit} runs, and {url} gives: {said}")).hint(log()).hint(restart()))
    } else {
        None
    };
    let fine =
        if settings.health.http.is_some() { format!("{url} gives {said}") } else { format!("{unit} runs") };
    (remark, fine)
}
