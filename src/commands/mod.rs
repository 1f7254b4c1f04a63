//! One file for each command: it resolves, calls a flow, and shows what came of it. Here is what all of them share.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use crate::cli::{self, Cli, Command, Global};
use crate::config::{self, Choice};
use crate::context::Context;
use crate::deploy::run::{Actor, Run};
use crate::deploy::server::connect;
use crate::deploy::server::state::{self, Look};
use crate::model::done::Done;
use crate::model::event::Events;
use crate::model::failure::{Failed, Failure, Kind, Outcome};
use crate::model::server::ServerState;
use crate::model::settings::Settings;
use crate::tools::signals::Interrupts;
use crate::ui::{Ui, log, usage};

mod build;
mod deploy;
mod doctor;
mod exec;
mod hold;
mod init;
mod logs;
mod prune;
mod releases;
mod restart;
mod rollback;
mod setup;
mod shell;
mod status;
pub mod story;

/// How long a thread that still works on a file may hold up the end of the program.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// What every command is given.
pub struct Cx<'a> {
    /// The surroundings.
    pub context: Context,
    /// The chosen environment.
    pub settings: Settings,
    /// The screen.
    pub ui: &'a Ui,
}

/// Runs a command. Failures are shown, and become exit codes, here and nowhere else.
pub fn run(cli: &Cli) -> ExitCode {
    let filter = Context::log_filter();
    // The log has its own way to stderr.
    let redraws = filter.is_none() && Context::may_redraw();
    log::start(cli.global.verbose, filter);
    let ui = Ui::new(&cli.global, &cli.command, redraws, Context::runner());
    match guarded(|| blocking(cli, &ui)) {
        Ok(code) => {
            if let Some(word) = word(&cli.command, code) {
                ui.ended(word);
            }
            ExitCode::from(code)
        }
        Err(failure) => {
            ui.failure(&failure);
            ExitCode::from(cli.command.exit_code(failure.kind))
        }
    }
}

/// Shows that the command line can't be obeyed, or the help that it asks for.
pub fn wrong_words(error: &clap::Error) -> ExitCode {
    usage::show(error, Context::runner().as_ref());
    ExitCode::from(cli::wrong_words(error))
}

/// How a command ended, where it has no words for that itself: `docs/exit-codes.md`.
fn word(command: &Command, code: u8) -> Option<&'static str> {
    match (command, code) {
        (Command::Deploy(_) | Command::Rollback(_) | Command::Restart(_), _) => None,
        (_, 0) => Some("done"),
        (Command::Doctor, _) => Some(Kind::NotReady.word()),
        (Command::Logs(_), _) => Some(Kind::Interrupted.word()),
        // The code is that of a command of the user's.
        (_, _) => Some("failed"),
    }
}

fn blocking(cli: &Cli, ui: &Ui) -> Outcome<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .failed(Kind::Bug, "the runtime could not be started")?;
    let end = runtime.block_on(command(cli, ui));
    runtime.shutdown_timeout(LAST_THREADS);
    end
}

async fn command(cli: &Cli, ui: &Ui) -> Outcome<u8> {
    let context = Context::read(cli.global.directory.as_deref())?;
    // What needs no shipit.toml.
    match &cli.command {
        Command::Init(args) => return init::run(&cli.global, &context, args, ui).await.map(done),
        Command::Completions(args) => return shell::completions(ui, args).map(done),
        Command::Man(args) => return shell::man(ui, &context, args).map(done),
        _ => {}
    }
    let Global { config, environment, host_key, .. } = cli.global.clone();
    let choice = Choice { file: config, environment, host_key };
    let settings = config::load(&context, &choice)?;
    let cx = Cx { context, settings, ui };
    // What has an exit code of its own.
    match &cli.command {
        Command::Doctor => return doctor::run(&cx).await,
        Command::Logs(args) => return logs::run(&cx, args).await,
        Command::Exec(args) => return exec::run(&cx, args).await,
        _ => {}
    }
    match &cli.command {
        Command::Setup(args) => setup::run(&cx, args).await,
        Command::Build(args) => build::run(&cx, args).await,
        Command::Deploy(args) => told(ui, |events| deploy::run(&cx, args, events)).await,
        Command::Rollback(args) => told(ui, |events| rollback::run(&cx, args, events)).await,
        Command::Hold(args) => hold::hold(&cx, args).await,
        Command::Unhold => hold::unhold(&cx).await,
        Command::Releases => releases::run(&cx).await,
        Command::Status => status::run(&cx).await,
        Command::Restart(args) => told(ui, |events| restart::run(&cx, args, events)).await,
        Command::Prune(args) => prune::run(&cx, args).await,
        Command::Init(_)
        | Command::Doctor
        | Command::Logs(_)
        | Command::Exec(_)
        | Command::Completions(_)
        | Command::Man(_) => Ok(()),
    }
    .map(done)
}

