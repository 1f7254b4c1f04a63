//! Which releases may go, and which one a rollback picks. Pure: the journal decides, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::{History, What};
use super::names::{DeployNumber, ReleaseId};
use super::stays::stays;

/// The releases that go once `new` is live in place of `previous`: those that nothing lets stay.
pub fn to_prune(
    history: &History,
    there: &[ReleaseId],
    new: &ReleaseId,
    previous: Option<&ReleaseId>,
    keep: u32,
) -> Vec<ReleaseId> {
    let stays = stays(history, there, new, previous, keep);
    there.iter().filter(|release| !stays.contains_key(release)).cloned().collect()
}

/// How much of a release's name has to be typed.
const SHORTEST: usize = 4;

/// Why no release could be picked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPick {
    /// The journal names none.
    #[error("there is no earlier release that was healthy")]
    NothingEarlier,
    /// The ones that were healthy are not "the one before": a rollback left them, or they came after what is live.
    #[error("what was live before is not on the server, or was left by a rollback: say which release")]
    OnlyByName,
    /// Too little to mean one release.
    #[error("{0} is too short for the beginning of a release's name: at least {SHORTEST} characters")]
    TooShort(String),
    /// No release begins so.
    #[error("no release on the server is called {0}")]
    Unknown(String),
    /// More than one begins so.
    #[error("{0} could be any of {n} releases", n = .1.len())]
    Ambiguous(String, Vec<ReleaseId>),
    /// It was there once.
    #[error("release {0} was removed from the server")]
    Gone(ReleaseId),
}

/// The release that a name means: `v41`, a whole id, or an unambiguous beginning of one.
///
/// # Errors
/// When it means none of those that are there, or several.
pub fn named(history: &History, there: &[ReleaseId], name: &str) -> Result<ReleaseId, NoPick> {
    let number = name.strip_prefix('v').and_then(|digits| digits.parse().ok());
    if let Some(number) = number {
        let deploys = history.deploys();
        let deploy = deploys.iter().find(|deploy| deploy.number == DeployNumber(number));
        if let Some(release) = deploy.and_then(|deploy| deploy.entry.release.clone()) {
            return if there.contains(&release) { Ok(release) } else { Err(NoPick::Gone(release)) };
        }
    }
    let begins = |release: &&ReleaseId| release.as_str().starts_with(name);
    let exactly = there.iter().find(|release| release.as_str() == name);
    // What the screen shows of `<hash>-dirty-<8>` is no beginning of it.
    let shown = || there.iter().find(|release| name.contains('-') && release.short() == name);
    if let Some(exact) = exactly.or_else(shown) {
        return Ok(exact.clone());
    }
    if name.len() < SHORTEST {
        // No hash begins with a v: it was meant as a deploy's number.
        let unknown = if number.is_some() { NoPick::Unknown } else { NoPick::TooShort };
        return Err(unknown(name.to_owned()));
    }
    let matches: Vec<ReleaseId> = there.iter().filter(begins).cloned().collect();
    match &matches[..] {
        [one] => Ok(one.clone()),
        [] => match history.entries.iter().rev().filter_map(|entry| entry.release.as_ref()).find(begins) {
            Some(release) => Err(NoPick::Gone(release.clone())),
            None => Err(NoPick::Unknown(name.to_owned())),
        },
        _ => Err(NoPick::Ambiguous(name.to_owned(), matches)),
    }
}

/// The release that a rollback without a name goes to: the newest that was deployed before current, was healthy,
/// and was not itself left by a rollback since.
///
/// # Errors
/// When there is none.
pub fn before(
    history: &History,
    there: &[ReleaseId],
    current: Option<&ReleaseId>,
) -> Result<ReleaseId, NoPick> {
    // In the order of their latest deploy; a rollback to a release does not make it newer.
    let mut order: Vec<&ReleaseId> = Vec::new();
    let mut left: BTreeSet<&str> = BTreeSet::new();
    let mut previous: BTreeMap<DeployNumber, &str> = BTreeMap::new();
    for entry in history.entries.iter().filter(|entry| !entry.is_restart()) {
        let Some(release) = &entry.release else { continue };
        match entry.event {
            What::Started => {
                if let Some(name) = &entry.previous {
                    previous.insert(entry.deploy, name);
                }
            }
            What::Kept if entry.command.as_deref() == Some("rollback") => {
                let place = |name: &str| order.iter().position(|release| release.as_str() == name);
                // Going forward again says nothing against what was live until then.
                let from = previous.get(&entry.deploy).filter(|from| place(from) > place(release.as_str()));
                left.extend(from);
                left.remove(release.as_str());
            }
            What::Kept | What::Adopted => {
                order.retain(|other| *other != release);
                order.push(release);
                left.remove(release.as_str());
            }
            _ => {}
        }
    }
    let earlier = match current.and_then(|current| order.iter().position(|release| *release == current)) {
        Some(place) => &order[..place],
        None => &order[..],
    };
    let is_there = |release: &&&ReleaseId| there.contains(release) && current != Some(**release);
    let picked = earlier.iter().rev().filter(is_there).find(|release| !left.contains(release.as_str()));
    match picked {
        Some(release) => Ok((*release).clone()),
        None if order.iter().any(|release| is_there(&release)) => Err(NoPick::OnlyByName),
        None => Err(NoPick::NothingEarlier),
    }
}

