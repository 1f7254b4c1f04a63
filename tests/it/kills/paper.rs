//! The scripts alone, in every shell, with a systemd of paper: what cannot be met from outside on a server.

/// A root folder and a systemd of paper, for the scripts alone.
struct Paper {
    folder: tempfile::TempDir,
}

impl Paper {
    /// `current` is a release `new`, put there by a dead deploy of token `t`; `old` ran before.
    fn new(shell: &str) -> Self {
        let paper = Paper { folder: tempfile::tempdir().expect("a folder") };
        paper.sh(&format!(
            "mkdir -p bin root/releases/old root/releases/new root/.shipit && ln -s releases/new root/current
             printf '#!/bin/sh\\nexec {shell} \"$@\"\\n' >bin/sh
             printf '#!/bin/sh\\n' >bin/sync
             printf 'ActiveState=active\\nInvocationID=second\\nJob=\\n' >unit
             cat >bin/systemctl <<'END'
#!/bin/bash
case $1 in
  show) cat ../unit ;;
  is-system-running) echo running ;;
  restart) echo \"$2\" >>../restarts; printf 'ActiveState=active\\nInvocationID=third\\nJob=\\n' >../unit ;;
esac
END
             sed -i '1s|.*|#!/bin/bash|' bin/sh
             chmod 755 bin/*"
        ));
        paper
    }

    fn sh(&self, script: &str) -> String {
        let output = std::process::Command::new("/bin/bash")
            .args(["-c", script])
            .current_dir(self.folder.path())
            .output();
        let output = output.expect("bash");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn pending(&self) {
        self.sh(
            "printf 'token=t\\nnumber=2\\nold=releases/old\\nnew=releases/new\\nbefore=first\\nwas=active\\nmeta=,\"token\":\"t\"\\n' >root/.shipit/pending
             ln -sfn releases/old root/.shipit/back
             echo '{\"event\":\"started\",\"token\":\"t\"}' >root/.shipit/journal.jsonl",
        );
    }

    /// Begins to ask how the deploy ended.
    fn ask(&self) -> std::process::Child {
        let words = ["unit=u", "control=root", "patience=10", "token=t", "wait=20"].map(str::to_owned);
        let root = format!("root={}/root", self.folder.path().display());
        let words: Vec<String> = std::iter::once(root).chain(words).collect();
        let line = shipit::remote::Script::Outcome.command_line(&words);
        std::process::Command::new("/bin/sh")
            .args(["-c", &line])
            .env("PATH", format!("{}/bin:/usr/bin:/bin", self.folder.path().display()))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a shell")
    }

    fn asked(&self) -> String {
        told(self.ask())
    }

    /// What is there in the end.
    fn found(&self) -> String {
        self.sh("cd root; readlink current || ls -d current; ls -A .shipit | grep -v '^back$\\|^lock$' | tr '\\n' ' '; cat ../restarts 2>/dev/null; true")
    }
}

fn told(child: std::process::Child) -> String {
    let output = child.wait_with_output().expect("an answer");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn settling_twice_or_at_once_is_settling_once_in_every_shell() {
    for shell in ["dash", "bash --posix", "busybox sh"] {
        // Switched and left.
        let paper = Paper::new(shell);
        paper.pending();
        let askers = [(); 3].map(|()| paper.ask());
        for answer in askers.map(told).into_iter().chain([paper.asked()]) {
            assert!(answer.contains("\"event\":\"interrupted\",\"token\":\"t\""), "{shell}: {answer}");
            assert!(answer.ends_with("@ outcome told\n@ end\n"), "{shell}: {answer}");
        }
        assert_eq!(paper.found(), "releases/old\njournal.jsonl u\n", "{shell}");
        assert_eq!(paper.sh("wc -l <root/.shipit/journal.jsonl").trim(), "2", "{shell}");

        // Left before the link was moved: what ran before never stopped.
        let paper = Paper::new(shell);
        paper.pending();
        paper.sh("ln -sfn releases/old root/current; sed -i s/second/first/ unit");
        assert!(paper.asked().contains("\"event\":\"interrupted\""), "{shell}");
        assert_eq!(paper.found(), "releases/old\njournal.jsonl ", "{shell}");

        // Relinked by hand meanwhile.
        let paper = Paper::new(shell);
        paper.pending();
        paper.sh("ln -sfn theirs root/current");
        assert!(paper.asked().contains("which was left alone"), "{shell}");
        assert_eq!(paper.found(), "theirs\njournal.jsonl ", "{shell}");

        // Decided, but the line was torn by a full disk.
        let paper = Paper::new(shell);
        paper.pending();
        paper.sh("cd root/.shipit; echo kept=second >>pending; mv pending end.kept; printf '{\"event\":\"ke' >>journal.jsonl");
        for _ in 0..2 {
            let answer = paper.asked();
            assert!(
                answer.contains(
                    "\"event\":\"kept\",\"token\":\"t\",\"outcome\":\"kept\",\"invocation\":\"second\"}"
                ),
                "{shell}: {answer}"
            );
        }
        assert_eq!(paper.found(), "releases/new\njournal.jsonl ", "{shell}");
        assert_eq!(paper.sh("wc -l <root/.shipit/journal.jsonl").trim(), "3", "{shell}");

        // … and with its line, which is not written again.
        let paper = Paper::new(shell);
        paper.pending();
        paper.sh("cd root/.shipit; mv pending end.kept; echo '{\"event\":\"kept\",\"token\":\"t\",\"outcome\":\"kept\"}' >>journal.jsonl");
        paper.asked();
        assert_eq!(paper.sh("wc -l <root/.shipit/journal.jsonl").trim(), "2", "{shell}");
        assert_eq!(paper.found(), "releases/new\njournal.jsonl ", "{shell}");

        // A take-over between its two renames; and one that had not begun, with the link for an exchange in place.
        let paper = Paper::new(shell);
        paper.sh("cd root; rm current; mv releases/old releases/adopted-x; printf releases/adopted-x >.shipit/take; ln -s releases/stale .shipit/take-link");
        for _ in 0..2 {
            assert!(paper.asked().contains("@ outcome told"), "{shell}");
            assert_eq!(paper.found(), "releases/adopted-x\ntake ", "{shell}");
        }
        let paper = Paper::new(shell);
        paper.sh("cd root; rm current; mkdir current; printf releases/adopted-x >.shipit/take; ln -s releases/adopted-x releases/adopted-x");
        paper.asked();
        assert_eq!(paper.found(), "current\n", "{shell}");
        assert_eq!(paper.sh("ls root/releases").replace('\n', " "), "new old ", "{shell}");
    }
}