fn done((): ()) -> u8 {
    0
}

/// A flow, shown while it goes on, and its good end.
async fn told<F>(ui: &Ui, flow: impl FnOnce(Events) -> F) -> Outcome<()>
where
    F: Future<Output = Outcome<Done>>,
{
    let (events, receiver) = Events::channel();
    let done = ui.follow(receiver, flow(events)).await?;
    ui.done(&done);
    Ok(())
}

/// What deploy and rollback share: how to connect, who does it, who listens, and the wish to stop.
fn flow<'a>(cx: &'a Cx<'_>, events: Events, lock_wait: Option<Duration>) -> Outcome<(Run<'a>, Interrupts)> {
    let run = Run {
        settings: &cx.settings,
        options: connect::options(&cx.settings, &cx.context, cx.ui.is_interactive()),
        actor: Actor { who: cx.context.who.clone(), from: cx.context.from.clone() },
        events,
        zone: cx.ui.zone().clone(),
        lock_wait,
    };
    Ok((run, listen()?))
}

/// Begins to listen to Ctrl-C and its relatives.
fn listen() -> Outcome<Interrupts> {
    Interrupts::listen().failed(Kind::Bug, "signals can't be listened to")
}

/// Looks at the server, for the commands that change nothing.
async fn look(cx: &Cx<'_>) -> Outcome<ServerState> {
    let mut interrupts = listen()?;
    let work = async {
        let settings = &cx.settings;
        let connection =
            connect::connect(&connect::options(settings, &cx.context, cx.ui.is_interactive())).await?;
        let state = state::look(&connection, &settings.root, &settings.unit, Look::default()).await;
        connection.close().await;
        state.map_err(connect::ssh_failure)
    };
    interrupts.or_stop(work, |wish| Failure::msg(wish.kind(), wish.reason())).await
}

/// A panic becomes the failure that it is: a bug.
fn guarded<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    static SAID: Mutex<Option<String>> = Mutex::new(None);
    panic::set_hook(Box::new(|info| {
        if let Ok(mut said) = SAID.lock() {
            // The place, the message, and with RUST_BACKTRACE=1 the way there.
            let trace = std::backtrace::Backtrace::capture();
            let trace = match trace.status() {
                std::backtrace::BacktraceStatus::Captured => format!("\n{trace}"),
                _ => String::new(),
            };
            *said = Some(format!("{info}{trace}"));
        }
    }));
    let end = panic::catch_unwind(AssertUnwindSafe(work));
    let _ = panic::take_hook();
    end.unwrap_or_else(|_| {
        let said = SAID.lock().ok().and_then(|mut said| said.take());
        Err(Failure::msg(Kind::Bug, said.as_deref().unwrap_or("shipit panicked")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_bug_with_a_place() {
        let failure = guarded::<()>(|| panic!("no such luck")).unwrap_err();
        assert_eq!(failure.kind, Kind::Bug);
        let text = failure.error.to_string();
        assert!(text.contains("src/commands/mod.rs") && text.contains("no such luck"), "{text}");
    }
}
