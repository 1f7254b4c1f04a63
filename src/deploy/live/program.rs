//! The program that ExecStart names, where systemd could not start it.

use std::fs;

use crate::model::names::{RootPath, StorePath, UnitName};

/// How systemd says so (systemd.exec(5): EXEC), as a reason tells it.
const STATUS: &str = "(status 203)";
/// So many programs are named.
const NAMED: usize = 12;

/// What to change, for a reason that says so. `exec_start`: the unit's.
pub fn hint(
    reason: &str,
    exec_start: &[String],
    (root, unit): (&RootPath, &UnitName),
    store_path: &StorePath,
) -> Option<String> {
    let command = exec_start.first().filter(|_| reason.contains(STATUS))?;
    let (_, rest) = command.split_once(&format!("{root}/current/result/bin/"))?;
    let name = rest.split([' ', ';']).next()?;
    Some(of_release(name, &programs(store_path)?, unit))
}

/// What the release's `bin` has; none: this machine does not have the release.
fn programs(store_path: &StorePath) -> Option<Vec<String>> {
    fs::symlink_metadata(store_path.as_str()).ok()?;
    let there = fs::read_dir(format!("{store_path}/bin")).into_iter().flatten().flatten();
    let mut names: Vec<String> = there.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Some(names)
}

fn of_release(name: &str, programs: &[String], unit: &UnitName) -> String {
    if programs.iter().any(|program| program == name) {
        return format!(
            "result/bin/{name} is in the release: can the server run it (its system, its first line, its rights)?"
        );
    }
    let more = if programs.len() > NAMED { ", …" } else { "" };
    let has = match programs {
        [] => "nothing".to_owned(),
        _ => programs[..programs.len().min(NAMED)].join(", ") + more,
    };
    format!(
        "the program of ExecStart, result/bin/{name}, is not in the release, whose result/bin has {has}: set ExecStart in {unit}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_release_has_instead_is_named() {
        let of = |programs: &[&str]| {
            let programs: Vec<String> = programs.iter().map(|name| (*name).to_owned()).collect();
            of_release("server-staging", &programs, &"server.service".parse().unwrap())
        };
        let said = of(&["migrate", "server"]);
        assert!(said.contains("is not in the release, whose result/bin has migrate, server: set"), "{said}");
        assert!(of(&[]).contains("has nothing: set ExecStart in server.service"));
        assert!(of(&["server-staging"]).contains("can the server run it"));
    }

    #[test]
    fn only_a_program_of_the_release_that_did_not_start_is_looked_for() {
        // None that is here: what it has is not known.
        let absent = "/nix/store/00000000000000000000000000000000-none".parse().unwrap();
        let (root, unit) = ("/var/www/server".parse().unwrap(), "server.service".parse().unwrap());
        let said = |reason: &str, start: &str| hint(reason, &[start.to_owned()], (&root, &unit), &absent);
        assert_eq!(said("it ended (status 203)", "/var/www/server/current/result/bin/x"), None);
        assert_eq!(said("it ended (status 203)", "/usr/bin/python3 app.py"), None);
        assert_eq!(said("it ended with status 1", "/var/www/server/current/result/bin/x"), None);
    }
}
