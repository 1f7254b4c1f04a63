//! What `init` says at its end: what was written, what it says, and what to type next.

use std::path::PathBuf;

use serde::Serialize;

use super::files::Files;
use super::shown;
use crate::context::Context;
use crate::init::draft::{Draft, Value};
use crate::init::github::GitHub;
use crate::init::text;
use crate::model::failure::Outcome;
use crate::ui::style::{GOOD, ODD, PLAIN, STRONG, paint};
use crate::ui::table::Cell;
use crate::ui::{Ui, json};

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    wrote: Vec<String>,
    unchanged: Vec<String>,
    values: Vec<Said<'a>>,
    notes: Vec<Note<'a>>,
    next: &'a [&'a str],
}

#[derive(Serialize)]
struct Said<'a> {
    key: &'a str,
    value: &'a toml::Value,
    from: &'a str,
    guess: bool,
}

#[derive(Serialize)]
struct Note<'a> {
    text: &'a str,
    hint: Option<&'a str>,
}

/// What there is to tell.
pub struct Told<'a> {
    /// What somebody should look at, each with what to do.
    pub notes: &'a [(String, Option<String>)],
    /// What a new shipit.toml was made of.
    pub draft: Option<&'a Draft>,
    /// The files, with the workflow.
    pub files: &'a Files,
    /// Those that were written.
    pub written: &'a [PathBuf],
}

impl Told<'_> {
    /// Says it.
    pub fn say(&self, context: &Context, ui: &Ui) -> Outcome<()> {
        let [setup, doctor, deploy] = ["setup --as root", "doctor", "deploy"].map(|words| ui.command(words));
        let github = self.files.github.as_ref();
        let on_github = github.map(|github| github.next.as_slice()).unwrap_or_default();
        let next: Vec<&str> =
            [&setup, &doctor].into_iter().chain(on_github).chain([&deploy]).map(String::as_str).collect();
        let notes: Vec<_> = self.notes.iter().chain(github.iter().flat_map(|github| &github.notes)).collect();
        let values = self.draft.map(|draft| draft.values.as_slice()).unwrap_or_default();
        let said = values.iter().map(|value| Said {
            key: value.key,
            value: &value.value,
            from: &value.from,
            guess: value.guess,
        });
        let answer = Answer {
            version: json::VERSION,
            wrote: self.written.iter().map(|path| shown(context, path)).collect(),
            unchanged: github
                .filter(|_| self.files.is_there)
                .map(|github| shown(context, &github.file.path))
                .into_iter()
                .collect(),
            values: said.collect(),
            notes: notes.iter().map(|(text, hint)| Note { text, hint: hint.as_deref() }).collect(),
            next: &next,
        };
        ui.answer(&rows(&answer, values), &answer)?;
        for (text, hint) in notes {
            ui.warn(&hint.as_ref().map_or_else(|| text.clone(), |hint| format!("{text}: {hint}")));
        }
        let name = |command: &str| paint(STRONG, command);
        ui.say(format!(
            "next: {}, which prepares a server and shows first what it does; or {}, which says what one that is prepared lacks",
            name(&setup),
            name(&doctor)
        ));
        match github {
            None => ui.say(format!("then: commit all this, and {}", name(&deploy))),
            Some(github) => say_github(github, ui),
        }
        Ok(())
    }
}

fn rows(answer: &Answer<'_>, values: &[Value]) -> Vec<Vec<Cell>> {
    let wrote = |file| vec![Cell::new(GOOD, "wrote:"), Cell::new(STRONG, file)];
    let unchanged = |file| vec![Cell::new(PLAIN, "unchanged:"), Cell::new(STRONG, file)];
    let value = |value: &Value| {
        let style = if value.guess { ODD } else { PLAIN };
        let said = value.value.to_string();
        vec![Cell::new(PLAIN, value.key), Cell::new(PLAIN, said), Cell::new(style, text::origin(value))]
    };
    answer
        .wrote
        .iter()
        .map(wrote)
        .chain(answer.unchanged.iter().map(unchanged))
        .chain(values.iter().map(value))
        .collect()
}

/// What has to be typed where there is the GitHub CLI. Without it, the same is set in the repository's settings.
fn say_github(github: &GitHub, ui: &Ui) {
    ui.say(format!(
        "on GitHub, an environment with its secrets; by hand they are in Settings, Environments, {}:",
        github.environment
    ));
    for command in &github.next {
        ui.say(format!("  {}", paint(STRONG, command)));
    }
    ui.say("the key in ~/.ssh is for GitHub alone: remove its secret half here when it is set there");
    ui.say(format!("then: commit all this; a push to {} deploys", github.branch));
}
