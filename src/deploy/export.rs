//! `build`: a commit's closure, built and signed here for whoever deploys it. No server is asked.

use std::path::Path;
use std::time::Instant;

use super::build::assets::assets;
use super::build::nix_says::{explain_nix, failed, telling};
use super::build::source::{self, Wanted};
use super::build::taken::may;
use super::build::{Built, build};
use super::send::signing_key::SigningKey;
use super::send::trust;
use crate::model::event::{Event, Events};
use crate::model::failure::{Kind, Outcome};
use crate::model::names::{Commit, StorePath};
use crate::model::settings::Settings;
use crate::model::store_url::StoreUrl;
use crate::tools::nix::Nix;
use crate::tools::nix::json::PathInfo;
use crate::tools::nix::log::{NixLog, Purpose};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which commit.
    pub wanted: Wanted<'a>,
    /// Where the closure is to be copied to.
    pub to: Option<&'a StoreUrl>,
    /// On a runner of GitHub's: the environment that is deployed to from there.
    pub environment_on_github: Option<&'a str>,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The commit; none for a folder without git.
    pub commit: Option<Commit>,
    /// The closure's top path.
    pub store_path: StorePath,
    /// The public half of the key that it is signed by.
    pub signed_by: Option<String>,
    /// How many paths the closure has.
    pub paths: u64,
}

/// Builds, and signs and copies where that is wished.
///
/// # Errors
/// [`Kind::Usage`] for a commit or key that can't be used, [`Kind::Build`], and [`Kind::Copy`] for what the cache does
/// not take.
pub async fn export(
    settings: &Settings,
    scratch: &Path,
    request: Request<'_>,
    events: &Events,
) -> Outcome<Exported> {
    let nix = Nix::new();
    let key = match request.to {
        Some(_) => SigningKey::of(settings, request.environment_on_github, events)?,
        None => None,
    };
    let source = source::find(&settings.folder, request.wanted, events).await?;
    if let Some(key) = &key {
        source::tracked_key(&source, &key.file, events).await;
    }
    // A deploy would refuse a misspelt asset, and somebody else would meet that.
    assets(&nix, &source, &settings.app, &settings.assets, scratch).await?;
    let system = settings.system.system();
    let Built { store_path, .. } = build(&nix, &source, &settings.package, system, scratch, events).await?;
    let tops = [store_path.clone()];
    let closure = nix.closure_infos(&tops).await.map_err(|error| explain_nix(Kind::Build, error))?;
    if let Some(to) = request.to {
        match &key {
            Some(key) => trust::sign(&nix, &closure, key).await?,
            None => events.warn(
                "nothing signs this: a server that does not trust the login asks for a signature, by the key of `[sign] \
                 key_file` in shipit.toml",
            ),
        }
        put(&nix, &tops, &closure, to, events).await?;
    }
    Ok(Exported {
        commit: source.commit.clone(),
        store_path,
        signed_by: key.map(|key| key.public),
        paths: closure.len() as u64,
    })
}

async fn put(
    nix: &Nix,
    tops: &[StorePath],
    closure: &[PathInfo],
    to: &StoreUrl,
    events: &Events,
) -> Outcome<()> {
    let (began, paths) = (Instant::now(), closure.len() as u64);
    let bytes = closure.iter().map(|info| info.size).sum();
    events.tell(Event::Storing { paths, bytes, to: to.clone() });
    let mut log = NixLog::new(Purpose::Copy { paths }).of_paths(closure);
    let put = nix.put(tops, to, telling(&mut log, events)).await;
    put.map_err(|error| {
        let what = format!("the copy to {to} failed");
        failed(Kind::Copy, error, &log.failure(), what, |failure, _| match to.folder() {
            Some(_) => failure,
            None => failure.hint(may(to, "write")),
        })
    })?;
    events.tell(Event::Stored { paths: log.copied(), to: to.clone(), took: began.elapsed() });
    Ok(())
}
