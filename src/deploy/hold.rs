//! `hold` and `unhold`: one request, without the lock and without a look before it. A hold is for emergencies, so it
//! must not depend on what else the server can or can't do just then.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use super::run::Run;
use super::server::connect::ssh_failure;
use super::server::ready;
use super::server::state::Look;
use super::words;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::hold::Hold;
use crate::model::holder::Holder;
use crate::remote::{self, Script};
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::ssh::{Connection, SshError};

/// How long the server may take to write a small file.
const ANSWER: Duration = Duration::from_secs(45);
/// … and after the user wished to stop: it is done already, or very soon.
const GRACE: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// No deploys from now on.
    Hold,
    /// Deploys again.
    Unhold,
}

/// What the server says.
#[derive(Debug, Default)]
pub struct Answer {
    /// Something was changed; else it was so already.
    pub changed: bool,
    /// The holds before.
    pub before: Vec<Hold>,
    /// The holds now.
    pub now: Vec<Hold>,
    /// Who is at it just now.
    pub running: Option<Holder>,
    /// … and has switched already: that is not stopped by a hold.
    pub switched: bool,
    /// The journal has no line of it: there was no room.
    pub unwritten: bool,
}

/// Holds deploys, or lifts all holds.
///
/// # Errors
/// [`Kind::NotReady`] when the server can't be reached or nothing can be written there; [`Kind::ContactLost`] when it is
/// not known whether it was done.
pub async fn ask(
    run: &Run<'_>,
    verb: Verb,
    reason: Option<&str>,
    interrupts: &mut Interrupts,
) -> Outcome<Answer> {
    let connection = run.connect(interrupts).await?;
    let answer = ask_over(run, &connection, verb, reason, interrupts).await;
    connection.close().await;
    answer
}

/// The same over a connection that stands. An interrupt comes too late for what was asked, so its answer is told; the
/// second one does not wait for it.
pub async fn ask_over(
    run: &Run<'_>,
    connection: &Connection,
    verb: Verb,
    reason: Option<&str>,
    interrupts: &mut Interrupts,
) -> Outcome<Answer> {
    let word = if verb == Verb::Hold { "hold" } else { "unhold" };
    let words = words::hold(run.settings, word, &run.actor, reason);
    let mut said = pin!(connection.ask(Script::Hold, &words, b"", ANSWER));
    let lines = tokio::select! {
        lines = &mut said => lines,
        wish = interrupts.more_than(0) => tokio::select! {
            lines = &mut said => lines,
            () = sleep(GRACE) => return Err(unknown(run, wish)),
            wish = interrupts.more_than(wish.times) => return Err(unknown(run, wish)),
        },
    };
    let lines = lines.map_err(|error| match error {
        SshError::Lost { .. } => Failure::new(Kind::ContactLost, error)
            .live("what runs was not touched; whether deploys are held is not known")
            .hint(format!("it can be typed again: {}", run.command(word)))
            .hint(format!("or look: {}", run.command("status"))),
        other => ssh_failure(other),
    })?;
    match read(&lines) {
        Ok(answer) => Ok(answer),
        Err(text) => Err(refused(run, connection, &text).await),
    }
}

fn read(lines: &[String]) -> Result<Answer, String> {
    let mut answer = Answer::default();
    for (word, rest) in lines.iter().filter_map(|line| remote::parse(line)) {
        let holds = || Hold::read(&remote::unpacked(rest));
        match word {
            "refused" => return Err(rest.to_owned()),
            "changed" => answer.changed = true,
            "unwritten" => answer.unwritten = true,
            "before" => answer.before = holds(),
            "now" => answer.now = holds(),
            "running" => answer.running = Some(Holder::read(rest)),
            "switched" => answer.switched = true,
            _ => {}
        }
    }
    Ok(answer)
}

/// Nothing could be written. What has to be mended there is known to a look.
async fn refused(run: &Run<'_>, connection: &Connection, text: &str) -> Failure {
    let settings = run.settings;
    let plain = Failure::msg(Kind::NotReady, format!("{}: {text}", settings.host))
        .hint(format!("look at it: {}", settings.ssh(&format!("ls -la {0} {0}/.shipit", settings.root))));
    let Ok(state) = run.look(connection, Look::default()).await else {
        return plain;
    };
    let failure = ready::folder(settings, &state).err().unwrap_or(plain);
    let holds = if state.holds.is_empty() { "deploys are not held" } else { "deploys are held as before" };
    failure.live(holds)
}

fn unknown(run: &Run<'_>, wish: Wish) -> Failure {
    Failure::msg(wish.kind(), format!("{} without waiting for the server's answer", wish.reason()))
        .live("what runs was not touched; whether deploys are held is not known")
        .hint(run.command("status"))
}
