//! Workflow commands: lines of the log that the runner obeys. Whatever else is printed must not be one.
//! Syntax: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>.

/// Where an annotation belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the checkout.
    pub file: String,
    /// Its line, from 1; none: the file as a whole.
    pub line: Option<u32>,
}

/// `::error …::text`, for the run's page and the commit's.
pub fn error(title: &str, place: Option<&Place>, text: &str) -> String {
    annotation("error", title, place, text)
}

/// `::warning …::text`.
pub fn warning(text: &str) -> String {
    annotation("warning", "shipit", None, text)
}

/// What follows is folded, under this title.
pub fn group(title: &str) -> String {
    format!("::group::{}\n", data(title))
}

/// … up to here.
pub const END_GROUP: &str = "::endgroup::\n";

fn annotation(kind: &str, title: &str, place: Option<&Place>, text: &str) -> String {
    let mut properties = format!("title={}", property(title));
    if let Some(Place { file, line }) = place {
        properties += &format!(",file={}", property(file));
        if let Some(line) = line {
            properties += &format!(",line={line}");
        }
    }
    format!("::{kind} {properties}::{}\n", data(text.trim_end()))
}

fn data(text: &str) -> String {
    // A word of the older syntax would be obeyed in the middle of it.
    text.replace("##[", "## [").replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The same lines, none of which is a command. The runner looks past blanks for `::` at a line's beginning, and for
/// `##[` anywhere: a build's log or an app's could set outputs and mask words for it.
pub fn inert(text: &str) -> String {
    if !text.contains("::") && !text.contains("##[") {
        return text.to_owned();
    }
    text.split_inclusive('\n')
        .map(|line| {
            let blanks = line.len() - line.trim_start().len();
            let (blanks, rest) = line.split_at(blanks);
            let rest = rest.replace("##[", "## [");
            if rest.starts_with("::") { format!("{blanks}| {rest}") } else { format!("{blanks}{rest}") }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_command_is_escaped() {
        let place = Place { file: "apps/a,b/shipit.toml".to_owned(), line: Some(3) };
        assert_eq!(
            error("deploy: not-live", Some(&place), "50%\nof ::it\n"),
            "::error title=deploy%3A not-live,file=apps/a%2Cb/shipit.toml,line=3::50%25%0Aof ::it\n"
        );
        assert_eq!(warning("odd"), "::warning title=shipit::odd\n");
        assert_eq!(group("a\nb"), "::group::a%0Ab\n");
    }

    #[test]
    fn no_foreign_line_is_a_command() {
        let said = "fine :: so\n    ::error::x\n::add-mask::y\n  a ##[command]z\n\tlast";
        assert_eq!(inert(said), "fine :: so\n    | ::error::x\n| ::add-mask::y\n  a ## [command]z\n\tlast");
        assert_eq!(inert("nothing\n"), "nothing\n");
    }
}
