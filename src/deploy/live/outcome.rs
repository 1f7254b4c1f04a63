//! How did it end? Asked over a new connection when the old one broke. Asking is recovering: the script takes the
//! lock, settles what a dead server half left, and only then answers.

use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::time::sleep;

use crate::deploy::limits;
use crate::deploy::words;
use crate::model::journal::{Entry, History, What};
use crate::model::server::ServerState;
use crate::model::settings::Settings;
use crate::remote::{self, Script};
use crate::tools::ssh::{Connection, Options};

/// Between two tries to reach the server.
const PAUSE: Duration = Duration::from_secs(2);
/// However long the unit's limits are, nobody sits before a terminal for longer.
const LONGEST: Duration = Duration::from_secs(600);
/// What whoever comes next does as well is waited for no longer.
const COURTESY: Duration = Duration::from_secs(10);

/// What the server says of a deploy.
#[derive(Debug)]
pub enum Told {
    /// Its last line in the journal.
    Ended(Box<Entry>),
    /// It changed nothing.
    NothingChanged,
    /// The server did not say in time: why the last try failed.
    NotInTime(anyhow::Error),
}

/// How long it is asked.
pub fn within(state: &ServerState) -> Duration {
    (limits::deadline(state) + Duration::from_secs(30)).min(LONGEST)
}

/// Asks until there is an answer or the time is over. Also returns the connection it came over.
pub async fn ask(
    options: &Options,
    settings: &Settings,
    state: &ServerState,
    token: &str,
) -> (Told, Option<Connection>) {
    let until = Instant::now() + within(state);
    let quietly = Options { interactive: false, ..options.clone() };
    loop {
        let why = match Connection::open(&quietly).await {
            Ok(connection) => match ask_over(&connection, settings, state, token, until).await {
                Ok(told) => return (told, Some(connection)),
                Err(why) => {
                    connection.close().await;
                    why
                }
            },
            Err(error) => error.into(),
        };
        if Instant::now() + PAUSE >= until {
            return (Told::NotInTime(why), None);
        }
        sleep(PAUSE).await;
    }
}

/// Has the server write down an outcome that it has decided and that its journal may lack.
pub async fn write_down(connection: &Connection, settings: &Settings, state: &ServerState, token: &str) {
    let until = Instant::now() + COURTESY;
    let _ = ask_over(connection, settings, state, token, until).await;
}

async fn ask_over(
    connection: &Connection,
    settings: &Settings,
    state: &ServerState,
    token: &str,
    until: Instant,
) -> anyhow::Result<Told> {
    let words = words::outcome(settings, state, token);
    let left = until.saturating_duration_since(Instant::now()).max(Duration::from_secs(5));
    let lines = connection.ask(Script::Outcome, &words, b"", left).await?;
    let said = |wanted: &str| {
        lines
            .iter()
            .filter_map(|line| remote::parse(line))
            .filter(move |(word, _)| *word == wanted)
            .map(|(_, rest)| rest)
            .collect::<Vec<_>>()
    };
    match said("outcome")[..] {
        ["nothing"] => return Ok(Told::NothingChanged),
        ["told"] => {}
        _ => bail!("the server can be reached, but another deploy has its lock, or it is going down"),
    }
    let history = History::read(said("journal"));
    let ended = |entry: &&Entry| !matches!(entry.event, What::Started | What::Live);
    Ok(match history.entries.iter().rfind(ended) {
        Some(entry) => Told::Ended(Box::new(entry.clone())),
        None => Told::NothingChanged,
    })
}
