//! The units as they are written.

use snapbox::{assert_data_eq, str};

use super::*;

fn text(root: &str, port: Option<u16>, runs_as: RunsAs) -> String {
    let environment = [("SERVER_DB_PATH".to_owned(), "/var/www/server/data/server.db".to_owned())];
    let (app, root) = ("server".parse().unwrap(), root.parse().unwrap());
    UnitFile { app: &app, root: &root, runs_as, port, environment: &environment }.text()
}

fn system() -> RunsAs {
    RunsAs::System("server".parse().unwrap())
}

#[test]
fn the_unit_of_an_app() {
    assert_data_eq!(
        text("/var/www/server", Some(3001), system()),
        str![[r#"
[Unit]
Description=server
After=network.target
# Until the first deploy there is nothing to run, and that is no failure.
ConditionPathExists=/var/www/server/current

[Service]
# A program that can't be run at all is a failed start.
Type=exec
User=server
# The live release: shipit moves `current` and restarts this unit.
WorkingDirectory=/var/www/server/current
ExecStart=/var/www/server/current/result/bin/server
Environment=PORT=3001
Environment="SERVER_DB_PATH=/var/www/server/data/server.db"
# Secrets, one NAME=value a line; the minus: the file may be missing.
EnvironmentFile=-/etc/server.env
# Every 3 s, without an end: systemd gives up on faster ones after 5 times.
Restart=on-failure
RestartSec=3s
# How long it may finish its requests; then it is killed. A deploy waits for this.
TimeoutStopSec=20s

# Its own data (an SQLite database, uploads) is all that it may write, besides its own /tmp.
ProtectSystem=strict
ReadWritePaths=-/var/www/server/data
PrivateTmp=yes
# What it writes is for itself and its group. A web server that serves it needs to be in that group.
UMask=0027
ProtectHome=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RemoveIPC=yes
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
# A port below 1024 needs CAP_NET_BIND_SERVICE here and in AmbientCapabilities=.
CapabilityBoundingSet=

[Install]
# Started at boot.
WantedBy=multi-user.target

"#]]
    );
}

#[test]
fn the_unit_of_a_login() {
    assert_data_eq!(
        text("/home/deploy/server", None, RunsAs::Login),
        str![[r#"
[Unit]
Description=server
# Until the first deploy there is nothing to run, and that is no failure.
ConditionPathExists=/home/deploy/server/current

[Service]
# A program that can't be run at all is a failed start.
Type=exec
# The live release: shipit moves `current` and restarts this unit.
WorkingDirectory=/home/deploy/server/current
ExecStart=/home/deploy/server/current/result/bin/server
#Environment=PORT=3001
Environment="SERVER_DB_PATH=/var/www/server/data/server.db"
# Secrets, one NAME=value a line; the minus: the file may be missing.
EnvironmentFile=-%h/.config/server.env
# Every 3 s, without an end: systemd gives up on faster ones after 5 times.
Restart=on-failure
RestartSec=3s
# How long it may finish its requests; then it is killed. A deploy waits for this.
TimeoutStopSec=20s

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

[Install]
# Started at boot.
WantedBy=default.target

"#]]
    );
}

#[test]
fn what_depends_on_where_and_which_port() {
    let low = text("/home/deploy/server", Some(80), system());
    assert!(low.contains("ProtectHome=read-only\n") && !low.contains("ProtectHome=yes"), "{low}");
    assert!(low.contains("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"), "{low}");
    let without = text("/homestead/server", None, system());
    assert!(without.contains("#Environment=PORT=") && without.contains("ProtectHome=yes\n"), "{without}");
}

#[test]
fn an_app_has_a_user_of_its_own() {
    let user = |app: &str| app_user(&app.parse().unwrap(), "deploy").unwrap().to_string();
    assert_eq!(
        ["server", "My.App", "2048", "deploy", "root"].map(user),
        ["server", "my-app", "app-2048", "deploy-app", "root-app"]
    );
    assert_eq!(user(&"x".repeat(64)).len(), 28);
}

#[test]
fn a_variable_stays_what_it_is() {
    assert_eq!(quoted("A=100% \"of\" it\\s\n"), r#""A=100%% \"of\" it\\s\n""#);
}

#[test]
fn a_key_is_found_where_systemd_finds_it() {
    let text =
        "User=no\n[Service]\n#User=no\n; User=no\nUserX=no\nUser=a\n User = app \n[Install]\nUser=no\n";
    assert_eq!(service_value(text, "User"), Some("app"));
    assert_eq!(service_value("[Service]\nUser=app\nUser=\n", "User"), None);
    assert_eq!(service_value(&self::text("/srv/x", None, system()), "User"), Some("server"));
}

#[test]
fn the_port_is_told_by_the_variable_that_the_app_reads() {
    let (app, root) = ("server".parse().unwrap(), "/var/www/server".parse().unwrap());
    let text = |port, variable| {
        UnitFile { app: &app, root: &root, runs_as: system(), port, environment: &[] }
            .text_of("server", variable)
    };
    let named = PortVariable::Named("SERVER_PORT", ":");
    assert!(text(Some(3002), named).contains("\nEnvironment=SERVER_PORT=:3002\n"));
    assert!(text(None, named).contains("\n#Environment=SERVER_PORT=:3001\n"));
    let guess = "\n# A guess: does the app read PORT?\nEnvironment=PORT=3002\n";
    assert!(text(Some(3002), PortVariable::Guess).contains(guess));
    assert!(!text(Some(3002), PortVariable::Usual).contains("guess"));
}
