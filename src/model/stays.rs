//! Why a release stays on the server. Pure: the journal decides, and nothing else.

use std::collections::BTreeMap;

use super::journal::History;
use super::names::ReleaseId;
use super::retention;

/// Why a release stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// The journal does not know it.
    Foreign,
    /// It is one of the newest healthy ones.
    Newest,
    /// It failed, and none did later.
    Failed,
    /// It was there before shipit, and the app may have written into it.
    Adopted,
    /// An unnamed rollback goes to it.
    Next,
    /// It was live before what is live.
    Before,
    /// It is live.
    Live,
    /// What is live is no release, so it is not known what may go.
    Unsure,
}

impl Stay {
    /// In a few words; none where it is one among `keep`.
    pub const fn why(self) -> Option<&'static str> {
        match self {
            Stay::Newest => None,
            Stay::Foreign => Some("not in the journal"),
            Stay::Failed => Some("the newest that failed"),
            Stay::Adopted => Some("there before shipit"),
            Stay::Next => Some("what a rollback goes to"),
            Stay::Before => Some("the one before"),
            Stay::Live => Some("live"),
            Stay::Unsure => Some("what is live is no release, so none goes"),
        }
    }
}

/// The releases that stay once `new` is live in place of `previous`, of those that are there and with it: the `keep` newest
/// healthy ones, `new`, `previous`, the newest failed one, what the journal does not know, and whatever was adopted.
pub fn stays<'a>(
    history: &'a History,
    there: &'a [ReleaseId],
    new: &'a ReleaseId,
    previous: Option<&'a ReleaseId>,
    keep: u32,
) -> BTreeMap<&'a ReleaseId, Stay> {
    let adopted = history.adopted();
    let mut healthy = history.healthy();
    healthy.retain(|release| release != new && there.contains(release) && !adopted.contains(release));
    healthy.insert(0, new.clone());
    let told = || history.entries.iter().rev().filter(|entry| !entry.is_restart());
    let mentioned = || told().filter_map(|entry| entry.release.as_ref());
    // A failed one stays for a look; it does not take a healthy one's place.
    let failed = |release: &&ReleaseId| {
        !healthy.contains(release) && !adopted.contains(*release) && there.contains(release)
    };
    let failed = mentioned().find(failed);
    let why = |release: &ReleaseId| match () {
        () if release == new => Some(Stay::Live),
        () if Some(release) == previous => Some(Stay::Before),
        () if adopted.contains(release) => Some(Stay::Adopted),
        () if healthy.iter().take(keep as usize).any(|other| other == release) => Some(Stay::Newest),
        () if Some(release) == failed => Some(Stay::Failed),
        () if mentioned().all(|other| other != release) => Some(Stay::Foreign),
        () => None,
    };
    there.iter().filter_map(|release| Some((release, why(release)?))).collect()
}

/// The same when nothing new comes; then what an unnamed rollback would go to stays, too.
pub fn stays_now<'a>(
    history: &'a History,
    there: &'a [ReleaseId],
    current: &'a ReleaseId,
    keep: u32,
) -> BTreeMap<&'a ReleaseId, Stay> {
    let previous = history.live_before(current);
    let previous = there.iter().find(|release| previous.as_ref() == Some(release));
    let mut stays = stays(history, there, current, previous, keep);
    let picked = retention::before(history, there, Some(current)).ok();
    if let Some(picked) = there.iter().find(|release| picked.as_ref() == Some(release)) {
        let why = stays.entry(picked).or_insert(Stay::Next);
        if matches!(why, Stay::Newest | Stay::Failed) {
            *why = Stay::Next;
        }
    }
    stays
}
