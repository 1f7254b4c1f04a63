//! What is planned, for servers that differ in one thing.

use super::*;
use crate::deploy::send::signing_key;
use crate::deploy::setup::facts::{Account, Found};
use crate::deploy::setup::{NewUnit, Trust};
use crate::model::settings::Settings;
use crate::model::unit_file::{RunsAs, UnitFile};
use crate::properties::bytes::settings;

fn wishes(settings: &Settings) -> Wishes<'_> {
    let runs_as = RunsAs::System("server".parse().unwrap());
    let (app, root) = (&settings.app, &settings.root);
    Wishes {
        settings,
        host: "root@server.example".parse().unwrap(),
        login: "deploy".parse().unwrap(),
        own_unit: false,
        unit: NewUnit {
            text: UnitFile { app, root, runs_as, port: None, environment: &[] }.text(),
            from: "as shipit proposes it".to_owned(),
            file: None,
            user: "server".to_owned(),
        },
        keys: Vec::new(),
        trust: Trust::Key(signing_key::tests::key()),
    }
}

/// A server with Nix and root.
fn bare() -> Facts {
    let lines = [
        "admin root",
        "user deploy",
        "shell /bin/bash",
        "nologin /usr/sbin/nologin",
        "unit LoadState=not-found",
        "app_user server",
        "nix /usr/bin",
        "nix_conf /etc/nix/nix.conf",
        "trusted_users root",
        "sudo yes",
    ];
    let mut facts = Facts::read(&lines.map(|line| format!("@ {line}")));
    facts.admin_keys =
        Some("# root's\nssh-ed25519 AAAAx anna\ncommand=\"echo no\" ssh-rsa AAAAy provider\n".to_owned());
    facts
}

fn verbs(plan: &Plan) -> String {
    plan.steps.iter().map(|step| step.words[0].as_str()).collect::<Vec<_>>().join(" ")
}

