//! The unit that shipit proposes for an app: a text made of a few values, and what is to be known of one that is there.

use std::fmt::Write as _;

use super::names::{AppName, RootPath, UserName};

/// Who runs the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunsAs {
    /// The system's own systemd, as this user.
    System(UserName),
    /// A login's own systemd (`systemctl --user`), as the login.
    Login,
}

/// What the text is made of.
#[derive(Debug, Clone)]
pub struct UnitFile<'a> {
    /// The app's name; its program in the release is called so as well.
    pub app: &'a AppName,
    /// The app's folder on the server.
    pub root: &'a RootPath,
    /// Who runs it.
    pub runs_as: RunsAs,
    /// Where it listens, where that is known.
    pub port: Option<u16>,
    /// Further variables that it is given. Nothing secret: everybody on the server can read a unit.
    pub environment: &'a [(String, String)],
}

/// How the app is told its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortVariable<'a> {
    /// By PORT, as most are; nothing tells.
    Usual,
    /// By PORT, which a person should look at.
    Guess,
    /// By this variable, with what stands before the number: `:` of `:3001`.
    Named(&'a str, &'a str),
}

/// The user that a new unit runs as: of the app's name, as far as that is a name for a user, and never who deploys.
pub fn app_user(app: &AppName, login: &str) -> Option<UserName> {
    let name: String = app.as_str().to_ascii_lowercase().replace('.', "-").chars().take(28).collect();
    let name = if name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') {
        name
    } else {
        format!("app-{name}")
    };
    let name = if name == login || name == "root" { format!("{name}-app") } else { name };
    name.parse().ok()
}

/// Ports below this one are for programs with a right of their own.
const FIRST_FREE_PORT: u16 = 1024;

impl UnitFile<'_> {
    /// The unit, with a comment where a line makes one wonder.
    pub fn text(&self) -> String {
        self.text_of(self.app.as_str(), PortVariable::Usual)
    }

    /// The same for a program that is not called as the app is, and of which more is known.
    pub fn text_of(&self, program: &str, variable: PortVariable<'_>) -> String {
        let mut text = String::new();
        self.unit(&mut text);
        self.service(&mut text, program, variable);
        match &self.runs_as {
            RunsAs::System(_) => self.walls(&mut text),
            RunsAs::Login => text += &format!("\n{LOGIN_WALLS}"),
        }
        let target = match self.runs_as {
            RunsAs::System(_) => "multi-user.target",
            RunsAs::Login => "default.target",
        };
        let _ = write!(text, "\n[Install]\n# Started at boot.\nWantedBy={target}\n");
        text
    }

    fn unit(&self, text: &mut String) {
        let UnitFile { app, root, .. } = self;
        let _ = write!(text, "[Unit]\nDescription={app}\n");
        if matches!(self.runs_as, RunsAs::System(_)) {
            *text += "After=network.target\n";
        }
        let _ = write!(
            text,
            "# Until the first deploy there is nothing to run, and that is no failure.\n\
             ConditionPathExists={root}/current\n"
        );
    }

    fn service(&self, text: &mut String, program: &str, variable: PortVariable<'_>) {
        let UnitFile { app, root, .. } = self;
        *text += "\n[Service]\n# A program that can't be run at all is a failed start.\nType=exec\n";
        if let RunsAs::System(user) = &self.runs_as {
            let _ = writeln!(text, "User={user}");
        }
        let _ = write!(
            text,
            "# The live release: shipit moves `current` and restarts this unit.\n\
             WorkingDirectory={root}/current\n\
             ExecStart={root}/current/result/bin/{program}\n"
        );
        let (name, before) = match variable {
            PortVariable::Named(name, before) => (name, before),
            PortVariable::Usual | PortVariable::Guess => ("PORT", ""),
        };
        if self.port.is_some() && variable == PortVariable::Guess {
            *text += "# A guess: does the app read PORT?\n";
        }
        let _ = match self.port {
            Some(port) => writeln!(text, "Environment={name}={before}{port}"),
            None => writeln!(text, "#Environment={name}={before}3001"),
        };
        for (name, value) in self.environment {
            let _ = writeln!(text, "Environment={}", quoted(&format!("{name}={value}")));
        }
        let file = match self.runs_as {
            RunsAs::System(_) => format!("/etc/{app}.env"),
            RunsAs::Login => format!("%h/.config/{app}.env"),
        };
        let _ = write!(
            text,
            "# Secrets, one NAME=value a line; the minus: the file may be missing.\n\
             EnvironmentFile=-{file}\n\
             # Every 3 s, without an end: systemd gives up on faster ones after 5 times.\n\
             Restart=on-failure\n\
             RestartSec=3s\n\
             # How long it may finish its requests; then it is killed. A deploy waits for this.\n\
             TimeoutStopSec=20s\n"
        );
    }

    /// What keeps an app that was broken into from the rest of the server.
    fn walls(&self, text: &mut String) {
        let root = self.root;
        let _ = write!(
            text,
            "\n\
             # Its own data (an SQLite database, uploads) is all that it may write, besides its own /tmp.\n\
             ProtectSystem=strict\n\
             ReadWritePaths=-{root}/data\n\
             PrivateTmp=yes\n\
             # What it writes is for itself and its group. A web server that serves it needs to be in that group.\n\
             UMask=0027\n\
             {home}\
             PrivateDevices=yes\n\
             ProtectKernelTunables=yes\n\
             ProtectKernelModules=yes\n\
             ProtectKernelLogs=yes\n\
             ProtectControlGroups=yes\n\
             ProtectClock=yes\n\
             ProtectHostname=yes\n\
             ProtectProc=invisible\n\
             RemoveIPC=yes\n",
            home = self.home(),
        );
        *text += LOGIN_WALLS;
        *text += match self.port {
            Some(port) if port < FIRST_FREE_PORT => {
                "# Its port is below 1024.\n\
                 CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n\
                 AmbientCapabilities=CAP_NET_BIND_SERVICE\n"
            }
            _ => {
                "# A port below 1024 needs CAP_NET_BIND_SERVICE here and in AmbientCapabilities=.\nCapabilityBoundingSet=\n"
            }
        };
    }

    /// Homes are hidden, unless the app lies in one.
    fn home(&self) -> &'static str {
        let below =
            |folder: &str| self.root.as_str().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        if below("/home") || below("/root") || below("/run/user") {
            "# The app lies in a home, so homes can't be hidden.\nProtectHome=read-only\n"
        } else {
            "ProtectHome=yes\n"
        }
    }
}

/// What a login's own systemd can do as well.
const LOGIN_WALLS: &str = "\
# No rights by setuid programs, so no sudo, and no mail by a setuid sendmail.
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
# Netlink is how libraries look up addresses.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
# What a service usually asks of the kernel; anything else fails, and nothing is killed for it.
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# MemoryDenyWriteExecute= is left out: Node, Java, .NET and others compile while they run.
";

/// A word of `Environment=`: quoted, with `%` doubled, which systemd would read as one of its names.
fn quoted(word: &str) -> String {
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '%' => text += "%%",
            '\n' => text += "\\n",
            '\t' => text += "\\t",
            c => text.push(c),
        }
    }
    text + "\""
}

/// The last value that a unit's text gives to a key of `[Service]`, as systemd reads it: an empty one takes it back.
pub fn service_value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut section = "";
    let mut found = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section == "[Service]"
            && let Some((name, value)) = line.split_once('=')
            && name.trim_end() == key
        {
            found = Some(value.trim_start()).filter(|value| !value.is_empty());
        }
    }
    found
}

#[cfg(test)]
#[path = "unit_file_tests.rs"]
mod tests;
