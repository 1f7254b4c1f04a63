//! The look at a server: one exec of `state.sh`, and its lines made into a [`ServerState`].

use std::time::Duration;

use crate::model::hold::Hold;
use crate::model::journal::{Entry, History};
use crate::model::names::{RootPath, UnitName};
use crate::model::server::{Control, Current, RootState, ServerState, UnitState};
use crate::remote::{self, Script};
use crate::tools::ssh::{Connection, SshError};

/// How long the look may take: it asks systemd, sudo and the Nix daemon, each of which has its own deadline there.
const LOOK: Duration = Duration::from_secs(90);
/// How many of the journal's last lines are read.
const JOURNAL_LINES: u32 = 2000;

/// What a look takes in beyond what every command needs: it costs the server more programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// What a hook or a command needs: whether the login may become the unit's user.
    pub hooks: bool,
    /// Whether Nix's daemon lets the login in, and what it trusts.
    pub daemon: bool,
}

/// Looks.
pub async fn look(
    connection: &Connection,
    root: &RootPath,
    unit: &UnitName,
    look: Look,
) -> Result<ServerState, SshError> {
    let yes = |wanted| if wanted { "yes" } else { "no" };
    let words = [
        format!("hooks={}", yes(look.hooks)),
        format!("daemon={}", yes(look.daemon)),
        format!("root={root}"),
        format!("unit={unit}"),
        format!("object={}", bus_label(unit.as_str())),
        format!("journal_lines={JOURNAL_LINES}"),
    ];
    // A comment to every shell: the script looks whether it arrives.
    let lines = connection.ask(Script::State, &words, b"#\n", LOOK).await?;
    Ok(read(&lines, root))
}

/// A unit's name as D-Bus spells it in an object path.
fn bus_label(unit: &str) -> String {
    let mut label = String::new();
    for byte in unit.bytes() {
        if byte.is_ascii_alphanumeric() {
            label.push(char::from(byte));
        } else {
            label.push_str(&format!("_{byte:02x}"));
        }
    }
    label
}

/// Reads the lines. What is missing or odd stays at its default, which no later check takes for fine.
pub fn read(lines: &[String], folder: &RootPath) -> ServerState {
    let mut state = ServerState::default();
    let (mut journal, mut ended) = (Vec::new(), Vec::new());
    for (word, rest) in lines.iter().filter_map(|line| remote::parse(line)) {
        match word {
            "arch" => {
                if let Some((machine, kernel)) = rest.split_once(' ') {
                    state.system = system(machine, kernel).parse().ok();
                }
            }
            "uid" => state.uid = rest.parse().unwrap_or(u32::MAX),
            "user" => state.user = rest.to_owned(),
            "lacks" => state.missing_programs.push(rest.to_owned()),
            "nix" => state.nix_bin = Some(rest.to_owned()),
            // It says none to a login that may not look for its daemon.
            "daemon" => state.daemon_refusal = Some(rest.to_owned()),
            "trusted" => {
                state.trusted =
                    [("yes", true), ("no", false)].into_iter().find(|(w, _)| *w == rest).map(|(_, t)| t)
            }
            "trusted_keys" => state.trusted_keys = rest.split_whitespace().map(str::to_owned).collect(),
            "root_free_kib" => state.root_free = rest.parse().ok().map(|kib: u64| kib.saturating_mul(1024)),
            "store_free_kib" => state.store_free = rest.parse().ok().map(|kib: u64| kib.saturating_mul(1024)),
            "packager" => state.packager = Some(rest.to_owned()),
            "asker" => state.http_asker = Some(rest.to_owned()),
            "root" => state.root = root(rest),
            "current" => {
                state.current = current(rest, folder);
                state.seen_current = rest.to_owned();
            }
            "odd" => {
                state.odd.extend(rest.split_once(' ').map(|(path, is)| (path.to_owned(), is.to_owned())))
            }
            "input" => state.input_eaten = rest == "eaten",
            "current_store_path" => state.current_store_path = rest.parse().ok(),
            "control" => state.control = control(rest),
            "unit" => unit_property(&mut state.unit, rest),
            "bus" => bus_property(&mut state.unit, rest),
            "settles_at_boot" => state.settles_at_boot = true,
            "hooks_as" => state.hooks_as = Some(rest.to_owned()),
            "unreadable" => {
                if let Some((group, file)) = rest.split_once(' ') {
                    state.unreadable.push((file.to_owned(), group.to_owned()));
                }
            }
            "logs" => state.may_read_journal = rest == "yes",
            "pending" => state.pending = Some(rest.to_owned()),
            "ended" => ended.extend(serde_json::from_str::<Entry>(rest)),
            "hold" => state.holds = Hold::read(&remote::unpacked(rest)),
            "locked" => state.lock_holder = Some(rest.to_owned()),
            "release" => {
                let (name, path) = rest.split_once(' ').unwrap_or((rest, ""));
                if let Ok(name) = name.parse() {
                    state.releases.push((name, path.parse().ok()));
                }
            }
            "journal_size" => state.journal_size = rest.parse().unwrap_or_default(),
            "journal" => journal.push(rest),
            _ => tracing::debug!("the server says {word} {rest}"),
        }
    }
    state.history = History::read(journal);
    for end in ended {
        state.unwritten = end.token.clone();
        state.history.end_with(end);
    }
    state
}

