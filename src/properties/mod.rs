//! What holds for any text, not only for those that somebody thought of: nothing that is parsed panics, what was
//! refused says why, what was taken means what was written.

#[cfg(test)]
mod answers;
pub mod bytes;
#[cfg(test)]
mod config;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod screen;
#[cfg(test)]
mod shells;
mod texts;

#[cfg(test)]
use proptest::prelude::*;

/// Texts of all kinds: any characters, and those that mean something to a shell, a terminal or a parser.
#[cfg(test)]
fn text() -> impl Strategy<Value = String> {
    let telling = prop::sample::select(vec![
        "$(touch pwned)",
        "`x`",
        "'",
        "\"",
        "\\",
        "\n",
        "\r",
        "\t",
        " ",
        "\u{1b}[2J",
        "\u{9b}",
        "\u{202e}",
        "\u{0}",
        "-",
        "--",
        "..",
        "/",
        "@ ",
        "=",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "%",
        "*",
        "ü",
        "日本",
        "\u{301}",
        "@nix ",
        "v",
        "0",
        "18446744073709551616",
        "-1",
        "releases/",
    ]);
    let piece =
        prop_oneof![telling.prop_map(str::to_owned), any::<char>().prop_map(String::from), "[a-z0-9]{0,5}"];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// … up to lengths that nobody types.
#[cfg(test)]
fn any_length() -> impl Strategy<Value = String> {
    prop_oneof![9 => text(), 1 => (text(), 1usize..400).prop_map(|(text, times)| text.repeat(times))]
}
