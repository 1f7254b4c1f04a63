//! Words on their way through a real shell.

use std::time::Duration;

use proptest::prelude::*;

use super::any_length;
use crate::deploy::server::state;
use crate::model::settings::SshSettings;
use crate::remote;
use crate::tools::cmd::{Cmd, quoted};
use crate::tools::process;

/// The shells that are here, of those that a login may have and those that `sh` may be.
const LOGINS: [&[&str]; 6] = [&["sh"], &["bash"], &["busybox", "sh"], &["zsh"], &["fish"], &["tcsh"]];

fn run(program: &[&str], script: &str) -> Option<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cmd = Cmd::new(program[0], Duration::from_secs(60)).args(&program[1..]).args(["-c", script]);
    match runtime.block_on(process::run(&cmd)) {
        Ok(output) => Some(output.stdout),
        Err(error) if error.is_not_found() => None,
        Err(error) => panic!("{error}\n{}", error.stderr),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_words_arrive_as_they_were_sent(words in prop::collection::vec(any_length(), 0..6)) {
        // No program is given a NUL; all else is.
        let words: Vec<String> = words.into_iter().map(|word| word.replace('\0', "")).collect();
        let expected: Vec<u8> = words.iter().flat_map(|word| [b"<", word.as_bytes(), b">\n"].concat()).collect();
        let line = remote::line_of("for word in \"$@\"; do printf '<%s>\\n' \"$word\"; done\n", &words);
        for login in LOGINS {
            if let Some(said) = run(login, &line) {
                prop_assert_eq!(&said, &expected, "{:?}", login);
            }
        }
    }

    #[test]
    fn what_is_to_be_pasted_means_itself(word in any_length(), host in "[a-z]{1,5}") {
        let word = word.replace('\0', "");
        let said = run(&["sh"], &format!("printf '%s' {}", quoted(word.as_ref())));
        prop_assert_eq!(said.unwrap(), word.as_bytes());
        // As in `ssh -F FILE HOST`.
        let ssh = SshSettings { config: Some(word.clone().into()), host_key: None };
        let said = run(&["sh"], &format!("ssh() {{ printf '<%s>' \"$@\"; }}; {}", ssh.by_hand("", &host)));
        prop_assert_eq!(said.unwrap(), format!("<-F><{word}><{host}>").into_bytes());
    }
}

/// What means something to the way that words travel on, in each shell that a server's `sh` may be.
#[test]
fn the_words_of_the_encoding_are_words_like_any_other() {
    let long = "it's \\n\n".repeat(700);
    let words = [
        "",
        ".",
        "\\w",
        "\\",
        "\\\\w",
        "\\n",
        "\\c",
        "\\0101",
        "\n",
        "a\n",
        "\na",
        "a\n\n",
        &long,
        " ",
        "",
        "-n",
        "%s",
        &long[1..],
        "*",
        "\u{e9}\u{1}\r",
        "",
        "",
    ];
    for sh in ["sh", "bash --posix", "busybox sh"] {
        for count in [words.len(), words.len() - 5, 1] {
            let line =
                remote::line_of("for word in \"$@\"; do printf '<%s>\\n' \"$word\"; done\n", &words[..count]);
            let line = line.replacen("exec sh -c", &format!("exec {sh} -c"), 1);
            let expected: String = words[..count].iter().map(|word| format!("<{word}>\n")).collect();
            let Ok(said) = String::from_utf8(run(&["sh"], &line).unwrap()) else { panic!("{sh}") };
            assert!(said == expected || said.is_empty() && sh != "sh", "{sh}: {said}");
        }
    }
}

/// `current` and what its link says, as the script tells it, and as Rust understands it.
#[test]
fn any_link_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let texts: [(&[u8], bool); 12] = [
        (b"releases/abc", true),
        (b"releases/abc ", false),
        (b"releases/abc\n", false),
        (b"releases/abc\r", false),
        (b"releases/abc\n@ root ready", false),
        (b"releases/../abc", false),
        (b"releases/-x", false),
        (b"-rf", false),
        (b"current", false),
        (b"/etc/passwd", false),
        (b"\xff\xfe\x1b[2J", false),
        ("größe/$(x)".as_bytes(), false),
    ];
    for (text, is_release) in texts {
        use std::os::unix::ffi::OsStrExt as _;
        let _ = std::fs::remove_file(root.join("current"));
        std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(text), root.join("current")).unwrap();
        let line = remote::line_of(
            "cd \"$1\"\nsay \"current $(look_at_current current)\"\n",
            &[root.to_str().unwrap()],
        );
        let said = run(&["sh"], &line).unwrap();
        let lines: Vec<String> = String::from_utf8(said).unwrap().lines().map(str::to_owned).collect();
        let current: Vec<&String> = lines.iter().filter(|line| line.starts_with("@ current ")).collect();
        assert_eq!(current.len(), 1, "{lines:#?}");
        let state = state::read(&lines, &root.to_str().unwrap().parse().unwrap());
        assert_eq!(state.current.release().is_some(), is_release, "{current:?}");
        assert!(state.seen_current.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }
}
