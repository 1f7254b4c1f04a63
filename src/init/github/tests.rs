use std::path::Path;

use snapbox::{IntoData as _, assert_data_eq, str};

use super::place_on_runner;
use super::workflow::Workflow;
use crate::model::action::Action;

const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

fn action() -> Action {
    format!("anna/shipit@{HASH}").parse().unwrap()
}

fn plain(action: &Action) -> Workflow<'_> {
    Workflow {
        app: "server",
        environment: "production",
        folder: "",
        branch: "main",
        knows_host: true,
        runner: "ubuntu-24.04",
        signing_key: None,
        action,
    }
}

#[test]
fn an_app_with_a_repository_of_its_own() {
    let action = action();
    let workflow = plain(&action);
    assert_eq!(
        (workflow.file_name(), workflow.environment_name()),
        ("deploy.yml".into(), "production".into())
    );
    assert_data_eq!(workflow.text(), str![[r##"
# Written by `shipit init --github`. A push to the branch below goes live; "Run workflow" on the Actions page can roll back.
name: Deploy

on:
  push:
    branches: [main]
  workflow_dispatch:
    inputs:
      rollback-to:
        description: "Roll back to this release (3f9c2d1, v41), or to the one before (previous); empty: deploy"
        type: string
        default: ""

# One at a time. A deploy that runs is never cancelled: the next one waits for it.
concurrency:
  group: deploy-production
  cancel-in-progress: false

permissions: {}

jobs:
  deploy:
    runs-on: ubuntu-24.04
    timeout-minutes: 60
    permissions:
      contents: read # for the checkout
    environment:
      name: production
      url: ${{ steps.shipit.outputs.url }}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          # The whole history: shipit lists the commits between what is live and what goes live.
          fetch-depth: 0
          persist-credentials: false
      - id: shipit
        uses: anna/shipit@0123456789abcdef0123456789abcdef01234567
        with:
          command: ${{ inputs.rollback-to && 'rollback' || 'deploy' }}
          revision: ${{ inputs.rollback-to != 'previous' && inputs.rollback-to || '' }}
          # Somebody may be deploying from elsewhere.
          args: --wait 10m
          ssh-private-key: ${{ secrets.SHIPIT_SSH_KEY }}
          # shipit.toml has the server's key.

"##]].raw());
    assert_data_eq!(
        workflow.next("shipit setup --as root --key", None, "ssh a cat").join("\n"),
        str![[r#"
gh api --silent 'repos/{owner}/{repo}/environments/production' 2>/dev/null || gh api --silent --method PUT 'repos/{owner}/{repo}/environments/production'
ssh-keygen -q -t ed25519 -N '' -C github -f ~/.ssh/server-github
shipit setup --as root --key ~/.ssh/server-github.pub
gh secret set SHIPIT_SSH_KEY --env production < ~/.ssh/server-github
"#]]
    );
}

#[test]
fn an_environment_of_an_app_in_a_folder() {
    let action = action();
    let workflow = Workflow {
        app: "web",
        environment: "staging",
        folder: "apps/the web",
        branch: "re/lease+1 @branch@",
        knows_host: false,
        runner: "ubuntu-24.04-arm",
        signing_key: Some("~/.config/shipit/signing.key"),
        ..plain(&action)
    };
    assert_eq!(
        (workflow.file_name(), workflow.environment_name()),
        ("deploy-web-staging.yml".into(), "web-staging".into())
    );
    assert_data_eq!(workflow.text(), str![[r##"
# Written by `shipit init --github`. A push to the branch below goes live; "Run workflow" on the Actions page can roll back.
name: Deploy web staging

on:
  push:
    branches: ["re/lease\\+1 @branch@"]
    # If the app is made of nothing but its own folder:
    # paths: ["apps/the web/**"]
  workflow_dispatch:
    inputs:
      rollback-to:
        description: "Roll back to this release (3f9c2d1, v41), or to the one before (previous); empty: deploy"
        type: string
        default: ""

# One at a time. A deploy that runs is never cancelled: the next one waits for it.
concurrency:
  group: deploy-web-staging
  cancel-in-progress: false

permissions: {}

jobs:
  # Has the key that signs, and reaches no server. Whoever deploys has only the one that logs in.
  build:
    if: ${{ !inputs.rollback-to }}
    runs-on: ubuntu-24.04-arm
    timeout-minutes: 60
    permissions:
      contents: read # for the checkout
    environment: web-staging-signing
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          # As for the deploy: a flake may ask how many commits there are.
          fetch-depth: 0
          persist-credentials: false
      - name: Put the signing key where shipit.toml names it
        env:
          SIGNING_KEY: ${{ secrets.SHIPIT_SIGNING_KEY }}
        run: |
          umask 077
          mkdir -p -- "$(dirname -- ~/.config/shipit/signing.key)"
          printf '%s\n' "$SIGNING_KEY" > ~/.config/shipit/signing.key
      - uses: anna/shipit@0123456789abcdef0123456789abcdef01234567
        with:
          environment: staging
          working-directory: apps/the web
          command: build
          args: --to ${{ runner.temp }}/closure
      - uses: actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1
        with:
          name: closure
          path: ${{ runner.temp }}/closure
          compression-level: 0 # it is packed already
          if-no-files-found: error
          retention-days: 7

  deploy:
    needs: build
    # Nothing is built for a rollback.
    if: ${{ !failure() && !cancelled() }}
    runs-on: ubuntu-24.04-arm
    timeout-minutes: 60
    permissions:
      contents: read # for the checkout
    environment:
      name: web-staging
      url: ${{ steps.shipit.outputs.url }}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          # The whole history: shipit lists the commits between what is live and what goes live.
          fetch-depth: 0
          persist-credentials: false
      - if: ${{ !inputs.rollback-to }}
        uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1
        with:
          name: closure
          path: ${{ runner.temp }}/closure
      - id: shipit
        uses: anna/shipit@0123456789abcdef0123456789abcdef01234567
        with:
          environment: staging
          working-directory: apps/the web
          command: ${{ inputs.rollback-to && 'rollback' || 'deploy' }}
          revision: ${{ inputs.rollback-to != 'previous' && inputs.rollback-to || '' }}
          # Somebody may be deploying from elsewhere.
          args: --wait 10m ${{ !inputs.rollback-to && format('--from {0}/closure', runner.temp) || '' }}
          ssh-private-key: ${{ secrets.SHIPIT_SSH_KEY }}
          host-key: ${{ vars.SHIPIT_HOST_KEY }}

"##]].raw());
    assert_data_eq!(
        workflow.next("shipit setup --as root --key", Some("gh secret set it"), "ssh a cat").join("\n"),
        str![[r#"
gh api --silent 'repos/{owner}/{repo}/environments/web-staging' 2>/dev/null || gh api --silent --method PUT 'repos/{owner}/{repo}/environments/web-staging'
ssh-keygen -q -t ed25519 -N '' -C github -f ~/.ssh/web-staging-github
shipit setup --as root --key ~/.ssh/web-staging-github.pub
gh secret set SHIPIT_SSH_KEY --env web-staging < ~/.ssh/web-staging-github
gh api --silent 'repos/{owner}/{repo}/environments/web-staging-signing' 2>/dev/null || gh api --silent --method PUT 'repos/{owner}/{repo}/environments/web-staging-signing'
gh secret set it
gh variable set SHIPIT_HOST_KEY --env web-staging --body "$(ssh a cat)"
"#]]
    );
}

#[test]
fn a_key_lies_on_the_runner_as_it_does_here() {
    let place =
        |file: &str| place_on_runner(Path::new(file), Path::new("/src/app"), Some(Path::new("/home/anna")));
    assert_eq!(place("/home/anna/.config/a key").as_deref(), Some("~/'.config/a key'"));
    assert_eq!(place("/src/app/deploy/key").as_deref(), Some("./deploy/key"));
    assert_eq!(place("/etc/key"), None);
    assert_eq!(place_on_runner(Path::new("/home/anna/key"), Path::new("/src/app"), None), None);
}

/// What is pinned in the workflow that is written is what is pinned in our own.
#[test]
fn its_checkout_is_ours() {
    let pin = |text: &str| {
        let at = text.find("actions/checkout@").expect("a checkout");
        text[at..].lines().next().map(str::to_owned)
    };
    let own = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/.github/workflows/test.yml"));
    assert_eq!(pin(include_str!("deploy.yml")), pin(own));
}
