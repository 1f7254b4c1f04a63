//! Where the file is looked for, and what can't be read as one.

use std::fs;

use snapbox::{assert_data_eq, str};

use super::{LEAST, World, full, settings};

#[test]
fn the_file_is_found_upwards_and_not_above_the_repository() {
    let mut world = World::new("app = 1\n");
    let top = world.context.cwd.clone();
    fs::create_dir_all(top.join("a/b")).unwrap();
    world.context.cwd = top.join("a/b");
    let failure = world.load(None).unwrap_err().error.to_string();
    assert!(failure.starts_with(&format!("{}/shipit.toml:1:7: ", top.display())), "{failure}");

    fs::write(top.join("shipit.toml"), LEAST).unwrap();
    fs::create_dir(top.join(".git")).unwrap();
    assert_eq!(world.load(None).unwrap().folder, top);

    fs::write(top.join("a/.git"), "gitdir: elsewhere").unwrap();
    assert_data_eq!(
        world.text(world.load(None).unwrap_err()),
        str![[r#"
there is no shipit.toml in /srv/app or above it
hint: `shipit init` writes one, beside flake.nix: it reads the flake, git and the units in the folder, and asks for the host
hint: or name a file with -c, a folder with -C

"#]]
    );
    assert!(world.folder.path().exists());
}

#[test]
fn the_file_can_be_named() {
    let world = full();
    fs::create_dir(world.context.cwd.join("sub")).unwrap();
    fs::write(
        world.context.cwd.join("deploy/other.toml"),
        "app = \"a\"\nhost = \"b\"\nssh.config = \"ssh_config\"\n",
    )
    .unwrap();
    let settings = world.load_file("sub/../deploy/other.toml").unwrap();
    assert_eq!(settings.folder, world.context.cwd.join("deploy"), "without the detour");
    assert_eq!(
        settings.ssh.config,
        Some(world.context.cwd.join("deploy/ssh_config")),
        "relative to the file"
    );

    fs::write(world.context.cwd.join("deploy/other.toml"), "app = 1\n").unwrap();
    assert_data_eq!(
        world.text(world.load_file("./deploy/other.toml").unwrap_err()),
        str![[r#"
./deploy/other.toml:1:7: invalid type: integer `1`, expected a string
  |
1 | app = 1
  |       ^

"#]]
    );
    assert_data_eq!(
        world.text(world.load_file("deploy/none.toml").unwrap_err()),
        str![[r#"
deploy/none.toml can't be read
No such file or directory (os error 2)

"#]]
    );
    assert_data_eq!(
        world.text(world.load_file("deploy").unwrap_err()),
        str![[r#"
deploy is a folder, not a file

"#]]
    );
    assert_data_eq!(
        world.text(world.load_file("/dev/zero").unwrap_err()),
        str![[r#"
/dev/zero is not a regular file

"#]]
    );
}

#[test]
fn files_that_are_no_text() {
    let error = |bytes: &[u8]| {
        let world = World::new(bytes);
        world.text(world.load(None).unwrap_err())
    };
    assert_data_eq!(
        error(b"app = \"a\"\nhost = \"b\xffc\"\n"),
        str![[r#"
shipit.toml:2:10: this is not UTF-8: byte 0xff
  |
2 | host = "b�c"
  |          ^

"#]]
    );
    assert_data_eq!(
        error(b"\xff\xfea\0p\0p\0"),
        str![[r#"
shipit.toml:1:1: this is not UTF-8: byte 0xff
  |
1 | ��a�p�p�
  | ^

"#]]
    );
    assert_data_eq!(
        error(&vec![b'#'; 2 << 20]),
        str![[r#"
shipit.toml is larger than 1 MiB: that is no configuration

"#]]
    );

    let world = World::new("");
    fs::remove_file(world.context.cwd.join("shipit.toml")).unwrap();
    fs::create_dir(world.context.cwd.join("shipit.toml")).unwrap();
    assert_data_eq!(
        world.text(world.load(None).unwrap_err()),
        str![[r#"
shipit.toml is a folder, not a file

"#]]
    );
    fs::remove_dir(world.context.cwd.join("shipit.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", world.context.cwd.join("shipit.toml")).unwrap();
    assert_data_eq!(
        world.text(world.load(None).unwrap_err()),
        str![[r#"
shipit.toml can't be read
No such file or directory (os error 2)

"#]]
    );
}

#[test]
fn a_link_is_read_and_its_own_folder_counts() {
    let world = World::new(LEAST);
    fs::create_dir(world.context.cwd.join("real")).unwrap();
    fs::rename(world.context.cwd.join("shipit.toml"), world.context.cwd.join("real/shipit.toml")).unwrap();
    std::os::unix::fs::symlink("real/shipit.toml", world.context.cwd.join("shipit.toml")).unwrap();
    assert_eq!(world.load(None).unwrap().folder, world.context.cwd);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
    assert_eq!(settings(&format!("\u{feff}{}", LEAST.replace('\n', "\r\n"))).app.as_str(), "server");
}
