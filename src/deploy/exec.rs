//! A command beside the app: as the unit's user, in its environment, in the live release.
//!
//! The command has shipit's own streams, by an ssh of its own over the one connection. Nothing in them tells that the client is
//! gone, and sudo lets no other descriptor through; so beside it runs a keeper, which lives as long as its client says so,
//! and the command ends after its keeper.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::restart::live_release;
use super::run::Run;
use super::server::connect::{connect, ssh_failure};
use super::server::ready;
use super::server::state::Look;
use super::words;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::server::ServerState;
use crate::remote::{self, Script};
use crate::tools::process::{End, Running};
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::{Connection, Conversation};

/// How often the keeper is told that its client lives.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long it goes on without that.
const SILENCE: Duration = Duration::from_secs(45);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How long a command may take to end that was asked to: twice 5 s on the server, and the way.
const GRACE: Duration = Duration::from_secs(20);

/// What the command line asks for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The program and its words.
    pub command: &'a [String],
    /// It gets a terminal.
    pub terminal: bool,
    /// It gets what shipit is given to read.
    pub reads: bool,
}

/// Runs it, and gives its exit code.
///
/// # Errors
/// When it could not be run, or it is not known how it ended.
pub async fn exec(run: &Run<'_>, request: Request<'_>, interrupts: &mut Interrupts) -> Outcome<u8> {
    let mut wishes = interrupts.clone();
    let prepared = async {
        let connection = connect(&run.options).await?;
        let words = prepare(run, &connection).await;
        Ok((connection, words))
    };
    let stopped = |wish: Wish| Failure::msg(wish.kind(), format!("{}; nothing was run", wish.reason()));
    let (connection, prepared) = wishes.or_stop(prepared, stopped).await?;
    let ended = match prepared {
        Ok(prepared) => over(run, request, &prepared, &connection, interrupts).await,
        Err(failure) => Err(failure),
    };
    connection.close().await;
    ended
}

/// The server, seen to be fit for it.
async fn prepare(run: &Run<'_>, connection: &Connection) -> Outcome<ServerState> {
    let settings = run.settings;
    let state = run.look(connection, Look { hooks: true, daemon: false }).await?;
    live_release(run, &state)?;
    if state.unit.load != "loaded" {
        ready::unit(settings, &state, &run.events)?;
    }
    ready::as_unit(settings, &state, "a command")?;
    Ok(state)
}

async fn over(
    run: &Run<'_>,
    request: Request<'_>,
    state: &ServerState,
    connection: &Connection,
    interrupts: &mut Interrupts,
) -> Outcome<u8> {
    let Request { command, terminal, reads } = request;
    let (release, _) = live_release(run, state)?;
    let silence = [SILENCE.as_secs().to_string()];
    let mut keeper = connection.talk(Script::ExecKeep, &silence).await.map_err(ssh_failure)?;
    let Some(process) = process_of(&mut keeper).await else { return Err(lost(run, "nothing was run")) };
    let words = words::exec(run.settings, state, release, terminal, process, command);
    let running = connection.attach(Script::Exec, &words, terminal, reads).map_err(ssh_failure)?;
    attend(run, keeper, running, interrupts).await
}

/// The keeper's number.
async fn process_of(keeper: &mut Conversation<'_>) -> Option<u32> {
    let line = timeout(ANSWER, keeper.next()).await.ok()??;
    match remote::parse(&line)? {
        ("keeper", process) => process.parse().ok(),
        _ => None,
    }
}

/// Stays with it to its end.
async fn attend(
    run: &Run<'_>,
    keeper: Conversation<'_>,
    mut running: Running,
    interrupts: &mut Interrupts,
) -> Outcome<u8> {
    let mut beats = interval(HEARTBEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut keeper = Some(keeper);
    let mut wish: Option<Wish> = None;
    let code = loop {
        let seen = wish.map_or(0, |wish| wish.times);
        tokio::select! {
            code = code_of(&mut running) => break code,
            _ = beats.tick(), if keeper.is_some() => {
                if let Some(keeper) = &mut keeper {
                    let _ = keeper.say("beat").await;
                }
            }
            heard = hear(&mut keeper), if keeper.is_some() => {
                // Its end is that of the connection, or somebody killed it: the command ends, too.
                if heard.is_none() {
                    keeper = None;
                }
            }
            () = tokio::time::sleep(GRACE), if keeper.is_none() => {
                running.stop().await;
                return Err(match wish {
                    Some(wish) => given_up(wish),
                    None => lost(run, GONE),
                });
            }
            came = interrupts.more_than(seen) => {
                if seen > 0 {
                    running.stop().await;
                    return Err(given_up(came));
                }
                wish = Some(came);
                // Without its keeper the command gets an INT.
                keeper = None;
            }
        }
    };
    // ssh's own code for what went wrong with it, and a command's like any other.
    let stands = match (code, &mut keeper) {
        (None, _) => false,
        (Some(255), Some(keeper)) => answers(keeper).await,
        (Some(255), None) => wish.is_some(),
        (Some(_), _) => true,
    };
    code.filter(|_| stands).ok_or_else(|| lost(run, GONE))
}

const GONE: &str = "the command was ended, or will be within a minute";

async fn hear(keeper: &mut Option<Conversation<'_>>) -> Option<String> {
    match keeper {
        Some(keeper) => keeper.next().await,
        None => None,
    }
}

/// Whether the connection stands.
async fn answers(keeper: &mut Conversation<'_>) -> bool {
    if keeper.say("beat").await.is_err() {
        return false;
    }
    matches!(timeout(ANSWER, keeper.next()).await, Ok(Some(_)))
}

async fn code_of(running: &mut Running) -> Option<u8> {
    match running.wait().await {
        Ok(()) => Some(0),
        Err(error) => match error.end {
            End::Code(code) => u8::try_from(code).ok(),
            _ => None,
        },
    }
}

fn given_up(wish: Wish) -> Failure {
    Failure::msg(wish.kind(), format!("{} without waiting for the command's end", wish.reason())).live(GONE)
}

fn lost(run: &Run<'_>, live: &str) -> Failure {
    Failure::msg(Kind::ContactLost, format!("the connection to {} was lost", run.settings.host))
        .live(live)
        .hint(format!("what runs there: {}", run.command("status")))
}
