//! Why Nix failed: what its log said, with what only repeats it left out.

use super::NixLog;

/// Why Nix failed, in its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NixFailure {
    /// The derivation that failed, when it was a build.
    pub derivation: Option<String>,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// The error in one line.
    pub headline: String,
    /// All of the error text, without colours and without the log that newer versions repeat in it; before it, what
    /// others said (ssh, git), which is often the cause.
    pub text: Vec<String>,
}

impl NixLog {
    /// What is known of a failure, after the last line.
    pub fn failure(&self) -> NixFailure {
        let text: Vec<String> = without_repeated_log(self.errors.iter().map(String::as_str));
        // The end of a connection is all that Nix sees of it; why it ended was said by ssh or by the other side.
        let headline = headline(&text)
            .filter(|line| !line.ends_with("unexpected end-of-file") || self.texts.is_empty())
            .or_else(|| self.texts.back().cloned())
            .unwrap_or_default();
        // The derivation whose builder failed is named first; those that only needed it come after it.
        let derivation = text
            .iter()
            .flat_map(|line| derivations(line))
            .find(|derivation| self.logs.iter().any(|(of, _)| of == derivation))
            .map(str::to_owned);
        let log = derivation
            .as_deref()
            .and_then(|derivation| self.logs.iter().rev().find(|(of, _)| of == derivation))
            .map(|(_, lines)| lines.iter().cloned().collect())
            .unwrap_or_default();
        let text = self.texts.iter().cloned().chain(text).collect();
        NixFailure { derivation, log, headline, text }
    }
}

/// The `/nix/store/….drv` in a line.
fn derivations(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("/nix/store/").filter_map(|(at, _)| {
        let rest = &line[at..];
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/+-._?=".contains(c))).unwrap_or(rest.len());
        let path = &rest[..end];
        path.find(".drv").map(|end| &path[..end + ".drv".len()])
    })
}

/// Newer versions repeat the end of a failed build's log in the error, each line behind a `>`, and name the command
/// for the rest.
fn without_repeated_log<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    lines
        .filter(|line| {
            let line = line.trim();
            let repeated = line.starts_with("> ")
                || line == ">"
                || line.starts_with("For full logs, run")
                || line.starts_with("nix log /nix/store/")
                || line.starts_with("nix-store -l /nix/store/");
            let title = line.strip_prefix("last ").is_some_and(|rest| rest.ends_with("log lines:"));
            !repeated && !title
        })
        .map(str::to_owned)
        .collect()
}

/// The error in one line. Newer versions put the trace in front of it, under an `error:` of its own without text.
fn headline(text: &[String]) -> Option<String> {
    let said = |line: &String| {
        let rest = line.trim_start().strip_prefix("error:")?.trim();
        (!rest.is_empty()).then(|| rest.to_owned())
    };
    text.iter().find_map(said).or_else(|| text.iter().find(|line| !line.trim().is_empty()).cloned())
}

/// A long text with its middle left out: Nix's trace stands between the two ends that tell something.
pub fn shortened(text: &[String], most: usize) -> Vec<String> {
    if text.len() <= most {
        return text.to_vec();
    }
    let head = most / 4;
    let tail = most - head - 1;
    let mut lines = text[..head].to_vec();
    lines.push(format!("… {} lines left out …", text.len() - head - tail));
    lines.extend_from_slice(&text[text.len() - tail..]);
    lines
}
