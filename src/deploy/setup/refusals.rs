//! What is in the way of a setup, and not for it to move.

use super::facts::{Facts, Found};
use super::{Trust, Wishes};
use crate::model::failure::{Failure, Kind, Outcome};

/// Judges.
///
/// # Errors
/// [`Kind::NotReady`], with what to do about it.
pub fn check(wishes: &Wishes<'_>, facts: &Facts) -> Outcome<()> {
    programs(wishes, facts)?;
    folders(wishes, facts)?;
    unit(wishes, facts)?;
    rights(wishes, facts)?;
    nix(wishes, facts)
}

fn not_ready(text: String) -> Failure {
    Failure::msg(Kind::NotReady, text)
}

fn programs(wishes: &Wishes<'_>, facts: &Facts) -> Outcome<()> {
    let host = &wishes.host;
    if let Some(program) = facts.lacks.first() {
        return Err(not_ready(format!("{host} lacks `{program}`, which setup needs")).hint(
            "install systemd, coreutils, util-linux and the program that adds users (passwd or shadow) there",
        ));
    }
    if facts.nix.is_none() {
        return Err(not_ready(format!("Nix was not found on {host}")).hint(
            "install multi-user Nix there first; on Debian: apt-get install nix-bin nix-setup-systemd",
        ));
    }
    Ok(())
}

fn folders(wishes: &Wishes<'_>, facts: &Facts) -> Outcome<()> {
    let root = wishes.settings.root.as_str();
    for path in [root.to_owned(), format!("{root}/releases"), format!("{root}/.shipit")] {
        if facts.paths.get(&path) == Some(&Found::Strange) {
            return Err(not_ready(format!("{path} on {} is not a folder", wishes.host))
                .hint(format!("look at it, and move it away: ls -ld {path}"))
                .hint("or name another `root` in shipit.toml"));
        }
    }
    Ok(())
}

fn unit(wishes: &Wishes<'_>, facts: &Facts) -> Outcome<()> {
    let (unit, host) = (&wishes.settings.unit, &wishes.host);
    if wishes.own_unit {
        return Ok(());
    }
    match facts.unit.load.as_str() {
        "loaded" | "not-found" => Ok(()),
        "masked" => Err(not_ready(format!("{unit} is masked on {host}, so it can't be started"))
            .hint(format!("on the server, as root: systemctl unmask {unit}"))),
        "" => Err(not_ready(format!("systemd on {host} does not answer")).hint("systemctl status")),
        other => Err(not_ready(format!("systemd on {host} could not load {unit}: {other}"))
            .hint(format!("what is wrong with it: systemd-analyze verify {unit}"))),
    }
}

fn rights(wishes: &Wishes<'_>, facts: &Facts) -> Outcome<()> {
    let login = &wishes.login;
    if login.as_str() == "root" && wishes.own_unit {
        return Err(Failure::msg(Kind::Usage, "root needs no unit of its own systemd")
            .hint("leave --user-unit out, or name who deploys: --user deploy"));
    }
    if login.as_str() != "root" && !wishes.own_unit && !facts.sudo {
        return Err(not_ready(format!(
            "{} has no sudo, and {login} could not restart {} without it",
            wishes.host, wishes.settings.unit
        ))
        .hint("install it there; on Debian: apt-get install sudo")
        .hint("or let the app be a unit of the deploy user's own systemd: --user-unit"));
    }
    Ok(())
}

fn nix(wishes: &Wishes<'_>, facts: &Facts) -> Outcome<()> {
    if let Trust::Key(key) = &wishes.trust {
        let name = |key: &str| key.split(':').next().unwrap_or_default().to_owned();
        let first = facts.trusted_keys.iter().find(|other| name(other) == key.name());
        if let Some(other) = first.filter(|other| **other != key.public) {
            return Err(not_ready(format!(
                "Nix on {} trusts another key that is called {}, and of one name it takes the first only: {other}",
                wishes.host,
                key.name()
            ))
            .hint(format!(
                "sign with that one, or with one of another name: {}",
                crate::deploy::send::signing_key::make_another_key()
            )));
        }
    }
    if facts.nix_conf_strange && wishes.login.as_str() != "root" {
        return Err(not_ready(format!(
            "{} on {} is a link, so it is another program's to write",
            facts.nix_conf, wishes.host
        ))
        .hint("on NixOS the system's configuration does what setup does: nix.settings, users.users, systemd.services"));
    }
    Ok(())
}
