//! Connecting, and what it means when that does not work: the one place where an [`SshError`] becomes a [`Failure`].

use crate::context::Context;
use crate::model::action::environment_on_github;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::names::HostName;
use crate::model::runner::Runner;
use crate::model::settings::{HostKey, Settings, SshSettings};
use crate::tools::ssh::{Connection, Options, SshError};

/// What sshd makes for itself wherever it is installed.
const HOST_KEY_FILE: &str = "/etc/ssh/ssh_host_ed25519_key.pub";

/// The first hint, which is all that an annotation has room for.
const SOMEBODY_ELSE: &str =
    "if the server was not set up anew, somebody else may be answering in its place: do not go on";

/// How the environment's server is reached. `interactive`: somebody can be asked for a passphrase or a touch.
pub fn options(settings: &Settings, context: &Context, interactive: bool) -> Options {
    Options {
        host: settings.host.clone(),
        ssh: settings.ssh.clone(),
        interactive,
        environment_on_github: context.runner.as_ref().map(|runner| environment(settings, runner)),
        runtime_folder: context.runtime_folder.clone(),
    }
}

fn environment(settings: &Settings, runner: &Runner) -> String {
    let below = runner.workspace.as_deref().and_then(|top| settings.folder.strip_prefix(top).ok());
    let folder = below.map(|folder| folder.to_string_lossy()).unwrap_or_default();
    environment_on_github(settings.app.as_str(), settings.environment.as_str(), &folder)
}

/// Connects.
pub async fn connect(options: &Options) -> Outcome<Connection> {
    Connection::open(options).await.map_err(|error| refused(error, options))
}

/// Why there is no connection.
pub fn refused(error: SshError, options: &Options) -> Failure {
    // The action takes no key with a passphrase.
    let on_github = options.environment_on_github.as_deref();
    let asked_nobody =
        !options.interactive && on_github.is_none() && matches!(error, SshError::Denied { .. });
    let no_folder = matches!(error, SshError::Folder(_));
    let failure = failure(error, &options.ssh, on_github);
    if asked_nobody {
        failure.hint("nobody can be asked for a passphrase here: the key must have none, or be in an agent")
    } else if no_folder {
        failure.hint(format!("make {} writable", options.runtime_folder.display()))
    } else {
        failure
    }
}

/// What a failed request over the connection means, as long as nothing was touched. While a switch is under way a
/// lost connection is something else, and the caller's to say.
pub fn ssh_failure(error: SshError) -> Failure {
    failure(error, &SshSettings::default(), None)
}

/// How the action comes to the server's key: from a machine that knows the server.
fn give_to_action(ssh: &SshSettings, host: &HostName, environment: &str) -> String {
    let read = format!("{} \"cat {HOST_KEY_FILE} | cut -d' ' -f1,2\"", ssh.by_hand("", host.as_str()));
    format!(
        "give the server's key to the action's input `host-key`, as a variable that is set from a machine that knows the \
         server: `gh variable set SHIPIT_HOST_KEY --env {environment} --body \"$({read})\"`; in the workflow: \
         `host-key: ${{{{ vars.SHIPIT_HOST_KEY }}}}`"
    )
}

/// How the server comes to the action's key.
fn let_action_in(environment: &str) -> Vec<String> {
    vec![
        format!(
            "the server does not know the key of `ssh-private-key` (the secret SHIPIT_SSH_KEY of the environment \
             {environment}): from a machine that may log in as an administrator: `shipit setup --as root --key FILE.pub`, \
             where FILE.pub is its public half"
        ),
        format!(
            "where the step warned that it is empty: `gh secret set SHIPIT_SSH_KEY --env {environment} < FILE`, and the \
             job must name that environment"
        ),
    ]
}

/// How the server comes to the key of whoever sits here.
fn let_login_in(ssh: &SshSettings, host: &HostName) -> Vec<String> {
    vec![
        format!("`{}` shows which keys were tried", ssh.by_hand("-v ", host.as_str())),
        "`ssh-add -l` lists the keys that the agent holds".to_owned(),
        format!(
            "`ssh-copy-id {host}` writes your key there, where a password still lets you in; or add its public half to \
             the login's ~/.ssh/authorized_keys"
        ),
        "`shipit setup --as root --key ~/.ssh/id_ed25519.pub` lets that key in, and makes the login where there is none"
            .to_owned(),
    ]
}

