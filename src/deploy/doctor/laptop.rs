//! This machine: what builds, signs and sends.

use std::path::Path;

use crate::deploy::build::nix_says::explain_nix;
use crate::deploy::build::source;
use crate::deploy::send::no_key::{NoKey, Why};
use crate::deploy::send::signing_key::{SigningKey, name_of};
use crate::deploy::send::trust;
use crate::deploy::server::connect;
use crate::model::check::{Check, Group, Remark, Status};
use crate::model::failure::{Kind, Outcome};
use crate::model::settings::Settings;
use crate::tools::git::{self, GitError};
use crate::tools::nix::{Nix, NixError};
use crate::tools::source::Source;
use crate::tools::ssh::{self, Options, SshError};

/// The first version with flakes.
const WITH_FLAKES: (u32, u32) = (2, 4);
/// The first one that shipit was tried with.
const TRIED: (u32, u32) = (2, 8);

/// What was found.
pub struct Laptop {
    /// Nix's version.
    pub nix: Result<String, NixError>,
    /// Whether a user's own commands can use flakes; none: not known.
    pub flakes: Option<bool>,
    /// Whether the store takes a path and, where there is a key, a signature; none: there is no Nix.
    pub store: Option<Result<(), NixError>>,
    /// Git's version.
    pub git: Result<String, GitError>,
    /// Whether shipit.toml's folder has a flake that Nix sees.
    pub flake: Flake,
    /// The ssh client's version.
    pub ssh: Option<String>,
    /// The signing key, where shipit.toml names one.
    pub key: Option<Outcome<Key>>,
}

/// Who signs.
pub enum Key {
    /// This machine, by this key, which others can read or not.
    Here(SigningKey, Option<Remark>),
    /// Another one, by the key of `public_key`, this one: as in a workflow, where the job that deploys has no key.
    Elsewhere(String),
}

/// The flake beside shipit.toml.
pub enum Flake {
    /// There, and in the commit that is checked out.
    Committed,
    /// There, and not in that commit.
    Uncommitted,
    /// There, and the folder is in no commit.
    NoCommit(GitError),
    /// Not there.
    Missing,
}

/// Looks around. `scratch` is a private folder.
pub async fn look(settings: &Settings, options: &Options, nix: &Nix, scratch: &Path) -> Laptop {
    let environment = options.environment_on_github.as_deref();
    let key = settings.signing_key.as_deref().map(|file| key(settings, file, environment));
    let (version, git, ssh, flake) =
        tokio::join!(nix.version(), git::version(), ssh::version(), flake(&settings.folder));
    let (mut flakes, mut store) = (None, None);
    if version.is_ok() {
        let key_file = match &key {
            Some(Ok(Key::Here(key, _))) => Some(key.file.as_path()),
            _ => None,
        };
        flakes = nix.has_flakes_on().await;
        store = Some(nix.try_store(scratch, key_file).await);
    }
    Laptop { nix: version, flakes, store, git, flake, ssh, key }
}

fn key(settings: &Settings, file: &Path, environment: Option<&str>) -> Outcome<Key> {
    match (SigningKey::look(file), &settings.public_key) {
        (Ok((key, open)), _) => Ok(Key::Here(key, open)),
        (Err(NoKey { why: Why::Missing(_), .. }), Some(public)) => Ok(Key::Elsewhere(public.clone())),
        (Err(no_key), public) => Err(no_key.explain(public.as_deref(), environment)),
    }
}

async fn flake(folder: &Path) -> Flake {
    if !folder.join("flake.nix").is_file() {
        return Flake::Missing;
    }
    let committed = async {
        let repo = git::repository(folder).await?;
        let head = git::head(&repo).await?;
        git::has_file(&repo, &head, &Source::in_repo(&repo, "flake.nix")).await
    };
    match committed.await {
        Ok(true) => Flake::Committed,
        Ok(false) => Flake::Uncommitted,
        Err(error) => Flake::NoCommit(error),
    }
}

