//! A server that cells can be tried on one after the other: each finds a healthy release and leaves one.

use std::cell::RefCell;

use crate::support::facts::ROOT;
use crate::support::lab::{Server, Variant};
use crate::support::site::{Site, drop_in};
use crate::support::watched::connections;
use crate::support::world::eventually;

use super::gate;

/// Long enough for a fault to strike meanwhile, on a busy machine too.
pub const SLOW: &str = "slow-start 5";

/// What shipit.toml says, as far as a try may change it.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    pub keep: u32,
    pub settle: &'static str,
    pub within: &'static str,
    pub hook: bool,
}

impl Config {
    /// What deploys that nothing happens to are done with. The check lasts longer than any fault that is mended.
    pub const USUAL: Config = Config { keep: 5, settle: "300ms", within: "60s", hook: false };
}

/// A server, its developer, and what was deployed there.
pub struct Stand {
    pub site: Site,
    /// Healthy commits that were deployed, oldest first.
    goods: RefCell<Vec<String>>,
    /// The healthy commit that takes a while to start.
    slow: RefCell<Option<String>>,
    /// ssh masters of shipits that were killed: they end by themselves.
    masters: RefCell<Vec<u32>>,
}

impl Stand {
    /// A server with three releases on it; with `disks`, its root and /nix can be filled.
    pub fn new(disks: bool) -> Self {
        let builder = Server::builder().variant(Variant::Debian);
        let server = if disks { builder.disk("1G").nix_disk("1G").boot() } else { builder.boot() };
        // The server's word is "within 30 s and the unit's limits": these are small.
        drop_in(&server, "[Service]\nTimeoutStartSec=2\nTimeoutStopSec=2");
        server.sh_ok(&format!("echo precious >{ROOT}/data/precious"));
        let stand = Stand {
            site: Site::empty(server),
            goods: RefCell::default(),
            slow: RefCell::default(),
            masters: RefCell::default(),
        };
        stand.configure(Config::USUAL);
        for _ in 0..3 {
            stand.good();
        }
        stand
    }

    /// Writes shipit.toml.
    pub fn configure(&self, config: Config) {
        let Config { keep, settle, within, hook } = config;
        let hook = match hook {
            true => format!("[hooks]\nbefore_switch = [\"{}\"]\ntimeout = \"100s\"\n\n", gate::HOOK),
            false => String::new(),
        };
        self.site.world.write(
            "shipit.toml",
            &format!(
                "app = \"server\"\nhost = \"deploy@{}\"\nassets = [\"views\"]\nkeep = {keep}\n\n\
                 [ssh]\nconfig = \"../ssh_config\"\n\n{hook}\
                 [health]\nhttp = \"http://127.0.0.1:3001/\"\nwithin = \"{within}\"\nsettle = \"{settle}\"\n",
                self.site.server.address
            ),
        );
    }

    /// A healthy deploy that nothing happens to, looked at from all sides.
    pub fn good(&self) -> String {
        let commit = self.site.good();
        self.goods.borrow_mut().push(commit.clone());
        commit
    }

    /// The healthy release that was live before the one that is: what a rollback goes to.
    pub fn before(&self) -> String {
        let goods = self.goods.borrow();
        goods.iter().rev().nth(1).expect("two releases").clone()
    }

    /// A healthy release that takes a while to start, and is not live.
    pub fn slow(&self) -> String {
        let there = self.site.now().releases;
        let known = self.slow.borrow().clone().filter(|slow| there.contains(slow));
        known.unwrap_or_else(|| {
            let slow = self.site.good_that(SLOW);
            self.good();
            *self.slow.borrow_mut() = Some(slow.clone());
            slow
        })
    }

    /// Notes the ssh masters of a shipit that was killed.
    pub fn owes_masters(&self) {
        self.masters.borrow_mut().extend(connections(&self.site.world));
    }

    /// Whether this process is one of those.
    pub fn is_owed(&self, master: u32) -> bool {
        self.masters.borrow().contains(&master)
    }

    /// … and waits for their end, at last.
    pub fn settle_debts(&self) {
        eventually(std::time::Duration::from_secs(60), || {
            let alive = connections(&self.site.world);
            let left: Vec<u32> =
                self.masters.borrow().iter().copied().filter(|id| alive.contains(id)).collect();
            if left.is_empty() { Ok(()) } else { Err(left) }
        });
    }
}
