//! `completions` and `man`: what they print is tried with the shells and the formatter that it is for.

use std::fs;
use std::process::Command;

use crate::support::lab::{Server, Variant};
use crate::support::world::World;

#[test]
fn real_shells_complete_with_what_is_printed() {
    let server = Server::boot(Variant::Bare);
    let world = World::new(&server);
    // Where there is no shipit.toml.
    let script = |shell: &str| world.shipit_in(&world.file("home"), &["completions", shell]).expect(0).stdout;
    for (shell, check) in [("bash", "bash -n"), ("zsh", "zsh -n"), ("fish", "fish -n")] {
        let ran = server.sh_with_input(
            "root",
            &format!("cat >/tmp/{shell}; {check} /tmp/{shell}"),
            script(shell).as_bytes(),
        );
        assert!(ran.success() && ran.stderr.is_empty(), "{shell}: {ran}");
    }
    for shell in ["elvish", "powershell"] {
        assert!(script(shell).contains("rollback"), "{shell}");
    }
    let bash = "bash -c '. /tmp/bash; COMP_WORDS=(shipit roll); COMP_CWORD=1; _shipit shipit roll shipit; echo \"${COMPREPLY[@]}\"'";
    assert_eq!(server.sh_ok(bash).trim(), "rollback");
    let fish = server.sh_ok("fish -c 'source /tmp/fish; complete -C \"shipit prune --k\"'");
    assert!(fish.starts_with("--keep\t"), "{fish}");
    let zsh = "zsh -f -c 'autoload -U compinit && compinit -D && . /tmp/zsh && echo $_comps[shipit]'";
    assert_eq!(server.sh_ok(zsh).trim(), "_shipit");

    world.shipit(&["completions", "tcsh"]).expect(2).says(&["possible values: bash"]);
    world.shipit(&["completions", "bash", "--json"]).expect(2).says(&["has no --json"]);
}

#[test]
fn the_pages_are_ones_that_man_shows() {
    let world = World::alone();
    let home = world.file("home");
    world.shipit_in(&home, &["man", "pages"]).expect(0).says(&["pages in", "home/pages"]);
    let mut names: Vec<String> = fs::read_dir(home.join("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert!(
        names.len() > 10
            && ["shipit.1", "shipit-build.1"].iter().all(|it| names.iter().any(|name| name == it)),
        "{names:?}"
    );
    for name in &names {
        let page = home.join("pages").join(name);
        let output = Command::new("groff")
            .args(["-Kutf8", "-man", "-Tutf8", "-ww", "-P-cbou"])
            .arg(&page)
            .output()
            .expect("groff");
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("NAME") && text.contains("SYNOPSIS") && text.contains("EXAMPLES"),
            "{name}: {text}"
        );
        // Each example has a line of its own.
        let example = format!("shipit {}", name.trim_start_matches("shipit-").trim_end_matches(".1"));
        if name != "shipit.1" {
            assert!(text.lines().any(|line| line.trim_start().starts_with(&example)), "{name}: {text}");
        }
    }
    let page = world.shipit_in(&home, &["man"]).expect(0).stdout;
    assert_eq!(page, fs::read_to_string(home.join("pages/shipit.1")).unwrap());

    fs::write(home.join("file"), "").unwrap();
    world.shipit_in(&home, &["man", "file"]).expect(2).says(&["could not be written into", "home/file"]);
    world.shipit_in(&home, &["man", "--json"]).expect(2).says(&["has no --json"]);
}
