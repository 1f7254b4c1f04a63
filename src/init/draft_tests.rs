use snapbox::{assert_data_eq, str};

use super::super::script::Script;
use super::super::source_code::SourceCode;
use super::super::text::text;
use super::*;

/// The folder of the post that started this, as far as text tells of it.
fn clues(units: &[(&str, &str)], scripts: &[(&str, &str)], code: &[(&str, &str)]) -> Clues {
    let code: Vec<_> = code.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let mut clues = Clues {
        folder: "my app".to_owned(),
        units: units.iter().filter_map(|(name, text)| FoundUnit::read(name, text)).collect(),
        scripts: scripts.iter().filter_map(|(name, text)| Script::read(name, text)).collect(),
        code: SourceCode::read(&code),
        ..Clues::default()
    };
    clues.flake.packages = packages(&[("x86_64-linux", &["default", "server"])]);
    clues
}

fn packages(
    all: &[(&str, &[&str])],
) -> Option<std::collections::BTreeMap<crate::model::names::System, Vec<PackageName>>> {
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    Some(all.iter().map(|(system, list)| (system.parse().unwrap(), names(list))).collect())
}

fn host() -> HostName {
    "deploy@server.example".parse().unwrap()
}

fn of(draft: &Draft, key: &str) -> Option<(String, bool)> {
    let value = draft.values.iter().find(|value| value.key == key)?;
    Some((value.value.as_str().map_or_else(|| value.value.to_string(), str::to_owned), value.guess))
}

const UNIT: &str = "[Service]\nUser=igris\nWorkingDirectory=/srv/guests/current\n\
                    ExecStart=/srv/guests/current/result/bin/server\nEnvironment=SERVER_PORT=:3001\n";
const SCRIPT: &str = "cp -r views $CURRENT_DIR/views\nsudo systemctl restart guests\n";

