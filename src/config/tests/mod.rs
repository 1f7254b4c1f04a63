//! shipit.toml from the text to the settings: what is taken, and every sentence that refuses.

use std::fs;
use std::path::PathBuf;

use super::{Choice, load};
use crate::context::Context;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::model::settings::Settings;

mod environments;
mod hostile;
mod keys;
mod messages;
mod place;

const LEAST: &str = "app = \"server\"\nhost = \"deploy@server.example\"\n";

/// A folder with a configuration file in it.
struct World {
    folder: tempfile::TempDir,
    context: Context,
}

impl World {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cwd = fs::canonicalize(folder.path()).unwrap();
        fs::write(cwd.join("shipit.toml"), text).unwrap();
        let context = Context {
            cwd,
            home: Some(PathBuf::from("/home/anna")),
            who: "anna@laptop".to_owned(),
            from: None,
            runner: None,
            runtime_folder: PathBuf::from("/tmp"),
        };
        World { folder, context }
    }

    fn load(&self, environment: Option<&str>) -> Outcome<Settings> {
        load(&self.context, &Choice { environment: environment.map(str::to_owned), ..Choice::default() })
    }

    fn load_file(&self, file: &str) -> Outcome<Settings> {
        load(&self.context, &Choice { file: Some(file.into()), ..Choice::default() })
    }

    /// The failure as text, with the folder's name masked.
    fn text(&self, failure: Failure) -> String {
        assert_eq!(failure.kind, Kind::Usage);
        let mut text: String = failure.error.chain().map(|cause| format!("{cause}\n")).collect();
        text.extend(failure.hints.iter().map(|hint| format!("hint: {hint}\n")));
        text.replace(self.context.cwd.to_str().unwrap(), "/srv/app")
    }
}

fn settings(text: &str) -> Settings {
    let world = World::new(text);
    world.load(None).unwrap_or_else(|failure| panic!("{text}\n{}", world.text(failure)))
}

const FULL: &str = r#"
app     = "server"
host    = "deploy@server.example"
package = "web"
system  = "aarch64-linux"
root    = "/srv/server"
unit    = "web@1.service"
assets  = ["./views", "public/css", "./-odd"]
keep    = 3
url     = "https://www.example.org"
[ssh]
config   = "deploy/ssh_config"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2dW0rSzjv3hvzJ7Tj2CQ4iMaoYtFMUIk7j4sVOnPl1 root@server"
[sign]
key_file = "~/.config/shipit/signing.key"
[health]
http    = "https://127.0.0.1:3001/"
host    = "www.example.org"
status  = [200, 204]
within  = "1m30s"
settle  = "250ms"
[hooks]
before_switch = ["result/bin/server", "migrate", "a\tb"]
timeout = "1h"

[environments.staging]
host = "deploy@staging.example"
root = "/srv/staging"
url = "https://staging.example.org/"
assets = []
health.status = [200]
hooks = { timeout = "1m" }
[environments.staging.ssh]
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"#;

fn full() -> World {
    let world = World::new(FULL);
    fs::create_dir(world.context.cwd.join("deploy")).unwrap();
    fs::write(world.context.cwd.join("deploy/ssh_config"), "").unwrap();
    world
}
