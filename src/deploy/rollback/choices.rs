//! Which releases there are to go back to, when none was picked: the best first, with how to name one.

use std::cmp::Reverse;

use super::complete;
use crate::deploy::run::Run;
use crate::model::failure::{Failure, Kind};
use crate::model::names::{DeployNumber, ReleaseId};
use crate::model::nearest::nearest;
use crate::model::retention::NoPick;
use crate::model::server::ServerState;

/// No release was picked: says which ones there are, healthy ones first, and how to name one.
pub fn no_pick(run: &Run<'_>, state: &ServerState, why: NoPick) -> Failure {
    let failure = Failure::msg(Kind::Usage, format!("{}: {why}", run.settings.host));
    let choices = match &why {
        // What is shown elsewhere of their names is the same of all.
        NoPick::Ambiguous(_, like) => choices(state, like, ReleaseId::to_string),
        _ => {
            let mut there = complete(state);
            there.retain(|release| state.current.release() != Some(release));
            choices(state, &there, ReleaseId::short)
        }
    };
    let Some(first) = choices.first().filter(|choice| choice.how == How::Healthy) else {
        let listed = failure.detail("on the server, but never healthy", lines(&choices));
        return listed.hint(format!("an older commit can be deployed: {}", run.command("deploy COMMIT")));
    };
    let near = match &why {
        NoPick::Unknown(typed) => meant(typed, &choices),
        _ => None,
    };
    let example = match near {
        Some(near) => format!("did you mean {near}? {}", run.command(&format!("rollback {near}"))),
        None => format!("for example: {}", run.command(&format!("rollback {}", first.name))),
    };
    failure
        .detail("what is there to go to", lines(&choices))
        .hint(example)
        .hint(format!("more about them: {}", run.command("releases")))
}

/// The name or the deploy's number that was probably meant.
fn meant(typed: &str, choices: &[Choice]) -> Option<String> {
    let numbers = choices.iter().filter_map(|choice| choice.number).map(|number| number.to_string());
    let names: Vec<String> = choices.iter().map(|choice| choice.name.clone()).chain(numbers).collect();
    // What is shown of a hash are its first letters: of a longer one no more is compared.
    let shown: String = typed.chars().take(names.first()?.len()).collect();
    let near = nearest(typed, names.iter().map(String::as_str));
    near.or_else(|| nearest(&shown, names.iter().map(String::as_str))).map(str::to_owned)
}

/// What is known of a release, from the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Unknown,
    Failed,
    Healthy,
}

/// A release that could be named, with what a person knows it by.
struct Choice {
    how: How,
    number: Option<DeployNumber>,
    name: String,
    subject: String,
}

/// The best first, of these the newest.
fn choices(state: &ServerState, there: &[ReleaseId], name: impl Fn(&ReleaseId) -> String) -> Vec<Choice> {
    let healthy = state.history.healthy();
    let deploys = state.history.deploys();
    let choice = |release: &ReleaseId| {
        let last = deploys.iter().find(|deploy| deploy.entry.release.as_ref() == Some(release));
        let how = if last.is_some() { How::Failed } else { How::Unknown };
        Choice {
            how: if healthy.contains(release) { How::Healthy } else { how },
            number: last.map(|last| last.number),
            name: name(release),
            subject: last.and_then(|last| last.entry.subject.clone()).unwrap_or_default(),
        }
    };
    let mut choices: Vec<Choice> = there.iter().map(choice).collect();
    choices.sort_unstable_by_key(|choice| Reverse((choice.how, choice.number)));
    choices
}

fn lines(choices: &[Choice]) -> Vec<String> {
    let number = |choice: &Choice| choice.number.map(|number| number.to_string()).unwrap_or_default();
    let numbers = choices.iter().map(|choice| number(choice).len()).max().unwrap_or_default();
    let names = choices.iter().map(|choice| choice.name.len()).max().unwrap_or_default();
    let line = |choice: &Choice| {
        let how = match choice.how {
            How::Unknown => "unknown",
            How::Failed => "failed ",
            How::Healthy => "healthy",
        };
        let Choice { name, subject, .. } = choice;
        format!("{:<numbers$}  {name:<names$}  {how}  {subject}", number(choice)).trim_end().to_owned()
    };
    choices.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_release_is_recognized() {
        let choice = |number, name: &str| Choice {
            how: How::Healthy,
            number: Some(DeployNumber(number)),
            name: name.to_owned(),
            subject: String::new(),
        };
        let choices = [choice(41, "3f9c2d1"), choice(7, "ab12cd3")];
        let meant = |typed| meant(typed, &choices);
        assert_eq!(meant("3f9c2e1").as_deref(), Some("3f9c2d1"));
        assert_eq!(meant("f39c2d1").as_deref(), Some("3f9c2d1"));
        assert_eq!(
            meant("3f9c2e1a08b7ff").as_deref(),
            Some("3f9c2d1"),
            "what is not shown can't be compared"
        );
        assert_eq!(meant("v14").as_deref(), Some("v41"));
        assert_eq!(meant("v99"), None);
        assert_eq!(meant("0123456"), None);
        assert_eq!(super::meant("3f9c2e1", &[]), None);
    }
}
