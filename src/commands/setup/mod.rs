//! `setup`: what is wanted, what would be done, whether it may be done, and what was done.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Cx, listen};
use crate::cli::SetupArgs;
use crate::deploy::server::connect::{self, connect};
use crate::deploy::setup::facts::Facts;
use crate::deploy::setup::plan::{self, OWN_KEY, Plan, Step};
use crate::deploy::setup::{self, NoLook, Wishes};
use crate::model::failure::{Failure, Kind, Outcome};
use crate::tools::cmd::quoted;
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::{Connection, Options};
use crate::ui::json;
use crate::ui::style::{GOOD, NOW, STRONG, paint};
use crate::ui::text::{clean_lines, count};
use wishes::{admin_at, wishes};

mod wishes;

#[derive(Serialize)]
struct Said<'a> {
    version: u32,
    environment: &'a str,
    host: &'a str,
    user: &'a str,
    changed: bool,
    steps: Vec<SaidStep<'a>>,
    notes: &'a [String],
    warnings: &'a [String],
}

#[derive(Serialize)]
struct SaidStep<'a> {
    #[serde(flatten)]
    step: &'a Step,
    done: bool,
}

/// Runs it.
pub async fn run(cx: &Cx<'_>, args: &SetupArgs) -> Outcome<()> {
    let asks = cx.ui.is_interactive() && !cx.ui.is_json();
    if !args.dry_run && !args.yes && !asks {
        return Err(Failure::msg(Kind::Usage, "nobody can be asked whether this may be done")
            .hint(format!("what it would be: {}", again(cx, args, "--dry-run")))
            .hint(format!("without a question: {}", again(cx, args, "--yes"))));
    }
    let mut interrupts = listen()?;
    let host = match &args.admin {
        Some(admin) => admin_at(admin, &cx.settings.host)?,
        None => cx.settings.host.clone(),
    };
    let options = connect::options(&cx.settings, &cx.context, cx.ui.is_interactive());
    let wishes = wishes(cx, args, host.clone(), &options).await?;
    let options = Options { host, ..options };
    let connection =
        interrupts.or_stop(connect(&options), Wish::early).await.map_err(|failure| match args.admin {
            Some(_) => failure,
            None => {
                failure.hint(format!("as the server's administrator: {}", cx.ui.command("setup --as root")))
            }
        })?;
    let end = work(cx, args, &wishes, &connection, &mut interrupts, asks).await;
    connection.close().await;
    end
}

async fn work(
    cx: &Cx<'_>,
    args: &SetupArgs,
    wishes: &Wishes<'_>,
    connection: &Connection,
    interrupts: &mut Interrupts,
    asks: bool,
) -> Outcome<()> {
    let (facts, password) = interrupts.or_stop(look(cx, args, wishes, connection), Wish::early).await?;
    let plan = plan::plan(wishes, &facts)?;
    let said = |done: usize| Said {
        version: json::VERSION,
        environment: cx.settings.environment.as_str(),
        host: wishes.host.as_str(),
        user: wishes.login.as_str(),
        changed: done > 0,
        steps: plan.steps.iter().enumerate().map(|(at, step)| SaidStep { step, done: at < done }).collect(),
        notes: &plan.notes,
        warnings: &plan.warnings,
    };
    if plan.steps.is_empty() {
        notes(cx, &plan);
        let line = format!(
            "{} {}\n",
            paint(GOOD, "nothing to do:"),
            can(wishes, wishes.host.as_str(), plan.shut_out)
        );
        cx.ui.answer_text(&line, &said(0))?;
        if plan.shut_out {
            cx.ui.say(format!("next: {}", again(cx, args, OWN_KEY)));
        }
        return Ok(());
    }
    if args.dry_run {
        cx.ui.answer_text(&shown(wishes, &plan), &said(0))?;
        notes(cx, &plan);
        cx.ui.say(format!("dry run: nothing was changed on {}", wishes.host));
        return Ok(());
    }
    if asks && !args.yes {
        cx.ui.lay_out(&shown(wishes, &plan));
        notes(cx, &plan);
        let question = format!(
            "\n{} [y/N]",
            paint(STRONG, format!("Do {} on {}?", count(plan.steps.len() as u64, "step"), wishes.host))
        );
        let answer = interrupts.or_stop(async { Ok(cx.ui.ask(&question, false).await) }, Wish::early).await?;
        if !matches!(answer.as_deref().map(str::trim), Some("y" | "Y" | "yes" | "Yes" | "YES")) {
            return Err(Failure::msg(Kind::Interrupted, "not wanted; nothing was changed"));
        }
    } else {
        cx.ui.say(shown(wishes, &plan).trim_end());
        notes(cx, &plan);
    }
    for (at, step) in plan.steps.iter().enumerate() {
        let stopped = |wish: Wish| {
            Failure::msg(wish.kind(), format!("{} in the middle of: {}", wish.reason(), step.does))
        };
        let done = interrupts.or_stop(setup::take(connection, wishes, step, &password), stopped).await;
        done.map_err(|failure| half_done(cx, args, failure, &plan, at))?;
        cx.ui.say(format!("{} {}", paint(GOOD, "done:"), clean_lines(&step.does).join(" ")));
    }
    // Not the administrator's login.
    let host = wishes.host.as_str().rsplit('@').next().unwrap_or_default();
    let line = format!(
        "{} {}; {}\n",
        paint(GOOD, "set up:"),
        can(wishes, host, plan.shut_out),
        count(plan.steps.len() as u64, "step")
    );
    cx.ui.answer_text(&line, &said(plan.steps.len()))?;
    let next = if plan.shut_out { again(cx, args, OWN_KEY) } else { cx.ui.command("deploy") };
    cx.ui.say(format!("next: {next}"));
    Ok(())
}

