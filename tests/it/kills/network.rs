//! Cables that are cut, for a while and for good, and an sshd that restarts.

use std::time::Duration;

use super::{END, SECOND, checking, mute, next_deploy_works};
use crate::support::lab::Server;
use crate::support::site::drop_in;
use crate::support::watched::{at_rest, connections, last_entry, serves, signal, temporary};
use crate::support::world::eventually;

#[test]
fn sshd_restarts_and_the_cable_is_cut_for_a_while() {
    let (server, world) = mute();
    world.commit("3", "slow-start 12");
    let deploy = checking(&server, &world);
    server.sh_ok("systemctl restart ssh.service");
    server.cut();
    std::thread::sleep(5 * SECOND);
    server.mend();
    let ran = deploy.wait(END).expect(0);
    assert_eq!(ran.json()["outcome"], "live");
    serves(&server, "3", SECOND);
    at_rest(&server);
    assert_eq!(last_entry(&server)["event"], "kept");
}

#[test]
fn cut_until_the_server_went_back_and_then_mended() {
    let (server, world) = mute();
    let deploy = checking(&server, &world);
    server.cut();
    let took = eventually(Duration::from_secs(36), || old_runs(&server));
    assert!(took > Duration::from_secs(25), "gone back after {took:?} already");
    server.mend();
    let result = deploy.wait(END).expect(7).json();
    assert!(
        result["error"].as_str().is_some_and(|error| error.contains("the client was silent for 30 s")),
        "{result}"
    );
    assert!(result["live"].as_str().is_some_and(|live| live.ends_with("runs again")), "{result}");
    assert_eq!(last_entry(&server)["event"], "reverted");
    next_deploy_works(&server, &world, "3");
}

#[test]
fn cut_for_good() {
    let (server, world) = mute();
    // The deadline that is printed has the unit's limits in it.
    drop_in(&server, "[Service]\nTimeoutStartSec=2\nTimeoutStopSec=2");
    let mut deploy = checking(&server, &world);
    server.cut();
    // Without its master the client knows at once that contact is lost, and tries for as long as it says.
    signal("KILL", &connections(&world));
    let within = deploy.until("contact-lost")["within_s"].as_u64().expect("a number");
    assert_eq!(within, 30 + 2 + 2 + 30);
    eventually(Duration::from_secs(36), || old_runs(&server));
    let ran = deploy.wait(Duration::from_secs(within + 12)).expect(9);
    let result = ran.json();
    assert_eq!(result["outcome"], "contact-lost");
    assert!(result["live"].as_str().is_some_and(|live| live.contains("by itself within 34 s")), "{result}");
    assert!(result["causes"][0].is_string(), "why it could not be reached: {result}");
    assert_eq!(temporary(&world), Vec::<std::path::PathBuf>::new());
    server.mend();
    assert_eq!(last_entry(&server)["reason"], "the client was silent for 30 s");
    next_deploy_works(&server, &world, "3");
}

/// Whether version 1 runs, asked on the server: its cables may be cut.
fn old_runs(server: &Server) -> Result<(), String> {
    let page = server.sh("cd /var/www/server && curl -s -m 1 http://127.0.0.1:3001/version || bash -c 'exec 3<>/dev/tcp/127.0.0.1/3001 && printf \"GET /version HTTP/1.0\\r\\n\\r\\n\" >&3 && cat <&3'");
    if page.stdout.trim_end().ends_with('1') { Ok(()) } else { Err(page.to_string()) }
}