/// Nix's name for what `uname` says.
fn system(machine: &str, kernel: &str) -> String {
    let machine = match machine {
        "arm64" => "aarch64",
        "i386" | "i586" => "i686",
        other => other,
    };
    format!("{machine}-{}", kernel.to_lowercase())
}

fn root(rest: &str) -> RootState {
    match rest.split(' ').collect::<Vec<_>>()[..] {
        ["ready"] => RootState::Ready,
        ["creatable"] => RootState::Creatable,
        ["closed", owner, folder] => {
            RootState::NotWritable { owner: owner.to_owned(), folder: folder.to_owned() }
        }
        _ => RootState::Absent,
    }
}

fn current(rest: &str, folder: &RootPath) -> Current {
    match rest.split_once(' ').unwrap_or((rest, "")) {
        ("absent", _) => Current::Absent,
        ("directory", _) => Current::Directory,
        ("link", text) => {
            // A link made by hand may be an absolute one.
            let inside = text.strip_prefix(folder.as_str()).and_then(|rest| rest.strip_prefix('/'));
            match inside.unwrap_or(text).strip_prefix("releases/").map(str::parse) {
                Some(Ok(release)) => Current::Release(release),
                _ => Current::Elsewhere(text.to_owned()),
            }
        }
        _ => Current::Strange,
    }
}

fn control(rest: &str) -> Control {
    match rest.split(' ').collect::<Vec<_>>()[..] {
        ["root"] => Control::Root,
        ["sudo", restart, reset] => Control::Sudo { restart: restart == "yes", reset_failed: reset == "yes" },
        ["user", linger] => Control::User { lingering: linger == "yes" },
        ["user"] => Control::User { lingering: false },
        _ => Control::Unknown,
    }
}

/// One line of `systemctl show`.
fn unit_property(unit: &mut UnitState, line: &str) {
    let Some((name, value)) = line.split_once('=') else { return };
    match name {
        "LoadState" => unit.load = value.to_owned(),
        "ActiveState" => unit.active = value.to_owned(),
        "SubState" => unit.sub = value.to_owned(),
        "InvocationID" => unit.invocation = value.parse().ok(),
        "NRestarts" => unit.restarts = value.parse().unwrap_or_default(),
        "User" => unit.user = value.to_owned(),
        "DynamicUser" => unit.dynamic_user = value == "yes",
        "Type" => unit.kind = value.to_owned(),
        "ActiveEnterTimestamp" => unit.since = value.to_owned(),
        "TimeoutStopUSec" => unit.timeout_stop = seconds(value),
        "StartLimitIntervalUSec" => unit.start_limit = seconds(value).or((value == "0").then_some(0)),
        "UMask" => unit.umask = value.to_owned(),
        "TimeoutStartUSec" => unit.timeout_start = seconds(value),
        "ExecStart" => unit.exec_start.push(value.to_owned()),
        "NeedDaemonReload" => unit.needs_reload = value == "yes",
        _ => {}
    }
}

/// systemd's `1min 30s`; none for `infinity`, and for what is as good as that.
fn seconds(text: &str) -> Option<u64> {
    const A_DAY: u64 = 24 * 60 * 60;
    let span: jiff::SignedDuration = text.parse().ok()?;
    let seconds = u64::try_from(span.as_secs()).ok()?;
    (seconds < A_DAY).then(|| seconds + u64::from(span.subsec_nanos() > 0))
}