/// What is so now. `shut_out`: whether anybody here can log in as who deploys is not known.
fn can(wishes: &Wishes<'_>, host: &str, shut_out: bool) -> String {
    let (login, root) = (&wishes.login, &wishes.settings.root);
    match shut_out {
        true => format!("{root} on {host} is ready for {login}, as whom this machine may not be let in yet"),
        false => format!("{login} on {host} can deploy to {root}"),
    }
}

/// Looks, with a password where sudo wants one.
async fn look(
    cx: &Cx<'_>,
    args: &SetupArgs,
    wishes: &Wishes<'_>,
    connection: &Connection,
) -> Outcome<(Facts, String)> {
    let wants = |failure| match failure {
        NoLook::Failed(failure) => failure,
        NoLook::Password => Failure::msg(
            Kind::NotReady,
            format!("sudo on {} asks for a password, and nobody can be asked for it here", wishes.host),
        )
        .hint(format!("at a terminal: {}", again(cx, args, "")))
        .hint("or log in as root, where that is possible: --as root"),
    };
    match setup::look(connection, wishes, "").await {
        Ok(facts) => Ok((facts, String::new())),
        Err(NoLook::Password) if cx.ui.is_interactive() => {
            let password =
                cx.ui.ask(&format!("sudo's password on {}:", wishes.host), true).await.unwrap_or_default();
            if password.is_empty() {
                return Err(Failure::msg(
                    Kind::NotReady,
                    format!("sudo on {} asks for a password, and none was typed", wishes.host),
                )
                .hint("or log in as root, where that is possible: --as root"));
            }
            setup::look(connection, wishes, &password).await.map(|facts| (facts, password)).map_err(wants)
        }
        Err(other) => Err(wants(other)),
    }
}

fn half_done(cx: &Cx<'_>, args: &SetupArgs, failure: Failure, plan: &Plan, done: usize) -> Failure {
    let steps: Vec<String> = plan.steps[..done].iter().map(|step| step.does.clone()).collect();
    let hint = format!("it can be run again, and goes on from there: {}", again(cx, args, ""));
    failure.detail("what was done before that", steps).hint(hint)
}

/// The same command, to be typed again, with one more word.
fn again(cx: &Cx<'_>, args: &SetupArgs, word: &str) -> String {
    let mut words = vec!["setup".to_owned()];
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), quoted(value.as_ref())]);
    if let Some(admin) = &args.admin {
        option("--as", admin);
    }
    if let Some(user) = &args.user {
        option("--user", user.as_str());
    }
    let files =
        args.keys.iter().map(|file| ("--key", file)).chain(args.unit.iter().map(|file| ("--unit", file)));
    for (name, file) in files {
        option(name, &file.to_string_lossy());
    }
    for (name, value) in &args.variables {
        option("--env", &format!("{name}={value}"));
    }
    let flags = [
        (args.user_unit, "--user-unit"),
        (args.trusted, "--trusted"),
        (args.yes, "--yes"),
        (!word.is_empty(), word),
    ];
    words.extend(flags.iter().filter(|(given, _)| *given).map(|(_, flag)| (*flag).to_owned()));
    cx.ui.command(words.join(" "))
}

/// The plan for people.
fn shown(wishes: &Wishes<'_>, plan: &Plan) -> String {
    let mut text =
        format!("on {}, so that {} can deploy to {}:\n", wishes.host, wishes.login, wishes.settings.root);
    for (number, step) in (1..).zip(&plan.steps) {
        let _ = writeln!(text, "{} {}", paint(NOW, format!("{number}.")), clean_lines(&step.does).join(" "));
        if let Some(file) = &step.file {
            let _ = writeln!(text, "   {}", paint(STRONG, clean_lines(file).join(" ")));
        }
        for line in step.text.iter().flat_map(|text| clean_lines(text)) {
            text += format!("     {line}").trim_end();
            text.push('\n');
        }
    }
    text
}

fn notes(cx: &Cx<'_>, plan: &Plan) {
    for note in &plan.notes {
        cx.ui.say(format!("note: {note}"));
    }
    for warning in &plan.warnings {
        cx.ui.warn(warning);
    }
}
