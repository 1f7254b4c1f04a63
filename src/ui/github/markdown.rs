//! Text as Markdown that says nothing but the text.

/// In a sentence: no mark-up, no tags, no line of its own.
pub fn text(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut safe = String::with_capacity(one_line.len());
    for c in one_line.chars() {
        match c {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '$' | '@' => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
    }
    safe
}

/// A sentence of ours, in which commands stand between backticks, or one of shipit's is its end.
pub fn sentence(said: &str) -> String {
    let parts: Vec<&str> = said.split('`').collect();
    if let ([_], Some((before, command))) = (&parts[..], said.split_once(": shipit ")) {
        return format!("{}: {}", text(before), code(&format!("shipit {command}")));
    }
    // One that is alone is none of ours.
    if parts.len().is_multiple_of(2) {
        return text(said);
    }
    let part = |(at, part): (usize, &&str)| {
        if at % 2 == 1 {
            return code(part);
        }
        let blank = |it: bool| if it && !part.trim().is_empty() { " " } else { "" };
        let only = if !part.is_empty() && part.trim().is_empty() { " " } else { "" };
        let (begin, end) = (blank(part.starts_with(' ')), blank(part.ends_with(' ')));
        format!("{begin}{}{end}{only}", text(part))
    };
    parts.iter().enumerate().map(part).collect()
}

/// A word as code.
pub fn code(word: &str) -> String {
    let fence = "`".repeat(longest_run(word) + 1);
    let space = if word.starts_with('`') || word.ends_with('`') { " " } else { "" };
    let word = word.replace('\n', " ");
    format!("{fence}{space}{word}{space}{fence}")
}

/// Mark-up as a cell of a table: there alone a bar has to be escaped, in code too, or it ends the cell.
pub fn cell(markup: &str) -> String {
    markup.replace('|', "\\|")
}

/// Lines as a block of code.
pub fn block(lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", lines.join("\n"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_mark_up_but_what_is_meant_to_be() {
        assert_eq!(text("a *b* <img src=x>\n[l](u) |"), "a \\*b\\* &lt;img src=x&gt; \\[l\\](u) |");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(sentence("make one: `a | b`, or `c` `d`"), "make one: `a | b`, or `c` `d`");
        assert_eq!(cell(&sentence("x | `a | b`")), "x \\| `a \\| b`");
        assert_eq!(sentence("*more*: shipit logs -n 9"), "\\*more\\*: `shipit logs -n 9`");
        assert_eq!(sentence("`a`: shipit was"), "`a`: shipit was");
        assert_eq!(sentence("one ` is *none*"), "one \\` is \\*none\\*");
        assert_eq!(code("`x`"), "`` `x` ``");
        let lines = ["```".to_owned(), "::error::".to_owned()];
        assert_eq!(block(&lines), "````text\n```\n::error::\n````\n");
    }
}
