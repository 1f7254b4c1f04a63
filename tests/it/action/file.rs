//! action.yml as a runner reads it. What a runner may know and this does not fails the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use saphyr::{LoadableYamlNode as _, Yaml};

/// The action.
#[derive(Debug)]
pub struct Action {
    /// Its inputs, with their defaults.
    pub inputs: BTreeMap<String, String>,
    /// Its outputs, each with the expression that gives it.
    pub outputs: BTreeMap<String, String>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Debug)]
pub struct Step {
    /// What it is called.
    pub name: String,
    /// What others call it.
    pub id: Option<String>,
    /// `if`
    pub condition: Option<String>,
    /// What it does.
    pub does: Does,
}

/// What a step does.
#[derive(Debug)]
pub enum Does {
    /// A script for bash, and its variables.
    Run(String, BTreeMap<String, String>),
    /// Another action.
    Uses(String),
}

/// What expressions are about.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// The inputs.
    pub inputs: BTreeMap<String, String>,
    /// `steps.ID.outputs.NAME`, by ID and NAME.
    pub outputs: BTreeMap<(String, String), String>,
}

impl Action {
    /// Reads ours.
    pub fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
        let text = fs::read_to_string(file).expect("action.yml");
        let documents = Yaml::load_from_str(&text).expect("YAML");
        let [document] = &documents[..] else { panic!("{} documents", documents.len()) };
        let top = fields(document, &["name", "description", "inputs", "outputs", "runs"]);
        let runs = fields(top["runs"], &["using", "steps"]);
        assert_eq!(text_of(runs["using"]), "composite");
        let steps = runs["steps"].as_sequence().expect("a list of steps");
        Action {
            inputs: each(top["inputs"], "default", &["description", "default"]),
            outputs: each(top["outputs"], "value", &["description", "value"]),
            steps: steps.iter().map(Step::read).collect(),
        }
    }
}

impl Step {
    fn read(node: &Yaml<'_>) -> Self {
        let fields = fields(node, &["name", "id", "if", "shell", "env", "run", "uses"]);
        let optional = |name: &str| fields.get(name).map(|node| text_of(node));
        let does = match (optional("run"), optional("uses")) {
            (Some(script), None) => {
                assert_eq!(optional("shell").as_deref(), Some("bash"));
                assert!(!script.contains("${{"), "what is pasted into a script is obeyed: {script}");
                let env = fields.get("env").and_then(|env| env.as_mapping()).into_iter().flatten();
                Does::Run(script, env.map(|(name, value)| (text_of(name), text_of(value))).collect())
            }
            (None, Some(action)) => Does::Uses(action),
            other => panic!("{other:?}"),
        };
        Step { name: text_of(fields["name"]), id: optional("id"), condition: optional("if"), does }
    }
}

impl Values {
    /// The text with each `${{ … }}` replaced by its value.
    pub fn text(&self, template: &str) -> String {
        let mut parts = template.split("${{");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").unwrap_or_else(|| panic!("{template}"));
            text += &self.value(expression.trim());
            text += rest;
        }
        text
    }

    /// Whether a step runs. `fine`: none before it failed, and nobody cancelled.
    pub fn holds(&self, condition: Option<&str>, fine: bool) -> bool {
        match condition {
            None => fine,
            Some("always()") => true,
            Some(condition) => {
                let (value, wanted) =
                    condition.split_once(" == ").unwrap_or_else(|| panic!("if: {condition}"));
                let wanted = wanted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                fine && self.value(value) == wanted.unwrap_or_else(|| panic!("if: {condition}"))
            }
        }
    }

    fn value(&self, expression: &str) -> String {
        match expression.split('.').collect::<Vec<_>>()[..] {
            ["inputs", name] => {
                self.inputs.get(name).unwrap_or_else(|| panic!("there is no input {name}")).clone()
            }
            // None is what a runner has for the outputs of a step that did not run.
            ["steps", step, "outputs", name] => {
                self.outputs.get(&(step.to_owned(), name.to_owned())).cloned().unwrap_or_default()
            }
            ["github", "action_repository"] => "OWNER/shipit".to_owned(),
            _ => panic!("an expression that no test knows: {expression}"),
        }
    }
}

/// Of each entry of a mapping this one field.
fn each(node: &Yaml<'_>, field: &str, known: &[&str]) -> BTreeMap<String, String> {
    let entries = node.as_mapping().expect("a mapping");
    entries.iter().map(|(name, entry)| (text_of(name), text_of(fields(entry, known)[field]))).collect()
}

/// A mapping that has no other keys than these.
fn fields<'a>(node: &'a Yaml<'a>, known: &[&str]) -> BTreeMap<String, &'a Yaml<'a>> {
    let entries = node.as_mapping().expect("a mapping");
    let fields: BTreeMap<String, &Yaml<'_>> =
        entries.iter().map(|(name, value)| (text_of(name), value)).collect();
    assert!(fields.keys().all(|name| known.contains(&name.as_str())), "{:?} {known:?}", fields.keys());
    fields
}

fn text_of(node: &Yaml<'_>) -> String {
    node.as_str().unwrap_or_else(|| panic!("no text: {node:?}")).to_owned()
}
