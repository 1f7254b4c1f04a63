//! The unit that settles at boot what a power loss cut off, before the app's unit starts.

use super::names::{RootPath, UnitName};

/// The script that it runs: `remote::boot_script`.
pub const SCRIPT: &str = "/usr/local/lib/shipit/settle";

/// Its name. state.sh looks for it.
pub fn name(unit: &UnitName) -> String {
    format!("shipit-settle-{unit}")
}

/// Its text. It runs as who deploys: what it works on is theirs, so root has no business there. `login`: none in a unit
/// of their own systemd.
pub fn text(unit: &UnitName, root: &RootPath, login: Option<&str>) -> String {
    let (user, control, target) = match login {
        Some(login) => (format!("User={login}\n"), "boot", "multi-user.target"),
        None => (String::new(), "user", "default.target"),
    };
    format!(
        "# Of `shipit setup`, which writes it anew when it has changed.\n\
         [Unit]\n\
         Description=Go back to the release that was checked before {unit} starts\n\
         Before={unit}\n\
         RequiresMountsFor={root}\n\
         # Only where a deploy was cut off between its switch and its check.\n\
         ConditionPathExists=|{root}/.shipit/pending\n\
         ConditionPathExists=|{root}/.shipit/take\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         {user}\
         ExecStart=/bin/sh {SCRIPT} root={root} unit={unit} control={control}\n\
         TimeoutStartSec=60s\n\
         TimeoutStopSec=5s\n\
         \n\
         [Install]\n\
         # Of the boot and not of the unit: a restart in the middle of a deploy has nothing to settle.\n\
         WantedBy={target}\n"
    )
}