fn with(change: impl Fn(&mut Wishes<'_>, &mut Facts)) -> Outcome<Plan> {
    let settings = settings();
    let (mut wishes, mut facts) = (wishes(&settings), bare());
    change(&mut wishes, &mut facts);
    plan(&wishes, &facts)
}

#[test]
fn all_of_it_on_a_bare_server() {
    let plan = with(|_, _| {}).unwrap();
    assert_eq!(
        verbs(&plan),
        "login keys service_user folder folder unit_file enable sudoers sudoers nix_line restart_daemon root_file \
         root_file enable"
    );
    assert_eq!((plan.notes, plan.warnings), (vec![], vec![]));
    let keys = plan.steps.iter().find(|step| step.words[0] == "keys").unwrap();
    assert_eq!(
        keys.text.as_deref(),
        Some("ssh-ed25519 AAAAx anna"),
        "keys with options are for something else"
    );
}

#[test]
fn root_needs_no_rights() {
    let plan = with(|wishes, facts| {
        wishes.login = "root".parse().unwrap();
        facts.account.there = true;
    })
    .map(|plan| verbs(&plan));
    let plan = plan.unwrap();
    assert!(!["sudoers", "nix_line", "member"].iter().any(|verb| plan.contains(verb)), "{plan}");
}

#[test]
fn hooks_of_a_unit_that_runs_as_root_are_not_bought_with_all_rights() {
    let plan = with(|_, facts| {
        facts.unit.load = "loaded".to_owned();
        facts.app_user = String::new();
        facts.rights = vec!["unit".to_owned()];
    });
    let plan = plan.unwrap();
    assert!(!verbs(&plan).contains("sudoers"), "{}", verbs(&plan));
    assert!(plan.warnings.iter().any(|note| note.contains("hooks are not possible")), "{:#?}", plan.warnings);
}

#[test]
fn without_a_key_nothing_is_trusted_silently() {
    let plan = with(|wishes, _| wishes.trust = Trust::Nothing).unwrap();
    assert!(!verbs(&plan).contains("nix_line"), "{}", verbs(&plan));
    assert!(
        plan.warnings[0].contains("--trusted, which makes deploy as good as root"),
        "{:#?}",
        plan.warnings
    );
    let plan = with(|wishes, facts| {
        wishes.trust = Trust::Nothing;
        facts.account = Account { there: true, groups: vec!["wheel".to_owned()], ..Account::default() };
        facts.trusted_users = vec!["root".to_owned(), "@wheel".to_owned()];
    });
    assert_eq!(plan.unwrap().warnings, [""; 0]);
}

#[test]
fn another_key_of_the_same_name_is_in_the_way() {
    let failure = with(|_, facts| facts.trusted_keys = vec!["deploy-1:other".to_owned()]).unwrap_err();
    assert!(failure.error.to_string().contains("another key that is called deploy-1"), "{}", failure.error);
    let known = with(|_, facts| facts.trusted_keys = vec![signing_key::tests::PUBLIC.to_owned()]).unwrap();
    assert!(!verbs(&known).contains("restart_daemon"));
    // The line came into the file, and the daemon has not read it yet.
    let cut_off = with(|_, facts| {
        facts.trusted_keys = vec![signing_key::tests::PUBLIC.to_owned()];
        facts.daemon_stale = true;
    });
    assert!(verbs(&cut_off.unwrap()).contains("restart_daemon"));
}

#[test]
fn a_unit_of_ours_that_was_never_enabled_is_enabled() {
    let settings = settings();
    let text = wishes(&settings).unit.text;
    let found = |text: String| {
        with(move |_, facts| {
            facts.unit.load = "loaded".to_owned();
            facts.unit_enabled = "disabled".to_owned();
            let file = Found::File { rights: "644:root".to_owned(), text: text.clone() };
            facts.paths.insert("/etc/systemd/system/server.service".to_owned(), file);
        })
        .unwrap()
    };
    let cut_off = found(text);
    assert!(
        cut_off.steps.iter().any(|step| step.words == ["enable", "server.service"]),
        "{}",
        verbs(&cut_off)
    );
    // One that somebody disabled on purpose is theirs.
    let other = found("[Service]\nUser=server\n".to_owned());
    assert!(!other.steps.iter().any(|step| step.words == ["enable", "server.service"]), "{}", verbs(&other));
    assert!(
        other.notes.iter().any(|note| note.contains("systemctl enable server.service")),
        "{:#?}",
        other.notes
    );
}

/// The keys that each step lets in, a step a line.
fn let_in(change: impl Fn(&mut Wishes<'_>, &mut Facts)) -> (String, Vec<String>) {
    let plan = with(change).unwrap();
    let steps = plan.steps.iter().filter(|step| step.words[0] == "keys");
    let shown = steps.map(|step| format!("{}: {}\n", step.does, step.text.as_deref().unwrap_or_default()));
    (shown.collect(), plan.notes)
}

fn there(facts: &mut Facts, text: &str) {
    facts.account.there = true;
    let file = Found::File { rights: "-".to_owned(), text: text.to_owned() };
    facts.paths.insert(format!("~/{AUTHORIZED_KEYS}"), file);
}

const ADMINS: &str = "let whoever logs in as root log in as deploy: ssh-ed25519 AAAAx anna\n";

#[test]
fn a_key_that_is_given_comes_to_the_administrator_s() {
    let github = || vec!["ssh-ed25519 AAAAg github".to_owned()];
    let (shown, notes) = let_in(|wishes, _| wishes.keys = github());
    assert_eq!(
        shown,
        format!("{ADMINS}let this key log in as deploy: ssh-ed25519 AAAAg github\n"),
        "whoever sets up is not locked out"
    );
    assert_eq!(notes, [""; 0]);
    // One with options keeps them, whoever else has it.
    let (shown, notes) = let_in(|wishes, _| wishes.keys = vec!["no-pty ssh-ed25519 AAAAx anna".to_owned()]);
    assert_eq!(shown, "let this key log in as deploy: no-pty ssh-ed25519 AAAAx anna\n");
    assert_eq!(notes, [""; 0]);
    // Where the administrator has none to hand on, it is the only one, and that is said.
    let (shown, notes) = let_in(|wishes, facts| {
        (wishes.keys, facts.admin_keys) = (github(), None);
    });
    assert_eq!(shown, "let this key log in as deploy: ssh-ed25519 AAAAg github\n");
    assert!(notes[0].starts_with("no key that logs in as root logs in as deploy"), "{notes:?}");
}

#[test]
fn a_user_whom_a_key_lets_in_is_given_nobody_s_unasked() {
    let (shown, notes) = let_in(|_, facts| there(facts, "ssh-ed25519 AAAAx anna@laptop\n"));
    assert_eq!((shown.as_str(), notes), ("", vec![]));
    // Set up for another machine.
    let github = "ssh-ed25519 AAAAg github\n";
    let (shown, notes) = let_in(|_, facts| there(facts, github));
    assert_eq!(shown, "");
    assert!(notes[0].contains("run setup with --key ~/.ssh/id_ed25519.pub"), "{notes:?}");
    assert!(with(|_, facts| there(facts, github)).unwrap().shut_out, "who sets up can't deploy yet");
    assert!(!with(|_, _| {}).unwrap().shut_out);
    let (shown, notes) = let_in(|wishes, facts| {
        wishes.keys = vec!["ssh-ed25519 AAAAx anna".to_owned(), github.trim().to_owned()];
        there(facts, github);
    });
    assert_eq!(shown, "let this key log in as deploy: ssh-ed25519 AAAAx anna\n");
    assert_eq!(notes, [""; 0]);
    // A file that lets nobody in, as a setup that was cut off leaves it.
    let (shown, notes) = let_in(|_, facts| there(facts, "# none\n"));
    assert_eq!((shown.as_str(), notes), (ADMINS, vec![]));
}

#[test]
fn a_unit_that_is_written_over_is_restarted_where_something_is_live() {
    let then = |live: bool| {
        let plan = with(|wishes, facts| {
            wishes.unit.file = Some("/home/anna/server.service".into());
            facts.unit.load = "loaded".to_owned();
            if live {
                facts.paths.insert("/var/www/server/current".to_owned(), Found::Strange);
            }
        });
        plan.unwrap().notes.remove(0)
    };
    assert!(then(true).ends_with("and then shipit restart"), "{}", then(true));
    assert!(then(false).ends_with("and then shipit deploy"), "{}", then(false));
}
