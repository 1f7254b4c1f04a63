//! `--from`: what another machine has built and signed is taken from a cache. Nothing is built here.

use std::path::Path;
use std::time::Instant;

use super::nix_says::{failed, telling};
use super::{Built, begin, explain};
use crate::model::event::Events;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::{PackageName, StorePath, System};
use crate::model::store_url::StoreUrl;
use crate::tools::cmd::quoted;
use crate::tools::nix::log::{NixFailure, NixLog, Purpose};
use crate::tools::nix::{Nix, NixError};
use crate::tools::source::Source;

/// What Nix says to who may not add signatures to this machine's store.
const NOT_PRIVILEGED: &str = "not privileged to add signatures";

/// Where it is taken from.
#[derive(Debug, Clone)]
pub struct Cache {
    /// The cache.
    pub url: StoreUrl,
    /// `[sign] public_key`: whose signature this machine believes, besides those of its nix.conf.
    pub key: Option<String>,
}

/// Finds out by evaluation what a build of `packages.<system>.<package>` would give, and takes that.
///
/// # Errors
/// [`Kind::Build`] when the flake can't be evaluated, or the cache has not what it gives.
pub async fn take(
    nix: &Nix,
    cache: &Cache,
    source: &Source,
    (package, system): (&PackageName, &System),
    scratch: &Path,
    events: &Events,
) -> Outcome<Built> {
    let installable = begin(source, (package, system), scratch, Some(&cache.url), events)?;
    let began = Instant::now();
    let mut log = NixLog::new(Purpose::Build);
    let found = nix.output_path(&installable, telling(&mut log, events)).await;
    let store_path = found.map_err(|error| explain(error, &log.failure(), source, package, system))?;
    let mut log = NixLog::new(Purpose::Build);
    let telling = telling(&mut log, events);
    let taken = nix.take(&store_path, &cache.url, cache.key.as_deref(), telling).await;
    taken.map_err(|error| not_there(error, &log.failure(), &store_path, source, cache))?;
    if log.fetched() == 0 {
        bring_signatures(nix, &store_path, cache, events).await;
    }
    let built = Built { store_path, took: began.elapsed(), built: 0, fetched: log.fetched() };
    events.tell(built.event());
    Ok(built)
}

/// What was built here before has no signature, and the one that the cache has is what the server asks for. Where it has
/// none either, or Nix does not let the user add it, the server's refusal says so. A cache that does not answer is told of:
/// all is here, but somebody named it and believes that it was asked.
async fn bring_signatures(nix: &Nix, store_path: &StorePath, cache: &Cache, events: &Events) {
    let Ok(closure) = nix.closure(std::slice::from_ref(store_path)).await else { return };
    let url = &cache.url;
    match nix.take_signatures(&closure, url).await {
        Ok(()) => {}
        Err(NixError::Command(error)) if !error.stderr.contains(NOT_PRIVILEGED) => {
            let why = error.last_lines(1).pop().unwrap_or_else(|| error.end.to_string());
            let why = why.trim_start_matches("error: ");
            events.warn(format!(
                "{url} can't be read ({why}): all was here already, and no signature came from there"
            ));
        }
        Err(error) => tracing::debug!("no signatures from {url}: {error}"),
    }
}

fn not_there(
    error: NixError,
    nix: &NixFailure,
    store_path: &StorePath,
    source: &Source,
    cache: &Cache,
) -> Failure {
    let (url, built) = (&cache.url, source.describe());
    if let Some(why) = unread(&nix.text, url) {
        // Nix goes on without a cache that does not answer, and ends with what it can't do then.
        let nix = NixFailure { headline: why.to_owned(), ..nix.clone() };
        let what = format!("{url} can't be read, and {store_path}, which {built} builds to, is not all here");
        return failed(Kind::Build, error, &nix, what, |failure, _| failure.hint(may(url, "read")));
    }
    failed(
        Kind::Build,
        error,
        nix,
        format!("{url} did not give {store_path}, which {built} builds to"),
        |failure, text| advise(failure, text, source, cache),
    )
}

/// The line that says why this cache did not answer. Others are asked, too.
fn unread<'a>(text: &'a [String], url: &StoreUrl) -> Option<&'a str> {
    let url = url.to_string();
    let address = url.split('?').next().unwrap_or_default().trim_end_matches('/');
    let says = |line: &&str| match address.starts_with("s3://") {
        true => line.contains("AWS error") || line.contains("unable to download"),
        false => line.contains("unable to download") && line.contains(address),
    };
    let line = text.iter().map(String::as_str).find(says)?;
    let line = line.split("; retrying in").next().unwrap_or(line);
    Some(line.trim().trim_start_matches("warning: ").trim_start_matches("error: "))
}

/// What to look at where a cache does not answer. `what`: read, or write.
pub fn may(url: &StoreUrl, what: &str) -> String {
    let shown = url.to_string();
    format!(
        "is the address right, and may this machine {what} there? Ask it: \
         nix --extra-experimental-features nix-command store ping --store {}",
        quoted(shown.as_ref())
    )
}

/// What to do about it.
fn advise(failure: Failure, text: &str, source: &Source, cache: &Cache) -> Failure {
    let has = |words: &str| text.contains(words);
    if has("ignoring untrusted substituter") || has("ignoring the client-specified setting") {
        return failure.hint(
            "Nix's daemon on this machine lets only trusted users name a cache: `trusted-users` in /etc/nix/nix.conf, \
             then `sudo systemctl restart nix-daemon`",
        );
    }
    if has("lacks a signature")
        || has("lacks a valid signature")
        || has("not signed by")
        || has("no signature")
    {
        return failure.hint(match cache.key {
            Some(_) => "the job that builds has to sign: `[sign] key_file` is the key of `public_key`".to_owned(),
            None => "say in shipit.toml whose signature this machine believes:\n[sign]\npublic_key = \"NAME:BASE64\""
                .to_owned(),
        });
    }
    let rev = source.commit.as_ref().map(|commit| format!(" {}", commit.short())).unwrap_or_default();
    failure
        .hint(format!("where it is to be built: `shipit build{rev} --to {}`", cache.url))
        .hint("it has to be the same commit, package and system there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_does_not_answer_is_told_from_one_that_has_not_the_path() {
        let why = |url: &str, lines: &[&str]| {
            let text: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            unread(&text, &StoreUrl::parse(url, Path::new("/src/app")).unwrap()).map(str::to_owned)
        };
        let last = "error: path '/nix/store/x' is required, but there is no substituter that can build it";
        let lost = "warning: error: unable to download 'https://127.0.0.1:9/c/nix-cache-info': Could not connect \
                    to server (7); retrying in 263 ms";
        let said =
            "unable to download 'https://127.0.0.1:9/c/nix-cache-info': Could not connect to server (7)";
        assert_eq!(why("https://127.0.0.1:9/c", &[lost, last]).as_deref(), Some(said));
        assert_eq!(why("https://127.0.0.1:9/c", &[last]), None);
        assert_eq!(why("https://cache.example", &[lost, last]), None, "another cache did not answer");
        let denied = "error: AWS error fetching 'nix-cache-info': Access Denied";
        assert!(why("s3://bucket?region=eu", &[denied, last]).unwrap().starts_with("AWS error"));
    }
}
