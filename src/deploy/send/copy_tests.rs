//! Copies into a store of their own.

use super::*;
use crate::tools::nix::tests::nix;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A folder whose name needs quoting, with an `ssh` in it that runs the command here: what counts is how Nix calls
/// it. The server's store is a folder.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(ssh: &str) -> Self {
        let it = World { folder: tempfile::Builder::new().prefix("a b%").tempdir().unwrap() };
        it.program("ssh", ssh);
        let store = it.path().join("store");
        fs::create_dir(&store).unwrap();
        it.program("daemon-there", &format!("NIX_REMOTE='{}' exec nix-daemon \"$@\"", store.display()));
        it
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path().join("bin").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn nix(&self) -> Nix {
        // Just enough of PATH: our ssh first, and the real nix-daemon for the script.
        let bin = self.path().join("bin");
        nix().with_env(
            "PATH",
            format!("{}:/usr/local/bin:/usr/bin:/bin:/nix/var/nix/profiles/default/bin", bin.display()),
        )
    }

    fn destination(&self) -> Destination {
        Destination {
            host: "deploy@server".parse().unwrap(),
            socket: self.path().join("control"),
            daemon: "shipit-daemon".into(),
        }
    }

    /// A small path of its own.
    async fn top(&self) -> StorePath {
        let tree = self.path().join("shipit-try-copy");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("a"), format!("{:?}", self.path())).unwrap();
        nix().add(&tree).await.unwrap()
    }

    async fn copy(&self) -> (Outcome<Copied>, Vec<Event>) {
        let (events, mut heard) = Events::channel();
        let tops = [self.top().await];
        let all = closure(&self.nix(), &tops).await.unwrap();
        let missing: Vec<StorePath> = all.iter().map(|info| info.path.clone()).collect();
        let plan = plan(tops.to_vec(), all, &missing, &events);
        let copied = copy(&self.nix(), &plan, &self.destination(), &events).await;
        let mut told = Vec::new();
        while let Ok(event) = heard.try_recv() {
            told.push(event);
        }
        (copied, told)
    }
}

const RECORD: &str =
    "printf '%s\\n' \"$@\" >> \"$(dirname \"$0\")/said\"\npwd >> \"$(dirname \"$0\")/where\"\n";

#[tokio::test]
async fn a_copy_goes_over_the_socket_and_arrives() {
    // The command is the last word, or the words behind `--`; the name of the daemon is replaced by ours.
    let world = World::new(&format!(
        "{RECORD}for word; do case $word in *shipit-daemon*) exec \"$(dirname \"$0\")/daemon-there\" --stdio;; esac; done; exit 1"
    ));
    let (copied, told) = world.copy().await;
    let copied = copied.unwrap();
    assert_eq!(copied.paths, 1);
    assert!(copied.bytes > 100);
    assert!(matches!(told[0], Event::Missing { closure: 1, paths: 1, .. }), "{told:?}");
    assert_eq!(told[1], Event::CopyingPath { name: "shipit-try-copy".into(), number: 1, of: 1 });
    assert!(told[2..told.len() - 1].iter().all(Event::is_progress), "{told:?}");
    assert!(matches!(told.last(), Some(Event::Copied { paths: 1, .. })), "{told:?}");
    let top = world.top().await;
    assert!(world.path().join("store").join(top.as_str().trim_start_matches('/')).exists());

    let said = fs::read_to_string(world.path().join("bin/said")).unwrap();
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said[0], "server");
    for word in ["none", "-oControlPath=./control", "-oControlMaster=no", "-oProxyCommand=false"] {
        assert!(said.contains(&word), "{word}: {said:?}");
    }
    let place = fs::read_to_string(world.path().join("bin/where")).unwrap();
    assert_eq!(Path::new(place.lines().next().unwrap()), world.path().canonicalize().unwrap());
}

