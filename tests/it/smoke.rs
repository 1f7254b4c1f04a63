//! The main job in one test: when this fails, look no further.

use crate::support::lab::{Server, Variant};
use crate::support::world::World;

#[test]
fn deploy_change_crash_rollback() {
    let server = Server::boot(Variant::Debian);
    let world = World::new(&server);
    let first = world.commit("1", "ok");
    world.deploy();
    assert!(server.http_get("/").is_some_and(|(status, page)| status == 200 && page.contains("version: 1")));

    world.commit("2", "ok");
    world.deploy();
    assert!(
        server
            .http_get("/")
            .is_some_and(|(_, page)| page.contains("version: 2") && page.contains("<h1>2</h1>"))
    );

    world.commit("3", "crash");
    world.shipit(&["deploy"]).expect(7).says(&[
        "did not go live: it ended with status 1",
        "boom: refused to start",
        "runs again",
    ]);
    assert!(server.http_get("/").is_some_and(|(_, page)| page.contains("version: 2")));

    let back = world.shipit(&["rollback", &first[..7]]).expect(0);
    assert!(back.stdout.contains(&first[..7]), "{}", back.stdout);
    assert!(server.http_get("/").is_some_and(|(_, page)| page.contains("version: 1")));
    world.shipit(&["releases"]).expect(0);
    let status = world.shipit(&["status"]).expect(0);
    assert!(status.stdout.contains("active (running)"), "{}", status.stdout);
}
