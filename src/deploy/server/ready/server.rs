//! The server, whatever runs on it: its shell, programs, Nix, folders, disks.

use crate::model::check::Remark;
use crate::model::server::{Control, Current, RootState, ServerState};
use crate::model::settings::{Settings, SystemChoice};
use crate::model::size::bytes;

/// What the store's database, the release and the journal take beside what is copied.
const LEFT_OVER: u64 = 16 << 20;

/// What keeps the rest of a startup file from commands that are run over ssh.
pub const FOR_PEOPLE_ONLY: &str = "case $- in *i*) ;; *) return ;; esac";

/// What goes over the connection must arrive at what it is for.
pub fn login(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let (host, user) = (&settings.host, &state.user);
    state.input_eaten.then(|| {
        Remark::failed(format!(
            "a startup file of {user}'s login shell on {host} reads what is sent to its commands"
        ))
        .hint(format!("this must print fine: echo fine | {}", settings.ssh("cat")))
        .hint(format!("in ~/.bashrc or the like, let what reads or starts another shell be for people only: {FOR_PEOPLE_ONLY}"))
    })
}

/// What it is, where shipit.toml names another.
pub fn system(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let system = state.system.as_ref()?;
    match &settings.system {
        SystemChoice::Named(named) if named != system => Some(
            Remark::failed(format!(
                "{} is {system}, and shipit.toml says system = \"{named}\"",
                settings.host
            ))
            .hint(format!("system = \"{system}\"   in shipit.toml, or leave it out")),
        ),
        _ => None,
    }
}

/// The programs that the remote half runs.
pub fn programs(settings: &Settings, state: &ServerState) -> Option<Remark> {
    if state.missing_programs.is_empty() {
        return None;
    }
    let lacks: Vec<String> = state.missing_programs.iter().map(|program| format!("`{program}`")).collect();
    let mut packages: Vec<&str> = state.missing_programs.iter().map(|program| package(program)).collect();
    packages.sort_unstable();
    packages.dedup();
    Some(
        Remark::failed(format!("{} lacks {}, which the switch needs", settings.host, lacks.join(", ")))
            .hint(install(state, &packages)),
    )
}

/// The package that brings a program: the distributions agree on these.
fn package(program: &str) -> &str {
    match program {
        "flock" => "util-linux",
        "systemctl" => "systemd",
        "sed" | "grep" => program,
        _ => "coreutils",
    }
}

/// The line that installs packages there.
pub fn install(state: &ServerState, packages: &[&str]) -> String {
    let packages = packages.join(" ");
    let with = match state.packager.as_deref() {
        // A package that is there and lacks a file is only mended when it is installed again.
        Some("apt-get") => "apt-get install -y --reinstall",
        Some("dnf") => "dnf install -y",
        Some("yum") => "yum install -y",
        Some("zypper") => "zypper --non-interactive install",
        Some("pacman") => "pacman -S --noconfirm",
        Some("apk") => "apk add",
        _ => return format!("on the server, as root: install {packages}"),
    };
    format!("on the server, as root: {with} {packages}")
}

/// Nix.
pub fn nix(settings: &Settings, state: &ServerState) -> Option<Remark> {
    if state.nix_bin.is_some() {
        return None;
    }
    let remark = Remark::failed(format!(
        "Nix was not found on {}: neither on the PATH that `ssh HOST command` has, nor in \
         /nix/var/nix/profiles/default/bin, ~/.nix-profile/bin, /run/current-system/sw/bin, /usr/bin or /usr/local/bin",
        settings.host
    ));
    let official = "curl -L https://nixos.org/nix/install | sh -s -- --daemon";
    Some(match state.packager.as_deref() {
        Some("apt-get") => remark
            .hint("on the server, as root: apt-get install -y nix-bin nix-setup-systemd   (Debian's own)")
            .hint(format!("or install multi-user Nix there with the official installer: {official}")),
        _ => remark.hint(format!("install multi-user Nix there: {official}")),
    })
}

