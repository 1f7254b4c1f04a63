//! What the journal and the server's look tell together: how each deploy stands now.

use anstyle::Style;
use serde::Serialize;

use crate::model::journal::{Deploy, Entry, What};
use crate::model::names::{DeployNumber, ReleaseId, StorePath};
use crate::model::server::ServerState;
use crate::ui::style::{BAD, FAINT, GOOD, NOW, ODD, PLAIN};

/// How a deploy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Its release is what `current` points at.
    Live,
    /// It was live and healthy.
    Kept,
    /// It was not healthy; what ran before was put back.
    Reverted,
    /// It did not go live.
    Failed,
    /// Its client and its server half died.
    Interrupted,
    /// It goes on.
    Running,
    /// It lost its client and is not settled yet.
    Unfinished,
    /// It was there before shipit.
    Adopted,
    /// The journal does not tell, or in words of a newer shipit.
    Unknown,
}

impl Standing {
    /// The word for it: `kept` is the journal's, and says nothing of what is still there.
    const fn word(self) -> &'static str {
        match self {
            Standing::Live => "live",
            Standing::Kept => "was live",
            Standing::Reverted => "reverted",
            Standing::Failed => "failed",
            Standing::Interrupted => "interrupted",
            Standing::Running => "running",
            Standing::Unfinished => "unfinished",
            Standing::Adopted => "adopted",
            Standing::Unknown => "unknown",
        }
    }

    /// How it looks.
    pub const fn style(self) -> Style {
        match self {
            Standing::Live => GOOD,
            Standing::Kept | Standing::Adopted => PLAIN,
            Standing::Reverted | Standing::Failed => BAD,
            Standing::Interrupted | Standing::Unfinished => ODD,
            Standing::Running => NOW,
            Standing::Unknown => FAINT,
        }
    }
}

/// A deploy as it stands, or a release that no deploy is known of.
#[derive(Debug, Serialize)]
pub struct Chapter {
    /// Its number.
    pub deploy: Option<DeployNumber>,
    /// Its release.
    pub release: ReleaseId,
    /// How it stands.
    pub status: Standing,
    /// Whether the release is on the server.
    pub there: bool,
    /// Its last line's time, RFC 3339.
    pub time: Option<String>,
    /// `deploy`, `rollback` or `restart`.
    pub command: Option<String>,
    /// Who did it.
    pub who: Option<String>,
    /// Where from: the URL of a CI run.
    pub from: Option<String>,
    /// The commit's first line.
    pub subject: Option<String>,
    /// The closure's top path.
    pub store_path: Option<StorePath>,
    /// What was live before it.
    pub previous: Option<String>,
    /// Why it ended as it did.
    pub reason: Option<String>,
    /// The start of the unit that was found healthy.
    #[serde(skip)]
    pub invocation: Option<String>,
    /// It is the newest of its release; a restart is none.
    #[serde(skip)]
    pub newest: bool,
}

impl Chapter {
    /// How it stands, for people.
    pub fn word(&self) -> &'static str {
        match self.status {
            Standing::Kept if self.is_restart() => "healthy",
            status => status.word(),
        }
    }

    /// It tells of a restart of what was live.
    pub fn is_restart(&self) -> bool {
        self.command.as_deref() == Some("restart")
    }
}

/// All deploys, newest first, then the releases that the journal does not know.
pub fn chapters(state: &ServerState) -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> = Vec::new();
    let mut live_is_taken = false;
    for (place, Deploy { number, entry }) in state.history.deploys().into_iter().enumerate() {
        let Some(release) = entry.release.clone() else { continue };
        let is_restart = entry.is_restart();
        let healthy = matches!(entry.event, What::Kept | What::Adopted) && !is_restart;
        let is_live = healthy && !live_is_taken && state.current.release() == Some(&release);
        live_is_taken |= is_live;
        chapters.push(Chapter {
            deploy: Some(number),
            status: if is_live { Standing::Live } else { standing(&entry, place == 0, state) },
            there: is_there(state, &release),
            previous: previous(state, number),
            newest: !is_restart
                && chapters.iter().all(|newer| newer.release != release || newer.is_restart()),
            time: Some(entry.time),
            command: entry.command,
            who: entry.who,
            from: entry.from,
            subject: entry.subject,
            store_path: entry.store_path,
            reason: entry.reason,
            invocation: entry.invocation,
            release,
        });
    }
    for (release, store_path) in &state.releases {
        if chapters.iter().any(|chapter| chapter.release == *release) {
            continue;
        }
        let is_live = state.current.release() == Some(release);
        chapters.push(Chapter {
            deploy: None,
            release: release.clone(),
            status: if is_live { Standing::Live } else { Standing::Unknown },
            there: true,
            time: None,
            command: None,
            who: None,
            from: None,
            subject: None,
            store_path: store_path.clone(),
            previous: None,
            reason: None,
            invocation: None,
            newest: true,
        });
    }
    chapters
}

