//! What the server lacks of a closure: one exec of `missing.sh`. A path counts as there only when its content is known
//! to be on the disk: Nix does not sync what it writes, and calls a path valid that a power loss has torn.

use std::time::Duration;

use tokio::time::timeout;

use crate::deploy::server::connect::ssh_failure;
use crate::model::event::{Event, Events};
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::journal::What;
use crate::model::names::StorePath;
use crate::model::server::ServerState;
use crate::model::settings::Settings;
use crate::remote::Script;
use crate::tools::nix::json::PathInfo;
use crate::tools::ssh::Connection;

/// How long the server may be silent: it says that it still works every 5 s.
const SILENCE: Duration = Duration::from_secs(30);
/// How long it may work in all, whatever it says meanwhile.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

/// What the server said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    /// How many paths arrived there.
    asked: usize,
    missing: Vec<StorePath>,
    /// There, but not with the content that Nix wrote down.
    torn: Vec<StorePath>,
    /// Why the torn ones could not be removed.
    stuck: Option<String>,
    /// Why it could not answer.
    failed: Option<String>,
}

/// Which paths of this closure the server lacks. Torn ones are removed there, and are among them; on a dry run they are
/// left alone, and among them all the same.
pub async fn lacking(
    connection: &Connection,
    settings: &Settings,
    state: &ServerState,
    closure: &[PathInfo],
    dry_run: bool,
    events: &Events,
) -> Outcome<Vec<StorePath>> {
    let paths: String = closure.iter().map(|info| format!("{}\n", info.path)).collect();
    let mut words =
        vec![state.nix_bin.clone().unwrap_or_default(), if dry_run { "no" } else { "yes" }.to_owned()];
    words.extend(synced(state).into_iter().map(|path| path.to_string()));
    let mut answer = Answer::default();
    let asking =
        connection.ask_patiently(Script::Missing, &words, paths.as_bytes(), SILENCE, |word, rest| {
            answer.hear(word, rest, events);
        });
    match timeout(LONGEST, asking).await {
        Ok(asked) => asked.map_err(ssh_failure)?,
        Err(_) => answer.failed = Some(format!("no end within {} min", LONGEST.as_secs() / 60)),
    }
    answer.arrived(closure.len())?;
    answer.judge(settings, state, dry_run, events)
}

/// The tops of the closures that are on the disk: the server syncs the store before it makes a release's GC root. What
/// was there before shipit came was synced by nobody.
fn synced(state: &ServerState) -> Vec<&StorePath> {
    let entries = &state.history.entries;
    let found = |what: fn(What) -> bool, release| {
        entries.iter().any(|entry| what(entry.event) && entry.release.as_ref() == Some(release))
    };
    let ours = |release| {
        found(|what| what != What::Adopted, release) && !found(|what| what == What::Adopted, release)
    };
    let mut tops: Vec<&StorePath> = state
        .releases
        .iter()
        .filter(|(release, _)| ours(release))
        .filter_map(|(_, path)| path.as_ref())
        .collect();
    tops.sort_unstable();
    tops.dedup();
    tops
}

impl Answer {
    fn hear(&mut self, word: &str, rest: &str, events: &Events) {
        match word {
            "asked" => self.asked = rest.trim().parse().unwrap_or_default(),
            "checking" => events.tell(Event::Checking { paths: rest.trim().parse().unwrap_or_default() }),
            "missing" => self.missing.extend(rest.parse()),
            "torn" => self.torn.extend(rest.parse()),
            "stuck" => self.stuck = Some(rest.to_owned()),
            "failed" => self.failed = Some(rest.to_owned()),
            _ => {}
        }
    }

    /// Some of the paths may have been read by a startup file of the login, and what was not asked about is not missing.
    fn arrived(&self, sent: usize) -> Outcome<()> {
        if self.asked == sent || self.failed.is_some() {
            return Ok(());
        }
        Err(Failure::msg(
            Kind::NotReady,
            format!("the server was asked about {sent} paths, and not all of them arrived"),
        )
        .hint("a startup file of the login shell there reads what is sent to its commands: ~/.bashrc or the like"))
    }

    fn judge(
        self,
        settings: &Settings,
        state: &ServerState,
        dry_run: bool,
        events: &Events,
    ) -> Outcome<Vec<StorePath>> {
        let host = &settings.host;
        if let Some(text) = self.failed {
            return Err(Failure::msg(
                Kind::NotReady,
                format!("the Nix of {host} could not say what it has: {text}"),
            )
            .hint(format!("see how its daemon is: {}", settings.ssh("systemctl status nix-daemon"))));
        }
        let torn = match self.torn.len() {
            1 => "1 path in the server's store is".to_owned(),
            count => format!("{count} paths in the server's store are"),
        };
        let torn = format!("{torn} not what Nix wrote down, as a power loss leaves them");
        if let Some(why) = self.stuck {
            let nix = state.nix_bin.as_deref().unwrap_or_default();
            let torn_paths: Vec<String> = self.torn.iter().map(ToString::to_string).collect();
            let paths = torn_paths.join(" ");
            return Err(Failure::msg(
                Kind::NotReady,
                format!("{torn}, and something on {host} still uses them: {why}"),
            )
            .detail("the torn paths", torn_paths)
            .hint(format!(
                "on the server, as root, where a binary cache has them: {nix}/nix-store --repair-path {paths}"
            ))
            .hint(format!(
                "else remove them with all that needs them, and then deploy again whatever that was: {nix}/nix-store \
                 --delete --ignore-liveness $({nix}/nix-store --query --referrers-closure {paths})"
            )));
        }
        if !self.torn.is_empty() {
            let now = if dry_run { "a deploy sends them again" } else { "they are sent again" };
            events.warn(format!("{torn}; {now}"));
        }
        Ok(self.missing)
    }
}