#[tokio::test]
async fn known_errors_have_a_hint() {
    for (said, hint) in [
        ("sh: 1: shipit-daemon: not found", "is Nix still at"),
        ("error: getting status of '/nix/var/nix/daemon-socket/socket': Permission denied", "nix-users"),
        ("write: No space left on device", "make room"),
    ] {
        let world = World::new(&format!("echo \"{said}\" >&2; exit 1"));
        let failure = world.copy().await.0.unwrap_err();
        assert_eq!(failure.kind, Kind::Copy);
        assert_eq!(failure.error.to_string(), "the copy to deploy@server failed");
        assert!(failure.hints.first().is_some_and(|text| text.contains(hint)), "{failure:?}");
    }
}

#[tokio::test]
async fn without_a_master_it_fails_and_opens_no_connection() {
    let world = World::new("exec /usr/bin/ssh \"$@\"");
    let failure = world.copy().await.0.unwrap_err();
    assert_eq!(failure.kind, Kind::Copy);
    assert!(failure.hints[0].contains("connection to the server was lost"), "{failure:?}");
}

#[tokio::test]
async fn nothing_missing_runs_nothing() {
    let world = World::new("exit 1");
    let (events, _heard) = Events::channel();
    let top = world.top().await;
    let all = closure(&world.nix(), std::slice::from_ref(&top)).await.unwrap();
    let plan = plan(vec![top], all, &[], &events);
    assert_eq!((plan.closure.len(), plan.missing.len(), plan.bytes), (1, 0, 0));
    let copied = copy(&world.nix(), &plan, &world.destination(), &events).await.unwrap();
    assert_eq!((copied.paths, copied.bytes), (0, 0));
}

#[tokio::test]
async fn signing_adds_a_signature_once() {
    use crate::deploy::send::signing_key::SigningKey;
    use crate::deploy::send::trust::{Trust, check_trust, sign};
    let world = World::new("exit 1");
    let secret = world.path().join("secret");
    // An input-addressed path: a derivation's output.
    let expression = format!(
        "derivation {{ name = \"shipit-try-sign\"; system = builtins.currentSystem; builder = \"/bin/sh\"; args = [ \"-c\" \"echo '{}' > $out\" ]; }}",
        world.path().display()
    );
    let build = crate::tools::cmd::Cmd::new("nix-build", Duration::from_secs(60))
        .args(["--no-out-link", "--expr", &expression])
        .env("NIX_CONFIG", "sandbox = false\nsubstituters =\nbuild-users-group =\n");
    let built =
        crate::tools::process::run(&build).await.unwrap_or_else(|error| panic!("{error} {}", error.stderr));
    let path: StorePath = built.text().parse().unwrap();
    let generate = crate::tools::cmd::Cmd::new("nix-store", Duration::from_secs(60))
        .args(["--generate-binary-cache-key", "try-1"])
        .args([&secret, &world.path().join("public")]);
    crate::tools::process::run(&generate).await.unwrap();

    let key = SigningKey::look(&secret).unwrap().0;
    assert_eq!(key.public, fs::read_to_string(world.path().join("public")).unwrap().trim());
    let infos = async || nix().closure_infos(std::slice::from_ref(&path)).await.unwrap();
    let trust = Trust { trusted: false, keys: vec![key.public.clone()], ..Trust::default() };
    check_trust(&infos().await, &trust, None).unwrap_err();
    for _ in 0..2 {
        sign(&nix(), &infos().await, &key).await.unwrap();
    }
    let signed = infos().await;
    assert!(signed[0].is_signed_by("try-1") && signed[0].signatures.len() == 1, "{signed:?}");
    check_trust(&signed, &trust, None).unwrap();
    let failure = sign(
        &nix(),
        &[PathInfo { signatures: vec![], ..signed[0].clone() }],
        &SigningKey { file: "/nowhere".into(), ..key },
    )
    .await;
    assert_eq!(failure.unwrap_err().error.to_string(), "could not sign what is sent");
}