#[cfg(test)]
mod tests {
    use super::super::stays::{Stay, stays_now};
    use super::*;

    fn id(name: &str) -> ReleaseId {
        name.parse().unwrap()
    }

    fn ids(names: &str) -> Vec<ReleaseId> {
        names.split_whitespace().map(id).collect()
    }

    /// What goes when nothing new comes.
    fn gone_now(history: &History, there: &[ReleaseId], current: &str, keep: u32) -> Vec<ReleaseId> {
        let current = id(current);
        let stays = stays_now(history, there, &current, keep);
        there.iter().filter(|release| !stays.contains_key(release)).cloned().collect()
    }

    /// `!a` a restart of a, `+a` a deploy of a that was kept, `-a` one that was reverted, `<a` a rollback to a, `=a` what was found there.
    fn history(story: &str) -> History {
        let mut lines = Vec::new();
        let mut current = String::new();
        for (number, word) in story.split_whitespace().enumerate() {
            let (sign, name) = word.split_at(1);
            let (event, command) = match sign {
                "+" => ("kept", "deploy"),
                "<" => ("kept", "rollback"),
                "=" => ("adopted", "deploy"),
                "!" => ("kept", "restart"),
                _ => ("reverted", "deploy"),
            };
            let line = |event: &str| {
                format!(
                    r#"{{"v":1,"deploy":{},"time":"t","event":"{event}","release":"{name}","command":"{command}","previous":"{current}"}}"#,
                    number + 1
                )
            };
            lines.push(line("started"));
            lines.push(line(event));
            if event == "kept" {
                current = name.to_owned();
            }
        }
        History::read(lines.iter().map(String::as_str))
    }

    #[test]
    fn the_newest_healthy_ones_stay_whatever_their_names() {
        let history = history("+f1 +a2 -b3 +e4 +07 -c5 +d8 +90");
        let there = ids("f1 a2 b3 e4 07 c5 d8 90 bb unknown");
        let gone = to_prune(&history, &there, &id("bb"), Some(&id("90")), 5);
        assert_eq!(gone, ids("f1 a2 b3"));
        let gone = to_prune(&history, &there, &id("bb"), Some(&id("f1")), 1);
        assert_eq!(gone, ids("a2 b3 e4 07 d8 90"));
    }

    #[test]
    fn what_was_adopted_stays_and_takes_no_place() {
        let history = history("=a +b -c +d <a +e");
        let there = ids("a b c d e f");
        assert_eq!(to_prune(&history, &there, &id("f"), Some(&id("e")), 2), ids("b d"));
        assert_eq!(to_prune(&history, &there, &id("f"), Some(&id("e")), 3), ids("b"));
    }

    #[test]
    fn a_restart_changes_no_order() {
        let there = ids("a b c d");
        for (with, without, current) in [
            ("+a +b +c <a !a", "+a +b +c <a", "a"),
            ("+b +a +c <a !a !a", "+b +a +c <a", "a"),
            ("+a +b !b +c", "+a +b +c", "c"),
            ("+a +b +c <b !b", "+a +b +c <b", "b"),
        ] {
            let (with, without) = (history(with), history(without));
            assert_eq!(
                before(&with, &there, Some(&id(current))),
                before(&without, &there, Some(&id(current)))
            );
            assert_eq!(with.healthy(), without.healthy());
            let gone = |history| gone_now(history, &there, current, 1);
            assert_eq!(gone(&with), gone(&without));
        }
        // One of what is live though nothing deployed it makes it no healthy release.
        assert_eq!(history("+a !d").healthy(), ids("a"));
    }

    #[test]
    fn what_goes_without_a_deploy_is_neither_live_nor_before_it() {
        let there = ids("a b c d e");
        let gone = |story: &str, current: &str| gone_now(&history(story), &there, current, 1);
        assert_eq!(gone("+a +b +c +d +e", "e"), ids("a b c"));
        // What a rollback left, and what the next one goes to.
        assert_eq!(gone("+a +b +c +d +e <d", "d"), ids("a b"));
        assert_eq!(gone("+a +b -c +d -e", "d"), ids("a c"));
        assert_eq!(gone("=a +b +c +d +e", "e"), ids("b c"));
    }

