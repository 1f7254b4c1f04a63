//! The text of the workflow: `deploy.yml` beside this, with the lines that differ from app to app. Where releases are
//! signed, two jobs: `build.yml` before it, and `fetch.yml` in it.

use serde_json::Value;

use crate::model::action::{Action, environment_on_github, signing_environment_on_github};
use crate::tools::cmd::quoted;

const DEPLOY: &str = include_str!("deploy.yml");
const BUILD: &str = include_str!("build.yml");
const FETCH: &str = include_str!("fetch.yml");

/// What differs.
#[derive(Debug, Clone)]
pub struct Workflow<'a> {
    /// The app's name.
    pub app: &'a str,
    /// The environment of shipit.toml.
    pub environment: &'a str,
    /// The app's folder in the repository; empty: its top.
    pub folder: &'a str,
    /// The branch that is deployed.
    pub branch: &'a str,
    /// shipit.toml pins the server's key itself.
    pub knows_host: bool,
    /// The machine that builds, as GitHub calls it.
    pub runner: &'a str,
    /// The signing key's file, as a shell on the runner takes it; none: releases are not signed.
    pub signing_key: Option<&'a str>,
    /// shipit's own action.
    pub action: &'a Action,
}

impl Workflow<'_> {
    /// `deploy.yml`. Of several apps of a repository, and of several environments, each has its own.
    pub fn file_name(&self) -> String {
        format!("{}.yml", self.id("deploy"))
    }

    /// The environment on GitHub, which holds the secrets.
    pub fn environment_name(&self) -> String {
        environment_on_github(self.app, self.environment, self.folder)
    }

    /// … and the one that has the signing key.
    pub fn signing_environment(&self) -> String {
        signing_environment_on_github(&self.environment_name())
    }

    /// A name that no other workflow of the repository has.
    fn id(&self, first: &str) -> String {
        let app = if self.folder.is_empty() { "" } else { self.app };
        let environment = if self.is_default() { "" } else { self.environment };
        let parts = [first, app, environment].map(str::to_owned);
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
    }

    /// The login key of this environment alone.
    fn key_name(&self) -> String {
        let environment = if self.is_default() { String::new() } else { format!("-{}", self.environment) };
        format!("{}{environment}-github", self.app)
    }

    fn is_default(&self) -> bool {
        self.environment == "production"
    }

    /// The whole file.
    pub fn text(&self) -> String {
        self.lines(DEPLOY).join("\n") + "\n"
    }

    fn lines(&self, template: &str) -> Vec<String> {
        template.lines().flat_map(|line| self.line(line)).collect()
    }

    /// What a line of a template becomes.
    fn line(&self, line: &str) -> Vec<String> {
        match line {
            "@paths@" => self.paths(),
            "@place@" => self.place(),
            "@host_key@" => self.host_key(),
            "@put_key@" => self.put_key(),
            "@build@" | "@needs@" | "@fetch@" if self.signing_key.is_none() => Vec::new(),
            "@build@" => self.lines(BUILD),
            "@needs@" => vec![
                "    needs: build".to_owned(),
                "    # Nothing is built for a rollback.".to_owned(),
                "    if: ${{ !failure() && !cancelled() }}".to_owned(),
            ],
            "@fetch@" => self.lines(FETCH),
            "@args@" => vec![
                "          # Somebody may be deploying from elsewhere.".to_owned(),
                format!(
                    "          args: --wait 10m{}",
                    self.signing_key.map_or("", |_| {
                        " ${{ !inputs.rollback-to && format('--from {0}/closure', runner.temp) || '' }}"
                    })
                ),
            ],
            line => vec![self.filled(line)],
        }
    }

    /// One value a line, so that none is looked into for another.
    fn filled(&self, line: &str) -> String {
        let Some((before, rest)) = line.split_once(": ") else { return line.to_owned() };
        let value = match rest {
            "@title@" => scalar(&self.id("Deploy").replace('-', " ")),
            "[@branch@]" => format!("[{}]", scalar(&pattern(self.branch))),
            "@group@" => scalar(&format!("deploy-{}", self.environment_name())),
            "@environment@" => scalar(&self.environment_name()),
            "@signing_environment@" => scalar(&self.signing_environment()),
            "@runner@" => self.runner.to_owned(),
            "@action@" => self.action.to_string(),
            rest => rest.to_owned(),
        };
        format!("{before}: {value}")
    }

    /// Only proposed: a flake in a folder may well take files from beside it.
    fn paths(&self) -> Vec<String> {
        match self.folder {
            "" => Vec::new(),
            folder => vec![
                "    # If the app is made of nothing but its own folder:".to_owned(),
                format!("    # paths: [{}]", scalar(&format!("{}/**", pattern(folder)))),
            ],
        }
    }

    fn put_key(&self) -> Vec<String> {
        let Some(file) = self.signing_key else { return Vec::new() };
        vec![
            format!("          mkdir -p -- \"$(dirname -- {file})\""),
            format!("          printf '%s\\n' \"$SIGNING_KEY\" > {file}"),
        ]
    }

    /// Which app of the repository, and which environment of its shipit.toml.
    fn place(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.is_default() {
            lines.push(format!("          environment: {}", scalar(self.environment)));
        }
        if !self.folder.is_empty() {
            lines.push(format!("          working-directory: {}", scalar(self.folder)));
        }
        lines
    }

    fn host_key(&self) -> Vec<String> {
        if self.knows_host {
            return vec!["          # shipit.toml has the server's key.".to_owned()];
        }
        vec!["          host-key: ${{ vars.SHIPIT_HOST_KEY }}".to_owned()]
    }

    /// What is to be done on GitHub before the first run, with a login of its own. `let_in`: what one types before the
    /// file of a key that shall log in; `secret`: the command for the signing key's; `read_key`: tells the server's public key over a
    /// connection that is trusted already.
    pub fn next(&self, let_in: &str, secret: Option<&str>, read_key: &str) -> Vec<String> {
        let environment = self.environment_name();
        let make = |environment: &str| {
            let path = format!("repos/{{owner}}/{{repo}}/environments/{environment}");
            let path = quoted(path.as_ref());
            // Of one that is there a PUT may take away the rules: it is not sent.
            format!("gh api --silent {path} 2>/dev/null || gh api --silent --method PUT {path}")
        };
        let login = format!("~/.ssh/{}", self.key_name());
        let mut commands = vec![
            make(&environment),
            format!("ssh-keygen -q -t ed25519 -N '' -C github -f {login}"),
            format!("{let_in} {login}.pub"),
            format!("gh secret set SHIPIT_SSH_KEY --env {environment} < {login}"),
        ];
        if self.signing_key.is_some() {
            commands.push(make(&self.signing_environment()));
            commands.extend(secret.map(str::to_owned));
        }
        if !self.knows_host {
            commands.push(format!(
                "gh variable set SHIPIT_HOST_KEY --env {environment} --body \"$({read_key})\""
            ));
        }
        commands
    }
}

/// A value of YAML: plain where it can be nothing else, in quotes otherwise.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " ._/-".contains(c);
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_plain)
        && !text.ends_with(' ')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_lowercase().as_str());
    if is_word { text.to_owned() } else { Value::from(text).to_string() }
}

/// A name for GitHub's filters, where some characters mean something.
fn pattern(name: &str) -> String {
    let escaped = |c: char| if "*?+[]!\\".contains(c) { vec!['\\', c] } else { vec![c] };
    name.chars().flat_map(escaped).collect()
}
