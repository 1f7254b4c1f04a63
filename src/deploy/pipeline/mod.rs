//! A whole deploy: the commit, the build beside the connection, the copy, the switch.

use std::cell::OnceCell;
use std::path::Path;
use std::time::Instant;

use crate::deploy::build::assets::assets;
use crate::deploy::build::build;
use crate::deploy::build::source::{self, Wanted};
use crate::deploy::live::outcome;
use crate::deploy::live::turns::Turns;
use crate::deploy::live::{self, Try};
use crate::deploy::run::{self, Run};
use crate::deploy::send::copy;
use crate::deploy::send::lacking::lacking;
use crate::deploy::send::signing_key::SigningKey;
use crate::deploy::send::trust::{self, Trust};
use crate::deploy::server::connect::connect;
use crate::deploy::server::ready;
use crate::deploy::target::Target;
use crate::model::done::{Did, Done};
use crate::model::event::Event;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{ReleaseId, StorePath, System};
use crate::model::server::ServerState;
use crate::model::settings::SystemChoice;
use crate::tools::nix::{Destination, Nix};
use crate::tools::signals::{Interrupts, Wish};
use crate::tools::source::Source;
use crate::tools::ssh::Connection;
use meanwhile::Meanwhile;
use news::Subject;

mod meanwhile;
mod news;
mod plan;
mod release_id;

/// What the command line asks for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which commit.
    pub wanted: Wanted<'a>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What is ready to be made live.
struct Prepared {
    source: Source,
    store_path: StorePath,
    assets: Option<StorePath>,
    state: ServerState,
    /// What was sent, or would be.
    sending: copy::Plan,
}

/// What the steps before the switch share.
struct Before<'a> {
    run: &'a Run<'a>,
    nix: Nix,
    /// The private folder of this run, for links and temporary trees.
    scratch: &'a Path,
    dry_run: bool,
    /// What closures are signed with.
    key: Option<SigningKey>,
    /// Filled as soon as there is a connection, and closed by `deploy` however the rest ends.
    connection: &'a OnceCell<Connection>,
}

/// Deploys.
///
/// # Errors
/// As `docs/exit-codes.md` says; each failure names what is live now where that could be in doubt.
pub async fn deploy(run: &Run<'_>, request: Request<'_>, interrupts: &mut Interrupts) -> Outcome<Done> {
    let began = Instant::now();
    let scratch = run::scratch(&run.options)?;
    let key =
        run.settings.signing_key.as_deref().map(|file| SigningKey::read(file, &run.events)).transpose()?;
    let connection = OnceCell::new();
    let before = Before {
        run,
        nix: Nix::new(),
        scratch: scratch.path(),
        dry_run: request.dry_run,
        key,
        connection: &connection,
    };
    let mut wishes = interrupts.clone();
    // Until the switch nothing is to be undone, so a signal simply ends the work; the children end with it.
    let prepared = tokio::select! {
        prepared = before.prepare(request.wanted) => prepared,
        wish = wishes.more_than(0) => Err(given_up(wish)),
    };
    let done = match (prepared, connection.get()) {
        (Ok(prepared), Some(connection)) => {
            finish(run, (&before.nix, connection), prepared, request.dry_run, began, interrupts).await
        }
        (Ok(_), None) => Err(Failure::msg(Kind::Bug, "there is no connection")),
        (Err(failure), _) => Err(failure),
    };
    if let Some(connection) = connection.into_inner() {
        connection.close().await;
    }
    done
}

/// Whoever does it wishes to stop, before the switch.
fn given_up(wish: Wish) -> Failure {
    Failure::msg(wish.kind(), format!("{}; nothing was changed", wish.reason()))
}

