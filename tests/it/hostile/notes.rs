//! The notes in `.shipit` with any text in them, in every shell: what is taken for one of ours is, the rest is put
//! away, and nothing outside of root is touched. The scripts run here, with a systemd of paper.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use shipit::remote::Script;

const SHELLS: [&str; 3] = ["dash", "bash --posix", "busybox sh"];

/// A root whose `current` is the release `now`, beside things that are none of shipit's business.
struct Paper {
    folder: tempfile::TempDir,
}

impl Paper {
    fn new(shell: &str) -> Self {
        let paper = Paper { folder: tempfile::tempdir().expect("a folder") };
        for name in ["bin", "root/releases/old", "root/releases/now", "root/.shipit", "outside/data"] {
            fs::create_dir_all(paper.at(name)).expect("a folder");
        }
        symlink("releases/now", paper.at("root/current")).expect("a link");
        symlink("data", paper.at("outside/link")).expect("a link");
        symlink("/nix/store", paper.at("root/releases/now/result")).expect("a link");
        fs::write(paper.at("outside/data/file"), "precious").expect("a file");
        let show = "#!/bin/bash\ncase $1 in show) printf 'ActiveState=active\\nInvocationID=first\\nJob=\\n' ;; is-system-running) echo running ;; esac\n";
        for (name, text) in [
            ("sh", &*format!("#!/bin/bash\nexec {shell} \"$@\"\n")),
            ("systemctl", show),
            ("sync", "#!/bin/sh\n"),
        ] {
            fs::write(paper.at("bin").join(name), text).expect("a program");
        }
        let made = Command::new("chmod").args(["-R", "755"]).arg(paper.at("bin")).status();
        assert!(made.expect("chmod").success());
        paper
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn note(&self, name: &str, text: &[u8]) {
        fs::write(self.at("root/.shipit").join(name), text).expect("a note");
    }

    /// Asks how the deploy `t` ended, which settles whatever there is.
    fn ask(&self) -> String {
        let root = format!("root={}", self.at("root").display());
        let words = [&root, "unit=u", "control=root", "patience=1", "token=t", "wait=20"];
        let output = Command::new("/bin/sh")
            .args(["-c", &Script::Outcome.command_line(&words)])
            .env("PATH", format!("{}:/usr/bin:/bin", self.at("bin").display()))
            .current_dir(self.at("outside"))
            .stdin(Stdio::null())
            .output();
        String::from_utf8_lossy(&output.expect("a shell").stdout).into_owned()
    }

    /// Everything outside of `.shipit`, in one text.
    fn all(&self) -> String {
        let find =
            "find . -path ./root/.shipit -prune -o -printf '%p %y %l\\n' | sort; cat outside/data/file";
        let output = Command::new("sh").args(["-c", find]).current_dir(self.folder.path()).output();
        String::from_utf8_lossy(&output.expect("find").stdout).into_owned()
    }

    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.at("root/.shipit")).expect("a folder").flatten();
        let mut names: Vec<String> =
            names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| !["journal.jsonl", "lock"].contains(&name.as_str()));
        names
    }
}

/// Texts that no shipit ever wrote.
fn hostile() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        "", "\n", "..", ".", "../../outside", "../../outside/data", "../../outside/link", "/", "-rf", "releases/../../outside",
        "releases/adopted-/../../../outside/link", "$(touch pwned)", "`touch pwned`", "; touch pwned", "old now", "now/../old", "*", "now",
        "token=t\nnumber=2\nold=../../outside\nnew=../../outside/link\nbefore=first\nwas=active\nmeta=,\"token\":\"t\"\n",
        "token=$(touch pwned)\nnumber=$(touch pwned)\nold=`touch pwned`\nnew=$(touch pwned)\nbefore=\nwas=\nmeta=$(touch pwned)\n",
        "token=t\nnumber=x,\"y\":1\nold=releases/old\nnew=\nbefore=first\nwas=active\nmeta=}\n",
        "token=t\nnumber=2\nol", "\u{1b}[2J", "@ end\n@ outcome nothing",
    ].map(|text| text.as_bytes().to_vec()).into();
    texts.push(b"\xff\xfe\0\0".to_vec());
    texts.push(vec![b'x'; 20_000]);
    texts
}

