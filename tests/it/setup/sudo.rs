//! An administrator who is not root.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use super::{fresh, has_nothing_to_do, made, signing};
use crate::support::facts::page;
use crate::support::lab::Server;
use crate::support::world::{SHIPIT, World};

/// A server whose administrator is anna, with this rule.
fn of_anna(rule: &str) -> (Server, World) {
    let server = fresh(Server::builder());
    server.sh_ok(&format!(
        "useradd --create-home --shell /bin/bash anna && echo 'anna:correct horse' | chpasswd
         cp -r /root/.ssh /home/anna/ && chown -R anna: /home/anna/.ssh && mv /root/.ssh/authorized_keys /root/
         printf '{rule}\\n' >/etc/sudoers.d/anna && chmod 440 /etc/sudoers.d/anna && visudo -c -q"
    ));
    let world = signing(&server);
    world.commit("1", "ok");
    (server, world)
}

/// Runs shipit at a terminal, and types each answer when its question is there.
fn at_a_terminal(world: &World, words: &str, answers: &[(&str, &str)]) -> (i32, String) {
    let line = format!("{SHIPIT} {words}");
    let mut command = world.command("script");
    command.args(["-q", "-e", "-c", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("script");
    let (mut typed, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut byte = [0; 256];
        while let Ok(count @ 1..) = screen.read(&mut byte) {
            let _ = sender.send(String::from_utf8_lossy(&byte[..count]).into_owned());
        }
    });
    let mut said = String::new();
    let mut begin = 0;
    for (question, answer) in answers {
        while !said[begin..].contains(question) {
            said += &receiver
                .recv_timeout(Duration::from_secs(60))
                .unwrap_or_else(|_| panic!("no {question:?}: {said}"));
        }
        begin = said.len();
        // `script` has a terminal of its own below it: what is typed is there when it is read.
        typed.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    let ended = loop {
        match receiver.recv_timeout(Duration::from_secs(120)) {
            Ok(more) => said += &more,
            Err(why) => break why,
        }
    };
    if ended == mpsc::RecvTimeoutError::Timeout {
        let _ = child.kill();
        panic!("it waits for something: {said}");
    }
    (child.wait().expect("script").code().unwrap_or(-1), said)
}

#[test]
fn a_password_is_typed_once_and_stands_nowhere() {
    let (server, world) = of_anna("anna ALL=(ALL:ALL) ALL");
    let empty = made(&server);
    // Where nobody can be asked, it is an error at once.
    let none = world.shipit(&["setup", "--as", "anna", "--yes"]).expect(3);
    none.says(&["asks for a password, and nobody can be asked", "--as root"]);
    let (code, said) =
        at_a_terminal(&world, "setup --as anna", &[("sudo's password on anna@", "wrong horse")]);
    assert!(code == 3 && said.contains("did not take the password"), "{code} {said}");
    // One wrong try counts as one.
    let log = server.sh_ok("journalctl -q -t sudo -o cat");
    assert_eq!(log.matches("authentication failure").count(), 1, "{log}");
    let (code, said) =
        at_a_terminal(&world, "setup --as anna", &[("sudo's password", "correct horse"), ("[y/N]", "n")]);
    assert!(code == 130 && said.contains("nothing was changed"), "{code} {said}");
    assert_eq!(made(&server), empty);

    let (code, said) =
        at_a_terminal(&world, "setup --as anna", &[("sudo's password", "correct horse"), ("[y/N]", "y")]);
    assert!(
        code == 0 && said.contains(&format!("set up: deploy on {} can", server.address)),
        "{code} {said}"
    );
    assert!(!said.contains("horse"), "{said}");
    let logs = server.sh_ok("journalctl -q -o cat");
    assert!(!logs.contains("horse"), "the password is in the log");
    world.deploy();
    assert!(page(&server).contains("version: 1"));
    // The rules of others are as they were.
    assert_eq!(server.sh_ok("cat /etc/sudoers.d/anna").trim(), "anna ALL=(ALL:ALL) ALL");
}

#[test]
fn sudo_without_a_password_asks_nothing() {
    let (server, world) = of_anna("anna ALL=(ALL:ALL) NOPASSWD: ALL");
    world.shipit(&["setup", "--as", "anna", "--yes"]).expect(0);
    world.deploy();
    assert!(page(&server).contains("version: 1"));
    has_nothing_to_do(&server, &world, &["setup", "--as", "anna", "--yes"]);
    // Who may do nothing by sudo is told so, and by whom.
    server.sh_ok("rm /etc/sudoers.d/anna");
    let (code, said) = at_a_terminal(&world, "setup --as anna", &[("sudo's password", "correct horse")]);
    assert!(code == 3 && said.contains("not in the sudoers file"), "{code} {said}");
}