/// Its daemon's door.
pub fn daemon(settings: &Settings, state: &ServerState) -> Option<Remark> {
    state.nix_bin.as_ref()?;
    let (host, user, refusal) = (&settings.host, &state.user, state.daemon_refusal.as_ref()?);
    let remark = Remark::failed(format!("{user} may not use the Nix daemon of {host}: {refusal}"));
    Some(if refusal.contains("ermission denied") {
        remark.hint(format!(
            "on the server, as root: usermod -aG nix-users {user}   (Debian's Nix lets in that group only)"
        ))
    } else if ["not allowed", "Broken pipe", "reset by peer"].iter().any(|said| refusal.contains(said)) {
        remark.hint(format!(
            "on the server, as root: echo 'extra-allowed-users = {user}' >> /etc/nix/nix.conf && systemctl restart nix-daemon"
        ))
    } else {
        Remark::failed(format!("the Nix daemon of {host} does not answer: {refusal}"))
            .hint("on the server, as root: systemctl restart nix-daemon.socket nix-daemon.service")
    })
}

/// systemd.
pub fn systemd(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let silent = state.unit.load.is_empty() || state.control == Control::Unknown;
    silent.then(|| {
        Remark::failed(format!("systemd on {} does not answer", settings.host))
            .hint("on the server, as root: systemctl start dbus.socket dbus.service   (who is not root asks systemd over D-Bus)")
            .hint(format!("what it says: {}", settings.ssh("systemctl status")))
    })
}

/// The app's folder.
pub fn folder(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let (host, root, user) = (&settings.host, &settings.root, &state.user);
    match &state.root {
        RootState::Ready | RootState::Creatable => None,
        RootState::Absent => Some(
            Remark::failed(format!("{root} does not exist on {host}, and {user} can't make it"))
                .hint(format!("on the server, as root: install -d -o {user} {root}")),
        ),
        RootState::NotWritable { owner, folder } => Some(
            Remark::failed(format!("{folder} on {host} belongs to {owner}, and {user} can't write in it"))
                .hint(format!(
                    "on the server, as root: chown {user} {folder}   (the app's own data stays its own)"
                )),
        ),
    }
}

/// What lies in it where shipit keeps its own.
pub fn odd(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let (host, root, user) = (&settings.host, &settings.root, &state.user);
    if state.current == Current::Strange {
        return Some(
            Remark::failed(format!(
                "{root}/current on {host} is neither a folder nor a link with a text of one line"
            ))
            .hint(format!(
                "look at it, and move it away: {}",
                settings.ssh(&format!("ls -l {root}/current"))
            )),
        );
    }
    let (path, is) = state.odd.first()?;
    let remark = Remark::failed(format!("{path} on {host} {is}, which shipit did not make so"));
    Some(if is.starts_with("belongs to ") {
        remark.hint(format!("on the server, as root: chown -R {user} {path}"))
    } else {
        remark.hint(format!(
            "look at it: {}; then move it away, as whoever it belongs to: mv {path} {path}.found",
            settings.ssh(&format!("ls -ld {path}"))
        ))
    })
}

/// Lines of the journal that nobody can read any more.
pub fn journal(settings: &Settings, state: &ServerState) -> Option<Remark> {
    let count = state.history.unreadable;
    (count > 0).then(|| {
        Remark::warning(format!(
            "{count} lines of {}/.shipit/journal.jsonl can't be read and are passed over",
            settings.root
        ))
    })
}

/// The disks, with so many bytes to come.
pub fn full(settings: &Settings, state: &ServerState, coming: u64) -> Option<Remark> {
    let enough = |what: &str, free: Option<u64>, need: u64| match free {
        Some(free) if free < need => Some(
            Remark::failed(format!(
                "no space on {}: the disk of {what} has {} free, and {} are needed",
                settings.host,
                bytes(free),
                bytes(need)
            ))
            .hint(settings.ssh(&format!("df -h {} /nix/store", settings.root)))
            .hint(collect_garbage(settings, state)),
        ),
        _ => None,
    };
    enough("/nix/store", state.store_free, coming + LEFT_OVER)
        .or_else(|| enough(settings.root.as_str(), state.root_free, LEFT_OVER))
}

/// The line that makes room. Where Nix lies, a command over ssh often does not look.
pub fn collect_garbage(settings: &Settings, state: &ServerState) -> String {
    let program = match state.nix_bin.as_deref() {
        Some("/usr/bin") | None => "nix-collect-garbage".to_owned(),
        Some(folder) => format!("{folder}/nix-collect-garbage"),
    };
    format!("to free the store of what nothing uses: {}", settings.ssh(&program))
}