#[test]
fn a_unit_and_a_script_leave_only_the_host() {
    let mut found = clues(&[("ops/guests.service", UNIT)], &[("deploy.sh", SCRIPT)], &[]);
    found.branch = Some("main".to_owned());
    found.remote = Some("github.com/anna/server".to_owned());
    let draft = draft(&Given::default(), Some(&host()), &found).unwrap();
    assert_data_eq!(
        text(&draft),
        str![[r##"
# What `shipit deploy` needs to know. Behind each value: where `shipit init` has it from.
# Deployed is the commit that is checked out (now: branch main of github.com/anna/server).
# Look at the guesses.

app     = "guests"                  # of the unit ops/guests.service
host    = "deploy@server.example"   # as you said
package = "default"                 # flake.nix has default, server
root    = "/srv/guests"             # WorkingDirectory in ops/guests.service
unit    = "guests.service"          # ops/guests.service lies here
assets  = ["views"]                 # deploy.sh copies it

[health]
http = "http://127.0.0.1:3001/"   # a guess: port: SERVER_PORT in ops/guests.service; path: the front page

"##]]
    );
    assert_eq!(draft.program.as_deref(), Some("server"));
}

#[test]
fn with_nothing_to_read_the_defaults_are_named() {
    let mut found = clues(&[], &[], &[]);
    found.flake.packages = None;
    let draft = draft(&Given::default(), Some(&host()), &found).unwrap();
    assert_data_eq!(
        text(&draft),
        str![[r##"
# What `shipit deploy` needs to know. Behind each value: where `shipit init` has it from.
# Look at the guesses.

app     = "my-app"                  # a guess: the folder is called so
host    = "deploy@server.example"   # as you said
package = "default"                 # a guess: the usual one; Nix could not say what there is
# root  = "/var/www/my-app"         # the default
# unit  = "my-app.service"          # the default
# assets = ["views"]   # files of the commit that shall lie beside result/; none were found

[health]
# No port was found. Without a check nothing more is known of a release than that its unit stays up.
# http = "http://127.0.0.1:3000/"   # asked on the server itself
settle = "5s"   # the time in which the app would fail

"##]]
    );
}

#[test]
fn what_was_said_is_believed_first() {
    let found = clues(&[("guests.service", UNIT)], &[("deploy.sh", SCRIPT)], &[("a.go", "\"/healthz\"")]);
    let given = Given {
        app: Some("a".parse().unwrap()),
        package: Some("server".parse().unwrap()),
        root: Some("/srv/b".parse().unwrap()),
        unit: Some("c.service".parse().unwrap()),
        assets: vec!["d".parse().unwrap()],
        port: Some(4000),
        ..Given::default()
    };
    let draft = draft(&given, Some(&host()), &found).unwrap();
    for (key, value) in [
        ("app", "a"),
        ("package", "server"),
        ("root", "/srv/b"),
        ("unit", "c.service"),
        ("assets", "[\"d\"]"),
        ("health.http", "http://127.0.0.1:4000/healthz"),
    ] {
        assert_eq!(of(&draft, key), Some((value.to_owned(), false)), "{key}");
    }
    let given = Given { health: Some("http://127.0.0.1:1/x".to_owned()), ..given };
    assert_eq!(
        of(&super::draft(&given, Some(&host()), &found).unwrap(), "health.http").unwrap().0,
        "http://127.0.0.1:1/x"
    );
}

#[test]
fn a_package_is_one_that_the_flake_has() {
    let mut found = clues(&[], &[], &[]);
    let say = |found: &Clues, name: Option<&str>| {
        let given = Given { package: name.map(|name| name.parse().unwrap()), ..Given::default() };
        draft(&given, Some(&host()), found).map(|draft| of(&draft, "package").unwrap())
    };
    let failure = say(&found, Some("sever")).unwrap_err();
    assert_eq!((failure.kind, failure.hints[0].as_str()), (Kind::Usage, "did you mean `--package server`?"));
    found.flake.packages = packages(&[("x86_64-linux", &["web"])]);
    assert_eq!(say(&found, None).unwrap(), ("web".to_owned(), false));
    found.flake.packages = packages(&[("x86_64-linux", &["api", "web"])]);
    found.remote = Some("github.com/anna/web".to_owned());
    assert_eq!(say(&found, None).unwrap(), ("web".to_owned(), true));
    found.flake.packages = packages(&[("riscv64-linux", &["default"]), ("x86_64-linux", &[])]);
    let draft = draft(&Given::default(), Some(&host()), &found).unwrap();
    assert_eq!(of(&draft, "system"), Some(("riscv64-linux".to_owned(), false)));
}

#[test]
fn of_several_units_the_deployed_one_counts() {
    let other = "[Service]\nExecStart=/usr/bin/backup\n";
    let found = clues(&[("backup.service", other), ("guests.service", UNIT)], &[], &[]);
    let picked = draft(&Given::default(), Some(&host()), &found).unwrap();
    assert_eq!(of(&picked, "unit").unwrap().0, "guests.service");
    let found = clues(&[("a.service", other), ("b.service", other)], &[], &[]);
    let none = draft(&Given::default(), Some(&host()), &found).unwrap();
    assert_eq!(of(&none, "unit").unwrap().0, "my-app.service");
    assert!(none.notes[0].0.contains("a.service, b.service"), "{:?}", none.notes);
    // What a script restarts is the one, wherever it lies.
    let found = clues(&[("a.service", other), ("b.service", other)], &[("x.sh", "systemctl restart b")], &[]);
    assert_eq!(of(&draft(&Given::default(), Some(&host()), &found).unwrap(), "app").unwrap().0, "b");
}

#[test]
fn no_name_of_a_file_ends_its_comment() {
    let found = clues(&[("x\nhost = \"evil\"/guests.service", UNIT)], &[], &[]);
    let text = text(&draft(&Given::default(), Some(&host()), &found).unwrap());
    let table: toml::Table = text.parse().unwrap();
    assert_eq!(table["host"].as_str(), Some("deploy@server.example"));
}

#[test]
fn what_a_new_unit_has_to_set_is_named() {
    let code = [("main.go", "os.Getenv(\"PORT\"); os.Getenv(\"NOTES_DATA\"); os.Getenv(\"NOTES_ADDR\")")];
    let found = clues(&[], &[], &code);
    let guessed = draft(&Given::default(), Some(&host()), &found).unwrap();
    assert_eq!(of(&guessed, "health.http"), Some(("http://127.0.0.1:3000/".to_owned(), true)));
    let note = (
        "main.go reads NOTES_DATA, by its name where its files lie; a new unit does not set it".to_owned(),
        Some("perhaps, in the unit: Environment=NOTES_DATA=/var/www/my-app/data".to_owned()),
    );
    assert_eq!(guessed.notes, [note]);
    // Without PORT it is not known where it listens, and a unit that is there sets what it sets.
    let found = clues(&[], &[], &[("a.go", "os.Getenv(\"NOTES_ADDR\")")]);
    let guessed = draft(&Given::default(), Some(&host()), &found).unwrap();
    assert_eq!(of(&guessed, "health.http"), None);
    assert!(guessed.notes[0].0.contains("a.go reads NOTES_ADDR"), "{:?}", guessed.notes);
    let found = clues(&[("guests.service", UNIT)], &[], &code);
    assert_eq!(draft(&Given::default(), Some(&host()), &found).unwrap().notes, []);
}
