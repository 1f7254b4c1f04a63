//! All before the switch: commit, build and connection side by side, the copy. Nothing of it is to be undone.

use std::cell::OnceCell;
use std::path::Path;
use std::time::Instant;

use crate::deploy::build::assets::assets;
use crate::deploy::build::build;
use crate::deploy::build::source::{self, Wanted};
use crate::deploy::build::taken::{Cache, take};
use crate::deploy::run::Run;
use crate::deploy::send::copy;
use crate::deploy::send::lacking::lacking;
use crate::deploy::send::signing_key::SigningKey;
use crate::deploy::send::trust::{self, Trust};
use crate::deploy::server::connect::connect;
use crate::deploy::server::ready;
use crate::deploy::server::state::Look;
use crate::model::event::Event;
use crate::model::failure::{Failure, Outcome};
use crate::model::names::{StorePath, System};
use crate::model::server::ServerState;
use crate::model::settings::SystemChoice;
use crate::tools::nix::{Destination, Nix};
use crate::tools::source::Source;
use crate::tools::ssh::Connection;

/// What is ready to be made live.
pub struct Prepared {
    /// What it is made of.
    pub source: Source,
    /// The closure's top path.
    pub store_path: StorePath,
    /// The assets' store path.
    pub assets: Option<StorePath>,
    /// The server as it was found.
    pub state: ServerState,
    /// What was sent, or would be.
    pub sending: copy::Plan,
}

/// What the steps before the switch share.
pub struct Before<'a> {
    /// The command.
    pub run: &'a Run<'a>,
    /// The local Nix.
    pub nix: Nix,
    /// The private folder of this run, for links and temporary trees.
    pub scratch: &'a Path,
    /// Nothing is to be changed.
    pub dry_run: bool,
    /// What closures are signed with.
    pub key: Option<SigningKey>,
    /// Nothing is built or signed: it comes from here.
    pub from: Option<Cache>,
    /// Filled as soon as there is a connection, and closed by `deploy` however the rest ends.
    pub connection: &'a OnceCell<Connection>,
}

impl Before<'_> {
    /// All before the switch: commit, build and connection side by side, the copy.
    pub async fn prepare(&self, wanted: Wanted<'_>) -> Outcome<Prepared> {
        let settings = self.run.settings;
        let source = source::find(&settings.folder, wanted, &self.run.events).await?;
        if let Some(key) = &self.key {
            source::tracked_key(&source, &key.file, &self.run.events).await;
        }
        let ((store_path, assets), (connection, state)) =
            tokio::try_join!(self.make(&source, settings.system.system()), self.reach())?;
        let store_path = match self.other_system(&state)? {
            Some(system) => {
                self.make(&source, &system).await.map_err(|failure| not_here(failure, &system))?.0
            }
            None => store_path,
        };
        let sending = self.send(&store_path, assets.as_ref(), connection, &state).await?;
        Ok(Prepared { source, store_path, assets, state, sending })
    }

    /// Builds, and puts the assets into the store.
    async fn make(&self, source: &Source, system: &System) -> Outcome<(StorePath, Option<StorePath>)> {
        let (settings, events) = (self.run.settings, &self.run.events);
        // First what is quick: a misspelt asset should not cost a build.
        let assets = assets(&self.nix, source, &settings.app, &settings.assets, self.scratch).await?;
        let (nix, scratch, package) = (&self.nix, self.scratch, &settings.package);
        let built = match &self.from {
            Some(cache) => take(nix, cache, source, (package, system), scratch, events).await?,
            None => build(nix, source, package, system, scratch, events).await?,
        };
        Ok((built.store_path, assets))
    }

    /// Connects, looks, judges.
    async fn reach(&self) -> Outcome<(&Connection, ServerState)> {
        let (run, began) = (self.run, Instant::now());
        run.events.tell(Event::Connecting { host: run.settings.host.clone() });
        let connection = connect(&run.options).await?;
        let connection = self.connection.get_or_init(|| connection);
        let state = run.look(connection, Look { hooks: has_hooks(run), daemon: true }).await?;
        if !state.holds.is_empty() && !self.dry_run {
            return Err(run.held(&state.holds, &state));
        }
        ready::check(run.settings, &state, has_hooks(run), &run.events)?;
        run.events.tell(Event::Connected { host: run.settings.host.clone(), took: began.elapsed() });
        run.leftover(&state);
        if !self.dry_run {
            run.taken(&state);
        }
        Ok((connection, state))
    }

    /// The system to build for after all, when the guess was wrong.
    fn other_system(&self, state: &ServerState) -> Outcome<Option<System>> {
        let Some(system) = &state.system else { return Ok(None) };
        ready::system(self.run.settings, state)?;
        match &self.run.settings.system {
            SystemChoice::Guessed(guess) if guess != system => Ok(Some(system.clone())),
            _ => Ok(None),
        }
    }

    /// Sends what the server lacks. What would fail half-way is refused first.
    async fn send(
        &self,
        store_path: &StorePath,
        assets: Option<&StorePath>,
        connection: &Connection,
        state: &ServerState,
    ) -> Outcome<copy::Plan> {
        let (settings, nix, events) = (self.run.settings, &self.nix, &self.run.events);
        let tops: Vec<StorePath> = std::iter::once(store_path).chain(assets).cloned().collect();
        let closure = copy::closure(nix, &tops).await?;
        let missing = lacking(connection, settings, state, &closure, self.dry_run, events).await?;
        let plan = copy::plan(tops, closure, &missing, events);
        ready::space(settings, state, plan.bytes)?;
        let trust = Trust::of(state);
        let key = self.key.as_ref();
        trust::check_trust(&plan.missing, &trust, key).map_err(|failure| match &self.from {
            Some(cache) => trust::of_cache(failure, &trust, cache),
            None => failure,
        })?;
        if self.dry_run {
            return Ok(plan);
        }
        if let Some(key) = key {
            trust::sign(nix, &plan.missing, key).await?;
        }
        let to = Destination {
            host: settings.host.clone(),
            socket: connection.socket().to_owned(),
            daemon: format!("{}/nix-daemon", state.nix_bin.as_deref().unwrap_or_default()),
        };
        let copied = copy::copy(nix, &plan, &to, events).await;
        copied.map(|_| plan).map_err(|failure| match (trust::is_refusal(&failure), &self.from) {
            (true, Some(cache)) => trust::of_cache(failure, &trust, cache),
            _ => trust::explain_refusal(failure, &trust, key),
        })
    }
}

/// Whether there are hooks: they need rights of their own.
pub fn has_hooks(run: &Run<'_>) -> bool {
    !run.settings.hooks.before_switch.is_empty()
}

fn not_here(failure: Failure, system: &System) -> Failure {
    failure
        .hint(format!("the server is {system}: name a builder for it (`builders` in nix.conf), or deploy from CI on a {system} runner"))
}
