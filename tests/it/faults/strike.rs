//! The faults themselves: how each is made, and how it ends.

use std::process::{Command, Stdio};

use crate::support::lab::Server;
use crate::support::watched::{TRANSACTION, Watched, masters};
use crate::support::world::World;

use super::cells::Fault;
use super::gate::lasts;

/// What a fault needs before shipit begins.
pub fn prepare(fault: Fault, server: &Server) {
    if fault == Fault::Clock {
        // All that runs over ssh reads the offset anew each time it looks at the clock. Steps leave the monotonic
        // clock alone, and so does this.
        server.sh_ok(
            "echo +0 >/run/clock && chmod 644 /run/clock
             printf 'SetEnv LD_PRELOAD=%s FAKETIME_TIMESTAMP_FILE=/run/clock FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1\\n' \
               /usr/lib/*/faketime/libfaketime.so.1 >/etc/ssh/sshd_config.d/clock.conf
             systemctl reload ssh.service",
        );
    }
}

/// The fault strikes.
pub fn strike(fault: Fault, server: &Server, world: &World, deploy: &mut Watched) {
    // One that has ended by itself is no victim, nor is its number.
    let client: Vec<u32> = if deploy.is_over() { Vec::new() } else { vec![deploy.id()] };
    let kill = |victims: &str| server.sh(&format!("{TRANSACTION} && kill -KILL {victims}"));
    match fault {
        Fault::Int => signal("INT", &client),
        Fault::Kill => signal("KILL", &client),
        Fault::Master => signal("KILL", &masters(world)),
        Fault::ClientMaster => signal("KILL", &[client, masters(world)].concat()),
        Fault::Half => drop(kill("$half")),
        Fault::Guardian => drop(kill("$guardian")),
        Fault::Both => drop(kill("$guardian $half")),
        Fault::Cut5 | Fault::Cut20 | Fault::Cut30 | Fault::Cut => server.cut(),
        Fault::Crash => server.crash(),
        Fault::SshdRestart => drop(server.sh_ok("systemctl restart ssh.service")),
        Fault::SshdStop => drop(server.sh_ok("systemctl stop ssh.service")),
        Fault::SshdKill => drop(server.sh("pkill -KILL '^sshd'")),
        Fault::DiskRoot => server.fill("/var/www/server", 0),
        Fault::DiskNix => server.fill("/nix", 0),
        // As many starts as are allowed; without a reset-failed the next one is refused.
        Fault::StartLimit => drop(server.sh("systemctl reset-failed server.service
             n=$(systemctl show -P StartLimitBurst server.service)
             while [ $n -gt 0 ]; do systemctl restart server.service; n=$((n - 1)); done")),
        Fault::Clock => drop(server.sh_ok("echo -1h >/run/clock")),
    }
}

/// What follows at once, by itself.
pub fn then(fault: Fault, server: &Server) {
    match fault {
        Fault::Cut5 => {
            lasts(5);
            server.mend();
        }
        Fault::Cut20 => {
            lasts(20);
            server.mend();
        }
        Fault::Cut30 => {
            lasts(30);
            server.mend();
        }
        Fault::Crash => server.boot_again(),
        Fault::SshdKill => {
            drop(server.sh_ok("systemctl reset-failed ssh.service; systemctl start ssh.service"))
        }
        _ => {}
    }
}

/// What somebody puts right after shipit has ended: a cable, a disk, sshd. Never anything of shipit's.
pub fn repair(fault: Fault, server: &Server) {
    match fault {
        Fault::Cut => server.mend(),
        Fault::SshdStop => drop(server.sh_ok("systemctl start ssh.service")),
        Fault::DiskRoot | Fault::DiskNix => server.free(),
        Fault::Clock => {
            drop(server.sh_ok("rm -f /etc/ssh/sshd_config.d/clock.conf; systemctl reload ssh.service"));
        }
        _ => {}
    }
}

/// Some of them may just have ended by themselves.
fn signal(name: &str, processes: &[u32]) {
    let ids = processes.iter().map(ToString::to_string);
    let _ = Command::new("kill").arg(format!("-{name}")).args(ids).stderr(Stdio::null()).status();
}