/// One property as busctl prints it: `{"type":"as","data":[…]}`.
fn bus_property(unit: &mut UnitState, line: &str) {
    #[derive(serde::Deserialize)]
    struct Property<T> {
        data: Vec<T>,
    }
    let Some((name, json)) = line.split_once(' ') else { return };
    match name {
        "Environment" => {
            if let Ok(property) = serde_json::from_str::<Property<String>>(json) {
                unit.environment = property.data;
            }
        }
        "EnvironmentFiles" => {
            if let Ok(property) = serde_json::from_str::<Property<(String, bool)>>(json) {
                unit.environment_files = property.data;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::journal::What;

    #[test]
    fn a_look_is_read() {
        let text = r#"@ arch x86_64 Linux
@ uid 1000
@ user deploy
@ lacks flock
@ nix /nix/var/nix/profiles/default/bin
@ trusted no
@ trusted_keys cache:AAA= mine:BBB=
@ store_free_kib 10
@ root closed root /var/www/server
@ current link releases/abc
@ control sudo yes no
@ unit LoadState=loaded
@ unit InvocationID=0123456789abcdef0123456789abcdef
@ unit TimeoutStopUSec=1min 30s
@ unit TimeoutStartUSec=infinity
@ bus Environment {"type":"as","data":["A=1 2"]}
@ bus EnvironmentFiles {"type":"a(sb)","data":[["/etc/x",true]]}
@ hold eyJ3aG8iOiJhbm5hIn0K
@ release abc /nix/store/5cfxgqbkdl2gxhp7bswj3kks8m9z0aaa-server
@ release half 
@ journal {"v":1,"deploy":1,"time":"t","event":"kept","release":"abc"}
@ journal {"v":1,"depl"#;
        let root = "/var/www/server".parse().unwrap();
        let state = read(&text.lines().map(str::to_owned).collect::<Vec<_>>(), &root);
        assert_eq!(state.system.as_ref().map(|s| s.as_str()), Some("x86_64-linux"));
        assert_eq!(state.missing_programs, ["flock"]);
        assert_eq!(state.trusted, Some(false));
        assert_eq!(state.trusted_keys.len(), 2);
        assert_eq!(state.store_free, Some(10240));
        assert!(matches!(&state.root, RootState::NotWritable { owner, .. } if owner == "root"));
        assert!(matches!(&state.current, Current::Release(id) if id.as_str() == "abc"));
        assert_eq!(state.control, Control::Sudo { restart: true, reset_failed: false });
        assert_eq!(state.unit.timeout_stop, Some(90));
        assert_eq!(state.unit.timeout_start, None);
        assert_eq!(state.unit.environment, ["A=1 2"]);
        assert_eq!(state.unit.environment_files, [("/etc/x".to_owned(), true)]);
        assert_eq!(state.holds[0].who.as_deref(), Some("anna"));
        assert_eq!(state.releases.len(), 2);
        assert!(state.closure_of(&"half".parse().unwrap()).is_none());
        assert_eq!((state.history.entries.len(), state.history.unreadable), (1, 1));
        assert_eq!(state.unwritten, None);
    }

    #[test]
    fn an_end_that_the_journal_lacks_counts_once() {
        let line = |event: &str| {
            format!(r#"{{"v":1,"deploy":2,"time":"t","event":"{event}","release":"abc","token":"t2"}}"#)
        };
        let look = |journal: &[&str]| {
            let mut lines = vec![format!("@ ended {}", line("kept"))];
            lines.extend(journal.iter().map(|event| format!("@ journal {}", line(event))));
            let state = read(&lines, &"/var/www/server".parse().unwrap());
            assert_eq!(state.unwritten.as_deref(), Some("t2"));
            state.history.entries.iter().map(|entry| entry.event).collect::<Vec<_>>()
        };
        assert_eq!(look(&["started", "live"]), [What::Started, What::Live, What::Kept]);
        assert_eq!(look(&["started", "live", "kept"]), [What::Started, What::Live, What::Kept]);
    }

    #[test]
    fn a_unit_is_spelt_as_d_bus_does() {
        assert_eq!(bus_label("web@1.service"), "web_401_2eservice");
    }
}