    #[test]
    fn each_one_that_stays_has_its_reason() {
        let there = ids("a b c d e f g x");
        let (history, current) = (history("=a +b -c +d +e -f +g"), id("g"));
        let why = |keep| {
            let stays = stays_now(&history, &there, &current, keep);
            stays.into_iter().map(|(release, why)| (release.as_str().to_owned(), why)).collect::<Vec<_>>()
        };
        let named = |all: &[(&str, Stay)]| {
            all.iter().map(|(name, why)| ((*name).to_owned(), *why)).collect::<Vec<_>>()
        };
        let always = [("a", Stay::Adopted), ("e", Stay::Before), ("f", Stay::Failed), ("g", Stay::Live)];
        let x = ("x", Stay::Foreign);
        assert_eq!(why(1), named(&[&always[..], &[x]].concat()));
        assert_eq!(why(3), named(&[&always[..1], &[("d", Stay::Newest)], &always[1..], &[x]].concat()));
        // After a rollback the next one goes further back.
        let back = super::tests::history("+a +b +c <b");
        let stays = stays_now(&back, &there[..3], &there[1], 1);
        let reasons: Vec<Stay> = stays.into_values().collect();
        assert_eq!(reasons, [Stay::Next, Stay::Live, Stay::Before]);
    }

    #[test]
    fn holds_are_no_deploys() {
        let mut history = history("+a -b +c");
        let line = |event: &str| {
            format!(r#"{{"v":1,"deploy":0,"time":"t","event":"{event}","who":"anna@laptop","reason":"why"}}"#)
        };
        let lines = ["hold", "unhold"].map(line);
        history.entries.extend(History::read(lines.iter().map(String::as_str)).entries);
        assert_eq!(history.unreadable, 0);
        assert_eq!(before(&history, &ids("a b c"), Some(&id("c"))), Ok(id("a")));
        assert_eq!(to_prune(&history, &ids("a b c d"), &id("d"), Some(&id("c")), 1), ids("a"));
        let deploys: Vec<u64> = history.deploys().iter().map(|deploy| deploy.number.0).collect();
        assert_eq!(deploys, [3, 2, 1]);
    }

    #[test]
    fn going_back_to_an_old_one_keeps_it() {
        let history = history("+a +b +c +d +e");
        let gone = to_prune(&history, &ids("a b c d e"), &id("a"), Some(&id("e")), 2);
        assert_eq!(gone, ids("b c d"));
    }

    #[test]
    fn rollback_goes_to_the_one_deployed_before() {
        let pick = |story: &str, current: &str| before(&history(story), &ids("a b c d"), Some(&id(current)));
        assert_eq!(pick("+a +b", "b"), Ok(id("a")));
        assert_eq!(pick("+a -b +c", "c"), Ok(id("a")));
        assert_eq!(pick("+a +b +c <b", "b"), Ok(id("a")));
        assert_eq!(pick("+a +b +c <b <a", "a"), Err(NoPick::OnlyByName));
        assert_eq!(pick("+a +b +c <b <a +d", "d"), Ok(id("a")));
        assert_eq!(pick("+a +b <a +b", "b"), Ok(id("a")));
        assert_eq!(pick("+a +b +c <a", "a"), Err(NoPick::OnlyByName));
        assert_eq!(pick("+a +b <a <b", "b"), Ok(id("a")));
        assert_eq!(pick("+a +b +c <a <b", "b"), Ok(id("a")));
        assert_eq!(pick("+a +b +c <b <a <c", "c"), Ok(id("a")));
        assert_eq!(pick("-a", "a"), Err(NoPick::NothingEarlier));
        // One that was pruned is not there to go to.
        assert_eq!(pick("+x +b", "b"), Err(NoPick::NothingEarlier));
    }

    #[test]
    fn a_name_is_a_number_or_a_beginning() {
        let history = history("+abcd1 +abcd2 -gone");
        let there = ids("abcd1 abcd2 v2x");
        assert_eq!(named(&history, &there, "v2"), Ok(id("abcd2")));
        assert_eq!(named(&history, &there, "abcd1"), Ok(id("abcd1")));
        assert!(
            matches!(named(&history, &there, "abcd"), Err(NoPick::Ambiguous(_, both)) if both.len() == 2)
        );
        assert_eq!(named(&history, &there, "v3"), Err(NoPick::Gone(id("gone"))));
        assert_eq!(named(&history, &there, "gone"), Err(NoPick::Gone(id("gone"))));
        assert_eq!(named(&history, &there, "zzzz"), Err(NoPick::Unknown("zzzz".into())));
        assert_eq!(named(&history, &there, "v2x"), Ok(id("v2x")));
        assert_eq!(named(&history, &there, "abc"), Err(NoPick::TooShort("abc".into())));
        assert_eq!(named(&history, &there, "v99"), Err(NoPick::Unknown("v99".into())));
    }
}
