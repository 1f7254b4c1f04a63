//! The text of a shipit.toml: short, and each value with where it comes from.

use unicode_width::UnicodeWidthStr;

use super::draft::{DEFAULT, Draft, Value};

/// What is said of a value: where it comes from, and whether that is to be believed.
pub fn origin(value: &Value) -> String {
    let from = harmless(&value.from);
    if value.guess { format!("a guess: {from}") } else { from }
}

/// The whole file.
pub fn text(draft: &Draft) -> String {
    let mut text = String::from(
        "# What `shipit deploy` needs to know. Behind each value: where `shipit init` has it from.\n",
    );
    if let Some(about) = &draft.about {
        text += &format!("# Deployed is the commit that is checked out (now: {}).\n", harmless(about));
    }
    if draft.values.iter().any(|value| value.guess) {
        text += "# Look at the guesses.\n";
    }
    text += "\n";
    let of = |name: &str| -> Vec<&Value> {
        let table = |value: &&Value| value.key.split_once('.').map_or("", |(table, _)| table) == name;
        draft.values.iter().filter(table).collect()
    };
    let (top, sign, health) = (of(""), of("sign"), of("health"));
    text += &table(&top);
    if !top.iter().any(|value| value.key == "assets") {
        text +=
            "# assets = [\"views\"]   # files of the commit that shall lie beside result/; none were found\n";
    }
    if !sign.is_empty() {
        text += &format!("\n[sign]\n{}", table(&sign));
    }
    text += "\n[health]\n";
    if health.is_empty() {
        text += "# No port was found. Without a check nothing more is known of a release than that its unit stays up.\n\
                 # http = \"http://127.0.0.1:3000/\"   # asked on the server itself\n\
                 settle = \"5s\"   # the time in which the app would fail\n";
    }
    text + &table(&health)
}

fn table(values: &[&Value]) -> String {
    // What follows from `app` does so in each environment, unless it is written down.
    let name = |value: &Value| {
        let mark = if value.from == DEFAULT { "# " } else { "" };
        format!("{mark}{}", value.key.rsplit('.').next().unwrap_or_default())
    };
    let widest = values.iter().map(|value| name(value).len()).max().unwrap_or_default();
    let lines: Vec<(String, String)> = values
        .iter()
        .map(|value| (format!("{:<widest$} = {}", name(value), value.value), origin(value)))
        .collect();
    let room = lines.iter().map(|(line, _)| line.width()).max().unwrap_or_default();
    let blanks = |line: &str| " ".repeat(room - line.width());
    lines.iter().map(|(line, from)| format!("{line}{}   # {from}\n", blanks(line))).collect()
}

/// A file's name may have a line break in it, which would end the comment.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
