//! A deploy on a GitHub runner: what it leaves there for people and for later steps.

use std::fs;

use crate::support::site::Site;
use crate::support::world::{Ran, SHIPIT, run};

/// Runs shipit as a step does, with the runner's variables and files.
fn step(site: &Site, words: &[&str]) -> Ran {
    let folder = site.world.file("runner");
    fs::create_dir_all(&folder).expect("a folder");
    for name in ["output", "summary"] {
        let _ = fs::remove_file(folder.join(name));
    }
    let mut command = site.world.command(SHIPIT);
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_ACTOR", "anna")
        .env("GITHUB_SERVER_URL", "https://github.example")
        .env("GITHUB_REPOSITORY", "anna/app")
        .env("GITHUB_RUN_ID", "42")
        .env("GITHUB_WORKFLOW_REF", "anna/app/.github/workflows/deploy.yml@refs/heads/main")
        .env("GITHUB_OUTPUT", folder.join("output"))
        .env("GITHUB_STEP_SUMMARY", folder.join("summary"))
        .env("GITHUB_WORKSPACE", site.world.app());
    run(command, words).wait()
}

fn left(site: &Site, name: &str) -> String {
    fs::read_to_string(site.world.file("runner").join(name)).expect("what the step left")
}

#[test]
fn a_step_leaves_outputs_a_summary_and_annotations() {
    let site = Site::new();
    let old = site.now().current["releases/".len()..].to_owned();
    let new = site.commit("ok");
    let ran = step(&site, &["deploy"]).expect(0);
    site.is_live(&new);
    let output = left(&site, "output");
    for line in ["outcome=live", &format!("release={new}"), &format!("previous={old}"), "duration="] {
        assert!(output.lines().any(|it| it.starts_with(line)), "no {line} in {output}");
    }
    let summary = left(&site, "summary");
    for text in ["is live on `deploy@", "answers with status 200", &format!("shipit rollback {}", &old[..7])]
    {
        assert!(summary.contains(text), "no {text} in {summary}");
    }
    assert!(ran.stderr.contains("::group::") && ran.stderr.contains("::endgroup::"), "{}", ran.stderr);
    let journal = site.now().journal.join("\n");
    assert!(journal.contains("https://github.example/anna/app/actions/runs/42"), "{journal}");
    assert!(journal.contains("\"who\":\"anna\""), "{journal}");

    // Going back, from the workflow that is there, names what is left behind and the way there again.
    let workflows = site.world.app().join(".github/workflows");
    fs::create_dir_all(&workflows).expect("a folder");
    fs::write(workflows.join("deploy.yml"), include_str!("../../src/init/github/deploy.yml"))
        .expect("a file");
    step(&site, &["rollback"]).expect(0);
    site.is_live(&old);
    let summary = left(&site, "summary");
    let again = format!("gh workflow run deploy.yml -f rollback-to={new}");
    for text in
        ["is live again on `deploy@", "1 commit was left behind:", &new[..7], "go forward again", &again]
    {
        assert!(summary.contains(text), "no {text} in {summary}");
    }
    step(&site, &["rollback", &new]).expect(0);
    step(&site, &["rollback", &new]).expect(0);
    let output = left(&site, "output");
    for line in ["outcome=already-live", &format!("release={new}"), &format!("previous={new}")] {
        assert!(output.lines().any(|it| it == line), "no {line} in {output}");
    }
    step(&site, &["doctor"]).expect(0);
    assert!(left(&site, "output").starts_with("outcome=done\nduration="));

    // One that fails is an annotation with the app's last words, and nothing that the app says is obeyed.
    site.drop_in("[Service]\nExecStartPre=/bin/echo ::error::set by the app");
    site.commit("crash");
    let failed = step(&site, &["deploy"]).expect(7);
    let annotations: Vec<&str> =
        failed.stderr.lines().filter(|line| line.trim_start().starts_with("::error")).collect();
    assert!(
        matches!(annotations[..], [one] if one.starts_with("::error title=shipit%3A not-live::") && one.contains("runs again")),
        "{annotations:#?}"
    );
    assert!(failed.stderr.contains("| ::error::set by the app"), "{}", failed.stderr);
    let output = left(&site, "output");
    assert!(output.starts_with("outcome=not-live\nduration=") && output.lines().count() == 2, "{output}");
    let summary = left(&site, "summary");
    assert!(summary.contains("did not go live") && summary.contains("boom: refused to start"), "{summary}");

    // A mistake in shipit.toml is shown at its line.
    site.world.edit("app = \"server\"", "app = \"server\"\nhots = 1");
    let failed = step(&site, &["deploy"]).expect(2);
    assert!(failed.stderr.contains("file=shipit.toml,line=2::"), "{}", failed.stderr);
}