#[test]
fn no_note_leads_out_of_root_in_any_shell() {
    for shell in SHELLS {
        let paper = Paper::new(shell);
        let before = paper.all();
        for name in [
            "pending",
            "placing",
            "take",
            "holder",
            "end.kept",
            "end.reverted",
            "end.$(touch pwned)",
            "end...",
            "end.",
        ] {
            // The names of ends take the same way.
            let every = if name.starts_with("end.") { 4 } else { 1 };
            for text in hostile().into_iter().step_by(every) {
                let shown = String::from_utf8_lossy(&text).chars().take(60).collect::<String>();
                paper.note(name, &text);
                let answer = paper.ask();
                assert!(answer.ends_with("@ outcome told\n@ end\n"), "{shell} {name} {shown:?}: {answer:?}");
                assert_eq!(paper.all(), before, "{shell} {name} {shown:?}");
                // What is no decision of ours stays as it is; the rest was settled.
                let ours = ["pending", "placing", "take", "end.kept", "end.reverted"].contains(&name);
                assert_eq!(paper.at("root/.shipit").join(name).exists(), !ours, "{shell} {name} {shown:?}");
                let _ = fs::remove_file(paper.at("root/.shipit").join(name));
                assert_eq!(paper.left(), Vec::<String>::new(), "{shell} {name} {shown:?}");
            }
        }
        // Each line that it wrote meanwhile is a whole one.
        let journal = fs::read(paper.at("root/.shipit/journal.jsonl")).expect("a journal");
        assert!(journal.ends_with(b"\n"));
    }
}

#[test]
fn a_line_is_never_written_behind_half_of_another() {
    for shell in SHELLS {
        // The last of them is nearly the line that is to be written.
        let nearly =
            b"{\"v\":1,\"deploy\":2,\"event\":\"kept\",\"token\":\"t\",\"subject\":\"}\",\"outcome\":\"ke";
        for torn in [&b"{\"v\":1,\"dep"[..], b"\0", b"x\0\0", b"\n\0", b"\xff", b"\r", b"{}\n", b"", nearly] {
            let paper = Paper::new(shell);
            paper.note("journal.jsonl", torn);
            paper.note("end.kept", b"token=t\nnumber=2\nold=releases/old\nnew=releases/now\nmeta=,\"token\":\"t\",\"release\":\"now\"\n");
            let answer = paper.ask();
            assert!(answer.contains("\"event\":\"kept\",\"token\":\"t\""), "{shell} {torn:?}: {answer}");
            let journal = fs::read(paper.at("root/.shipit/journal.jsonl")).expect("a journal");
            let last = journal.strip_suffix(b"\n").expect("whole").rsplit(|byte| *byte == b'\n').next();
            let last: serde_json::Value = serde_json::from_slice(last.expect("a line")).expect("an object");
            assert_eq!((&last["event"], &last["deploy"]), (&"kept".into(), &2.into()), "{shell} {torn:?}");
            // What was there is still there.
            assert!(journal.starts_with(torn), "{shell} {torn:?}");
        }
    }
}

#[test]
fn what_is_no_file_among_the_notes_is_left_alone() {
    for shell in SHELLS {
        let paper = Paper::new(shell);
        let before = paper.all();
        fs::create_dir(paper.at("root/.shipit/end.kept")).expect("a folder");
        symlink("../../outside/data/file", paper.at("root/.shipit/end.reverted")).expect("a link");
        for _ in 0..2 {
            assert!(paper.ask().ends_with("@ outcome told\n@ end\n"), "{shell}");
        }
        assert_eq!(
            (paper.all(), paper.at("root/.shipit/journal.jsonl").exists()),
            (before, false),
            "{shell}"
        );
        assert_eq!(paper.left().len(), 2);
        // A journal that can't be read tells nothing, and that is no answer.
        fs::create_dir(paper.at("root/.shipit/journal.jsonl")).expect("a folder");
        assert!(!paper.ask().contains("@ journal"), "{shell}");
    }
}