/// Judges it.
pub fn judge(settings: &Settings, laptop: Laptop) -> Vec<Check> {
    let Laptop { nix, flakes, store, git, flake, ssh, key } = laptop;
    let of = |name, remark, fine: &str| Check::of(Group::Laptop, name, remark, || fine.to_owned());
    let skipped = |name, because| Check::skipped(Group::Laptop, name, because);
    let mut checks = Vec::new();

    let version = nix.as_ref().map(String::as_str).unwrap_or_default().to_owned();
    let nix = match nix {
        Err(error) => Some(explain_nix(Kind::NotReady, error).into()),
        Ok(version) => too_old(&version),
    };
    let no_nix = nix.as_ref().is_some_and(|remark| remark.status == Status::Failed);
    checks.push(of("nix", nix, &version));
    let (mut refused, mut unsigned) = (None, None);
    if no_nix {
        checks.extend([skipped("flakes", "laptop/nix"), skipped("store", "laptop/nix")]);
    } else {
        checks.push(of(
            "flakes",
            (flakes == Some(false)).then(flakes_off),
            if flakes.is_none() { "shipit turns them on for its own commands" } else { "enabled" },
        ));
        match (store, &key) {
            (Some(Err(error)), Some(Ok(Key::Here(key, _)))) if is_about_signing(&error) => {
                unsigned = Some(trust::unsigned(error, key).into());
            }
            (Some(Err(error)), _) => refused = Some(store_refuses(error)),
            _ => {}
        }
        checks.push(of("store", refused, "takes paths"));
    }

    let no_git = matches!(git, Err(GitError::Missing));
    let version = git.as_ref().map(String::as_str).unwrap_or_default().to_owned();
    checks.push(of("git", git.err().map(|error| source::explain(error, None).into()), &version));
    checks.push(match (flake, no_git) {
        (Flake::NoCommit(_), true) => skipped("flake", "laptop/git"),
        (flake, _) => {
            let remark = flake_remark(settings, flake);
            of("flake", remark, &format!("{}/flake.nix", settings.folder.display()))
        }
    });
    let version = ssh.clone().unwrap_or_default();
    let no_ssh = ssh.is_none().then(|| connect::ssh_failure(SshError::NotInstalled).into());
    checks.push(of("ssh", no_ssh, &version));
    match key {
        Some(Ok(Key::Here(key, open))) => {
            let remark = unsigned.or(open);
            checks.push(of("signing key", remark, &format!("{}, {}", key.name(), key.file.display())));
        }
        Some(Ok(Key::Elsewhere(public))) => {
            let text = format!(
                "{} is not here: what it signs elsewhere, `shipit deploy --from` takes, and no other deploy works here",
                name_of(&public)
            );
            checks.push(of("signing key", Some(Remark::note(text)), ""));
        }
        Some(Err(failure)) => checks.push(of("signing key", Some(failure.into()), "")),
        None => {}
    }
    checks
}

fn too_old(version: &str) -> Option<Remark> {
    let mut numbers =
        version.split('.').map(|part| part.chars().take_while(char::is_ascii_digit).collect::<String>());
    let mut next = || numbers.next().and_then(|digits| digits.parse::<u32>().ok());
    let is = (next()?, next()?);
    let newer = "install a newer Nix: https://nixos.org/download";
    if is < WITH_FLAKES {
        Some(Remark::failed(format!("Nix {version} knows no flakes: 2.8 or later is needed")).hint(newer))
    } else if is < TRIED {
        Some(Remark::warning(format!("{version}: shipit was tried with 2.8 and later")).hint(newer))
    } else {
        None
    }
}

fn flakes_off() -> Remark {
    Remark::note("not enabled: shipit turns them on for its own commands, and yours (`nix build`) go without").hint(
        "mkdir -p ~/.config/nix && echo 'extra-experimental-features = nix-command flakes' >> ~/.config/nix/nix.conf",
    )
}

fn is_about_signing(error: &NixError) -> bool {
    matches!(error, NixError::Command(error) if error.command.contains(" sign "))
}

fn store_refuses(error: NixError) -> Remark {
    let said = match &error {
        NixError::Command(error) => error.stderr.clone(),
        _ => String::new(),
    };
    let mut remark = Remark::from(explain_nix(Kind::NotReady, error));
    remark.text = format!("this machine's store takes no path: {}", remark.text);
    let socket = said.contains("connect to socket") || said.contains("daemon-socket");
    if said.contains("ermission denied") {
        remark.hint("sudo usermod -aG nix-users \"$USER\"   and log in again, where Nix is Debian's")
    } else if socket {
        remark.hint("sudo systemctl restart nix-daemon.socket nix-daemon.service   (on macOS: sudo launchctl kickstart -k system/org.nixos.nix-daemon)")
    } else {
        remark
    }
}

/// A deploy without it fails; the server can be looked at all the same.
fn flake_remark(settings: &Settings, flake: Flake) -> Option<Remark> {
    let folder = settings.folder.display();
    Some(match flake {
        Flake::Committed => return None,
        Flake::Missing => {
            Remark::warning(format!("there is no flake.nix in {folder}, and a deploy builds one"))
                .hint("shipit deploys a flake: flake.nix lies beside shipit.toml")
        }
        Flake::Uncommitted => Remark::warning(
            "the commit that is checked out has no flake.nix, and Nix sees only what git tracks",
        )
        .hint("git add flake.nix && git commit -m 'Add the flake' flake.nix"),
        Flake::NoCommit(GitError::NotARepository { .. }) => {
            Remark::warning(format!("{folder} is in no git repository: there is no commit to deploy"))
                .hint("git init && git add -A && git commit -m 'First commit'")
        }
        Flake::NoCommit(GitError::NoCommit) => {
            Remark::warning("nothing was committed yet: there is no commit to deploy")
                .hint("git add -A && git commit -m 'First commit'")
        }
        Flake::NoCommit(error) => source::explain(error, None).into(),
    })
}