fn standing(entry: &Entry, newest: bool, state: &ServerState) -> Standing {
    match entry.event {
        What::Kept => Standing::Kept,
        What::Adopted => Standing::Adopted,
        What::Reverted => Standing::Reverted,
        What::Failed => Standing::Failed,
        What::Interrupted => Standing::Interrupted,
        // No end yet. Only the newest can still get one.
        What::Started | What::Live if newest && state.lock_holder.is_some() => Standing::Running,
        What::Started | What::Live if newest && state.pending.is_some() => Standing::Unfinished,
        What::Started | What::Live => Standing::Interrupted,
        What::Pruned | What::Hold | What::Unhold | What::Unknown => Standing::Unknown,
    }
}

fn is_there(state: &ServerState, release: &ReleaseId) -> bool {
    state.releases.iter().any(|(there, _)| there == release)
}

/// What was live before a deploy: only its first line says.
fn previous(state: &ServerState, number: DeployNumber) -> Option<String> {
    let mut lines = state.history.entries.iter().filter(|entry| entry.deploy == number);
    lines.find_map(|entry| entry.previous.clone()).filter(|name| !name.is_empty())
}

#[cfg(test)]
pub mod tests {
    //! A server with a past.

    use super::*;
    use crate::model::journal::History;
    use crate::model::server::Current;

    /// One letter forty times is a commit.
    pub fn id(letter: char) -> ReleaseId {
        letter.to_string().repeat(40).parse().unwrap()
    }

    /// The path that a release's `result` points at.
    pub fn path(letter: char) -> StorePath {
        format!("/nix/store/{}-server-0.1", letter.to_string().repeat(32)).parse().unwrap()
    }

    /// A server whose journal has these deploys, each `event letter`, a minute apart; `there` are the releases on it.
    pub fn server(current: char, there: &str, deploys: &[(&str, char)]) -> ServerState {
        let mut lines = Vec::new();
        for (place, (event, letter)) in deploys.iter().enumerate() {
            let number = place + 1;
            let line = |event: &str, minute: usize, more: &str| {
                format!(
                    r#"{{"v":1,"deploy":{number},"time":"2026-11-22T13:{minute:02}:05Z","event":"{event}","release":"{}","store_path":"{}","command":"deploy","who":"anna@laptop","subject":"Change {letter}"{more}}}"#,
                    id(*letter),
                    path(*letter)
                )
            };
            lines.push(line("started", number, &format!(r#","previous":"{}""#, id('0'))));
            let more = match *event {
                "reverted" | "failed" => r#","reason":"it answered 500""#.to_owned(),
                "kept" => format!(r#","invocation":"{}""#, letter.to_string().repeat(32)),
                _ => String::new(),
            };
            lines.push(line(event, number, &more));
        }
        ServerState {
            current: if current == ' ' { Current::Absent } else { Current::Release(id(current)) },
            releases: there.chars().map(|letter| (id(letter), Some(path(letter)))).collect(),
            history: History::read(lines.iter().map(String::as_str)),
            ..ServerState::default()
        }
    }

    fn words(state: &ServerState) -> String {
        let word = |chapter: &Chapter| format!("{}:{}", &chapter.release.as_str()[..1], chapter.word());
        chapters(state).iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_newest_healthy_deploy_of_current_is_live() {
        let state = server('b', "ab", &[("kept", 'b'), ("kept", 'a'), ("kept", 'b'), ("reverted", 'c')]);
        assert_eq!(words(&state), "c:reverted b:live a:was live b:was live");
        let state = server('f', "abf", &[("kept", 'a'), ("failed", 'b')]);
        assert_eq!(words(&state), "b:failed a:was live f:live");
        let state = server(' ', "ab", &[("adopted", 'a')]);
        assert_eq!(words(&state), "a:adopted b:unknown");
    }

    #[test]
    fn a_restart_is_told_and_is_not_what_is_live() {
        let mut state = server('b', "ab", &[("kept", 'a'), ("kept", 'b'), ("kept", 'b'), ("failed", 'b')]);
        for entry in &mut state.history.entries[4..] {
            entry.command = Some("restart".to_owned());
        }
        assert_eq!(words(&state), "b:failed b:healthy b:live a:was live");
        let newest: Vec<bool> = chapters(&state).iter().map(|chapter| chapter.newest).collect();
        assert_eq!(newest, [false, false, true, true], "a rollback names the deploy");
    }

    #[test]
    fn a_deploy_without_an_end_runs_waits_or_is_interrupted() {
        let mut state = server('a', "ab", &[("live", 'c'), ("kept", 'a'), ("live", 'b')]);
        assert_eq!(words(&state), "b:interrupted a:live c:interrupted");
        state.pending = Some("token".to_owned());
        assert_eq!(words(&state), "b:unfinished a:live c:interrupted");
        state.lock_holder = Some(String::new());
        assert_eq!(words(&state), "b:running a:live c:interrupted");
    }
}
