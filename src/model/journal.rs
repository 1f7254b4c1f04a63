//! The server's journal, `.shipit/journal.jsonl`: one JSON object a line, only ever appended to. Read here into
//! entries, and entries into the history that answers: what is live, what does a rollback pick, what may go.
//!
//! Order comes from the place in the file alone: commit hashes do not sort, and clocks and mtimes lie.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::names::{DeployNumber, ReleaseId, StorePath};

/// What a line of the journal tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The switch is about to happen.
    Started,
    /// `current` points at the release and the unit was told to restart.
    Live,
    /// It works: this deploy stands.
    Kept,
    /// It did not work; what ran before runs again.
    Reverted,
    /// It did not go live: a hook failed, nothing ran before, or going back failed too.
    Failed,
    /// Its client and server half died; somebody else settled it.
    Interrupted,
    /// What was found on the server when shipit first came, now a release.
    Adopted,
    /// A release was removed.
    Pruned,
    /// A person said: no deploys now.
    Hold,
    /// … and now again.
    Unhold,
    /// A word of a newer shipit.
    #[serde(other)]
    Unknown,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the format: 1.
    pub v: u32,
    /// The deploy it belongs to; 0 where it belongs to none.
    pub deploy: DeployNumber,
    /// The server's time, UTC, RFC 3339. For people; nothing is ordered by it.
    pub time: String,
    /// What happened.
    pub event: What,
    /// The release it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// The closure's top path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_path: Option<StorePath>,
    /// The assets' store path; empty: it has none; not there: an older shipit did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets: Option<String>,
    /// What `current` pointed at before: a release, or the text of a link that was not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// `deploy`, `rollback` or `restart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Who did it: `anna@laptop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Where it was done from: a CI run's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The commit's first line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The shipit that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The client's name for this deploy, made before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Which start of the unit it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<String>,
    /// How a switch ended, in the server's own word: `kept reverted down failed broken stuck superseded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Why it ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Entry {
    /// It tells of a restart of what was live: that makes nothing live, and changes no order.
    pub fn is_restart(&self) -> bool {
        self.command.as_deref() == Some("restart")
    }
}

/// One deploy, as its lines tell together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// Its number.
    pub number: DeployNumber,
    /// Its last line: who, when, which release, and how it ended.
    pub entry: Entry,
}

/// What the whole journal says.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// All lines that could be read, oldest first.
    pub entries: Vec<Entry>,
    /// How many lines could not be read (a torn last line, a hand's edit).
    pub unreadable: usize,
}

impl History {
    /// Reads lines; one that is not an entry is counted and passed over.
    pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut history = History::default();
        for line in lines.into_iter().filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str(line) {
                Ok(entry) => history.entries.push(entry),
                Err(_) => history.unreadable += 1,
            }
        }
        history
    }

    /// Adds how a deploy ended, unless its lines tell it already.
    pub fn end_with(&mut self, end: Entry) {
        let told =
            |entry: &Entry| entry.token == end.token && !matches!(entry.event, What::Started | What::Live);
        if !self.entries.iter().any(told) {
            self.entries.push(end);
        }
    }

    /// Each deploy with its latest line, newest first. Adoptions count as deploys.
    pub fn deploys(&self) -> Vec<Deploy> {
        let mut last: BTreeMap<DeployNumber, Entry> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.deploy.0 > 0 && entry.release.is_some()) {
            if entry.event != What::Pruned {
                last.insert(entry.deploy, entry.clone());
            }
        }
        last.into_iter().rev().map(|(number, entry)| Deploy { number, entry }).collect()
    }

    /// The releases that are what was found on the server.
    pub fn adopted(&self) -> BTreeSet<ReleaseId> {
        let adopted = self.entries.iter().filter(|entry| entry.event == What::Adopted);
        adopted.filter_map(|entry| entry.release.clone()).collect()
    }

    /// What was live before this release became it, the last time that it did.
    pub fn live_before(&self, release: &ReleaseId) -> Option<ReleaseId> {
        let deploys = || self.entries.iter().rev().filter(|entry| !entry.is_restart());
        let kept =
            deploys().find(|entry| entry.event == What::Kept && entry.release.as_ref() == Some(release))?;
        let began = deploys().find(|entry| entry.event == What::Started && entry.deploy == kept.deploy)?;
        began.previous.as_deref()?.parse().ok()
    }

    /// The first line of a release's commit.
    pub fn subject(&self, release: &ReleaseId) -> Option<&str> {
        let mut about = self.entries.iter().rev().filter(|entry| entry.release.as_ref() == Some(release));
        about.find_map(|entry| entry.subject.as_deref())
    }

    /// Releases in the order in which they last became healthy, newest first, each once.
    pub fn healthy(&self) -> Vec<ReleaseId> {
        let mut seen = Vec::new();
        for entry in self.entries.iter().rev().filter(|entry| !entry.is_restart()) {
            if matches!(entry.event, What::Kept | What::Adopted)
                && let Some(release) = &entry.release
                && !seen.contains(release)
            {
                seen.push(release.clone());
            }
        }
        seen
    }
}