/// `on_github`: it is on a runner, and this is the environment there.
fn failure(error: SshError, ssh: &SshSettings, on_github: Option<&str>) -> Failure {
    let hints: Vec<String> = match &error {
        SshError::NotInstalled => vec!["install the OpenSSH client".to_owned()],
        SshError::UnknownHostKey { host, key, .. } => {
            let mut hints: Vec<String> =
                on_github.iter().map(|environment| give_to_action(ssh, host, environment)).collect();
            hints.push(
                "compare the fingerprint with the server's own, which this prints there: \
                 `for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done`"
                    .to_owned(),
            );
            if let Some(key) = key {
                hints.push(format!(
                    "if it is the same, pin it below [ssh] in shipit.toml: host_key = \"{key}\""
                ));
            }
            // Nobody there to say yes, and nothing that is said there lasts.
            if on_github.is_none() {
                let key = key.as_deref().unwrap_or("KEY");
                hints.push(format!("or give it to this command alone: --host-key '{key}'"));
                hints
                    .push(format!("or connect once by hand and say yes: `{}`", ssh.by_hand("", host.as_str())));
            }
            hints
        }
        SshError::OtherHostKey { host, pinned: Some(key), .. } => vec![
            SOMEBODY_ELSE.to_owned(),
            match (key, on_github) {
                (HostKey::Given(_), Some(environment)) => {
                    format!("if it was, {}", give_to_action(ssh, host, environment))
                }
                (key, _) => format!(
                    "if it was, {}; there this prints it: cut -d' ' -f1,2 {HOST_KEY_FILE}",
                    match key {
                        HostKey::Written(_) => "put its new key into host_key below [ssh] in shipit.toml",
                        HostKey::Given(_) => "give its new key with --host-key",
                    }
                ),
            },
        ],
        SshError::OtherHostKey { host, pinned: None, .. } => vec![
            SOMEBODY_ELSE.to_owned(),
            format!(
                "if it was, `{}` names the line of known_hosts to remove",
                ssh.by_hand("", host.as_str())
            ),
        ],
        SshError::Denied { host, .. } => on_github.map_or_else(|| let_login_in(ssh, host), let_action_in),
        SshError::Unreachable { host, .. } => vec![
            format!("`{}` tries the same by hand", ssh.by_hand("-v ", host.as_str())),
            "the server's name is `host` in shipit.toml".to_owned(),
        ],
        SshError::Lost { .. } => vec!["nothing was touched: type the same command again".to_owned()],
        SshError::Garbled { host, .. } => vec![format!(
            "`{} 'echo fine'` must say fine: the login needs a shell that runs commands",
            ssh.by_hand("", host.as_str())
        )],
        SshError::TooLong { .. } => vec![
            "make the words of `before_switch` in shipit.toml or the unit's Environment= shorter: a script of the \
             release and an EnvironmentFile= have no such limit"
                .to_owned(),
        ],
        SshError::Folder(_) => Vec::new(),
    };
    Failure { hints, ..Failure::new(Kind::NotReady, error) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use snapbox::{assert_data_eq, str};

    use super::*;

    fn shown(error: SshError) -> String {
        let ssh = SshSettings { config: Some(PathBuf::from("/a b/ssh_config")), host_key: None };
        said(failure(error, &ssh, None))
    }

    fn on_github(error: SshError) -> String {
        said(failure(error, &SshSettings::default(), Some("production")))
    }

    fn said(failure: Failure) -> String {
        assert_eq!(failure.kind, Kind::NotReady);
        format!("{}\n{}\n", failure.error, failure.hints.join("\n"))
    }

    fn host() -> HostName {
        "deploy@server.example".parse().unwrap()
    }

    #[test]
    fn an_unknown_server_can_be_pinned_after_a_comparison() {
        assert_data_eq!(
            shown(SshError::UnknownHostKey {
                host: host(),
                fingerprint: Some("SHA256:abc (ED25519)".to_owned()),
                key: Some("ssh-ed25519 AAAAC3".to_owned()),
            }),
            str![[r#"
the host key of deploy@server.example is not known: it is SHA256:abc (ED25519)
compare the fingerprint with the server's own, which this prints there: `for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done`
if it is the same, pin it below [ssh] in shipit.toml: host_key = "ssh-ed25519 AAAAC3"
or give it to this command alone: --host-key 'ssh-ed25519 AAAAC3'
or connect once by hand and say yes: `ssh -F '/a b/ssh_config' deploy@server.example`

"#]]
        );
        assert_data_eq!(
            on_github(SshError::UnknownHostKey {
                host: host(),
                fingerprint: None,
                key: Some("ssh-ed25519 AAAAC3".to_owned()),
            }),
            str![[r#"
the host key of deploy@server.example is not known
give the server's key to the action's input `host-key`, as a variable that is set from a machine that knows the server: `gh variable set SHIPIT_HOST_KEY --env production --body "$(ssh deploy@server.example "cat /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f1,2")"`; in the workflow: `host-key: ${{ vars.SHIPIT_HOST_KEY }}`
compare the fingerprint with the server's own, which this prints there: `for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done`
if it is the same, pin it below [ssh] in shipit.toml: host_key = "ssh-ed25519 AAAAC3"

"#]]
        );
        let unseen = shown(SshError::UnknownHostKey { host: host(), fingerprint: None, key: None });
        assert!(!unseen.contains("host_key ="), "{unseen}");
    }

    #[test]
    fn another_key_is_no_small_matter() {
        let other = |pinned| SshError::OtherHostKey { host: host(), pinned, fingerprint: None };
        let key = String::new;
        assert_data_eq!(
            on_github(other(Some(HostKey::Given(key())))),
            str![[r#"
deploy@server.example shows another host key than the one that is pinned by --host-key
if the server was not set up anew, somebody else may be answering in its place: do not go on
if it was, give the server's key to the action's input `host-key`, as a variable that is set from a machine that knows the server: `gh variable set SHIPIT_HOST_KEY --env production --body "$(ssh deploy@server.example "cat /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f1,2")"`; in the workflow: `host-key: ${{ vars.SHIPIT_HOST_KEY }}`

"#]]
        );
        assert_data_eq!(
            shown(other(Some(HostKey::Written(key()))))
                + &shown(other(Some(HostKey::Given(key()))))
                + &shown(other(None)),
            str![[r#"
deploy@server.example shows another host key than the one that is pinned in shipit.toml
if the server was not set up anew, somebody else may be answering in its place: do not go on
if it was, put its new key into host_key below [ssh] in shipit.toml; there this prints it: cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub
deploy@server.example shows another host key than the one that is pinned by --host-key
if the server was not set up anew, somebody else may be answering in its place: do not go on
if it was, give its new key with --host-key; there this prints it: cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub
deploy@server.example shows another host key than the one that is in known_hosts
if the server was not set up anew, somebody else may be answering in its place: do not go on
if it was, `ssh -F '/a b/ssh_config' deploy@server.example` names the line of known_hosts to remove

"#]]
        );
    }

    #[test]
    fn a_runner_gets_no_advice_for_a_laptop() {
        let runtime_folder = PathBuf::from("/run/user/1000");
        let environment_on_github = Some("production".to_owned());
        let ssh = SshSettings::default();
        let options =
            Options { host: host(), ssh, interactive: false, environment_on_github, runtime_folder };
        let denied = || SshError::Denied { host: host(), said: "Permission denied (publickey)".to_owned() };
        assert_data_eq!(
            said(refused(denied(), &options)),
            str![[r#"
deploy@server.example does not let us in: Permission denied (publickey)
the server does not know the key of `ssh-private-key` (the secret SHIPIT_SSH_KEY of the environment production): from a machine that may log in as an administrator: `shipit setup --as root --key FILE.pub`, where FILE.pub is its public half
where the step warned that it is empty: `gh secret set SHIPIT_SSH_KEY --env production < FILE`, and the job must name that environment

"#]]
        );
        let laptop = refused(denied(), &Options { environment_on_github: None, ..options });
        assert!(said(laptop).ends_with("the key must have none, or be in an agent\n"));
    }

    #[test]
    fn the_rest_names_the_command_to_look_with() {
        let said = || "said".to_owned();
        let errors = [
            SshError::NotInstalled,
            SshError::Denied { host: host(), said: said() },
            SshError::Unreachable { host: host(), said: said() },
            SshError::Lost { host: host(), said: said() },
            SshError::Garbled { host: host(), said: said() },
        ];
        assert_data_eq!(
            errors.map(shown).concat(),
            str![[r#"
`ssh` is not installed here, or not on the PATH
install the OpenSSH client
deploy@server.example does not let us in: said
`ssh -F '/a b/ssh_config' -v deploy@server.example` shows which keys were tried
`ssh-add -l` lists the keys that the agent holds
`ssh-copy-id deploy@server.example` writes your key there, where a password still lets you in; or add its public half to the login's ~/.ssh/authorized_keys
`shipit setup --as root --key ~/.ssh/id_ed25519.pub` lets that key in, and makes the login where there is none
deploy@server.example can't be reached: said
`ssh -F '/a b/ssh_config' -v deploy@server.example` tries the same by hand
the server's name is `host` in shipit.toml
the connection to deploy@server.example was lost: said
nothing was touched: type the same command again
the shell of deploy@server.example did not run what it was given: said
`ssh -F '/a b/ssh_config' deploy@server.example 'echo fine'` must say fine: the login needs a shell that runs commands

"#]]
        );
        assert_data_eq!(
            ssh_failure(SshError::Denied { host: host(), said: said() }).hints[0].as_str(),
            str!["`ssh -v deploy@server.example` shows which keys were tried"]
        );
    }
}