/// From "all is there" to live: tries, and looks again where somebody else was quicker.
async fn finish(
    run: &Run<'_>,
    (nix, connection): (&Nix, &Connection),
    prepared: Prepared,
    dry_run: bool,
    began: Instant,
    interrupts: &mut Interrupts,
) -> Outcome<Done> {
    let Prepared { source, store_path, assets, mut state, sending } = prepared;
    let subject = Subject::new(&source, &store_path, &state);
    let mut news = Meanwhile::new(subject.compare(nix, connection));
    let mut turns = Turns::new(run.lock_wait);
    while let Some(lock) = turns.take() {
        let release = choose_id(&source, &store_path, assets.as_ref(), &state);
        let done = |did| Done {
            held: state.holds.clone(),
            took: began.elapsed(),
            ..Done::untouched(did, &run.settings.host, &release, &store_path)
        };
        if is_live(&state, &release, &store_path) {
            if let (Some(token), false) = (&state.unwritten, dry_run) {
                outcome::write_down(connection, run.settings, &state, token).await;
            }
            run.events.tell(Event::AlreadyLive { release: release.clone() });
            return Ok(done(Did::AlreadyLive));
        }
        let target = Target {
            release: release.clone(),
            store_path: store_path.clone(),
            assets: assets.clone(),
            subject: source.subject.clone(),
            place: true,
            hook: true,
            command: "deploy",
            hold: None,
        };
        if dry_run {
            let news = tokio::select! {
                news = news.within(news::LONGEST) => news.unwrap_or_default(),
                wish = interrupts.more_than(0) => return Err(given_up(wish)),
            };
            plan::tell(run, &state, &target, &sending, news);
            return Ok(done(Did::Planned));
        }
        match news.during(live::attempt(run, connection, &state, &target, lock, interrupts)).await? {
            Try::Live(live) => {
                let done = done(Did::Live);
                let news = news.within(news::GRACE).await.unwrap_or_default();
                for event in news.events(state.current.release(), false) {
                    run.events.tell(event);
                }
                return Ok(live.done(done));
            }
            Try::Moved => state = run.look(connection, has_hooks(run)).await?,
        }
    }
    Err(run.outpaced(&state))
}

impl Before<'_> {
    /// All before the switch: commit, build and connection side by side, the copy.
    async fn prepare(&self, wanted: Wanted<'_>) -> Outcome<Prepared> {
        let settings = self.run.settings;
        let source = source::find(&settings.folder, wanted, &self.run.events).await?;
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
        let built = build(&self.nix, source, &settings.package, system, self.scratch, events).await?;
        Ok((built.store_path, assets))
    }

    /// Connects, looks, judges.
    async fn reach(&self) -> Outcome<(&Connection, ServerState)> {
        let (run, began) = (self.run, Instant::now());
        run.events.tell(Event::Connecting { host: run.settings.host.clone() });
        let connection = connect(&run.options).await?;
        let connection = self.connection.get_or_init(|| connection);
        let state = run.look(connection, has_hooks(run)).await?;
        if !state.holds.is_empty() && !self.dry_run {
            return Err(run.held(&state.holds, &state));
        }
        ready::check(run.settings, &state, has_hooks(run), &run.events)?;
        run.events.tell(Event::Connected { host: run.settings.host.clone(), took: began.elapsed() });
        run.leftover(&state);
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
        let plan = copy::plan(nix, &tops, &closure, &missing, events).await?;
        ready::space(settings, state, plan.bytes)?;
        let trust = Trust::of(state);
        let key = self.key.as_ref();
        trust::check_trust(&plan.missing, &trust, key)?;
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
        copied.map(|_| plan).map_err(|failure| trust::explain_refusal(failure, &trust, key))
    }
}

fn has_hooks(run: &Run<'_>) -> bool {
    !run.settings.hooks.before_switch.is_empty()
}

fn not_here(failure: Failure, system: &System) -> Failure {
    failure
        .hint(format!("the server is {system}: name a builder for it (`builders` in nix.conf), or deploy from CI on a {system} runner"))
}

/// The release's name: the commit's, unless the server knows that name with another closure or other assets.
fn choose_id(
    source: &Source,
    store_path: &StorePath,
    assets: Option<&StorePath>,
    state: &ServerState,
) -> ReleaseId {
    let usual = release_id::release_id(source, store_path, assets);
    let with = assets.map_or("", StorePath::as_str);
    let mut known = state.history.entries.iter().filter(|entry| entry.release.as_ref() == Some(&usual));
    let other = known.any(|entry| {
        entry.store_path.as_ref().is_some_and(|path| path != store_path)
            || entry.assets.as_ref().is_some_and(|assets| assets != with)
    });
    match &source.commit {
        Some(commit) if other => release_id::other_output_id(commit, store_path, assets),
        _ => usual,
    }
}

fn is_live(state: &ServerState, release: &ReleaseId, store_path: &StorePath) -> bool {
    state.current.release() == Some(release)
        && state.current_store_path.as_ref() == Some(store_path)
        && state.unit.active == "active"
        && state.pending.is_none()
}
