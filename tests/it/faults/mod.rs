//! Faults at every step: a matrix, and faults at random moments. A part of both runs with the other tests; all of it is
//! `tests/faults`.

mod cells;
mod checks;
mod eyes;
mod gate;
mod random;
mod runner;
mod stand;
mod strike;
mod table;
mod trial;

use std::time::Duration;

use cells::{Cell, Fault};
use random::Draw;
use stand::Stand;

/// The words that `tests/faults` was given.
const WORDS: &str = "SHIPIT_FAULTS";
/// How many servers run at once.
const SERVERS: &str = "SHIPIT_FAULTS_SERVERS";

/// Tries these cells one after the other on one server.
fn try_all(names: &[&str]) {
    let cells: Vec<Cell> =
        names.iter().map(|name| Cell::named(name).unwrap_or_else(|| panic!("no cell {name}"))).collect();
    let stand = Stand::new(cells.iter().any(|cell| cell.fault.is_a_full_disk()));
    for cell in cells {
        let ended = trial::trial(&stand, cell);
        eprintln!("{cell}: {} {} {:?}", ended.runs, ended.code, ended.took);
    }
    stand.settle_debts();
}

#[test]
fn processes_die_at_the_steps_of_a_deploy() {
    try_all(&[
        "deploy/locked/both",
        "deploy/hook/guardian",
        "deploy/relinked/half",
        "deploy/relinked/both",
        "deploy/kept/both",
        "deploy/kept/master",
    ]);
}

#[test]
fn the_line_breaks_at_the_steps() {
    try_all(&[
        "deploy/copied/sshd-kill",
        "deploy/keeping/cut-5",
        "rollback/relinked/kill+master",
        "rollback/checking/clock",
    ]);
}

#[test]
fn the_server_crashes_at_the_steps() {
    try_all(&["deploy/kept/crash", "rollback/checking/crash"]);
}

#[test]
fn disks_are_full_at_the_steps() {
    try_all(&["deploy/built/disk-nix", "deploy/locked/disk-root", "rollback/keeping/disk-root"]);
}

#[test]
fn a_few_random_faults() {
    let seed = fastrand::u64(..1_000_000_000);
    eprintln!("the seed: {seed} (repeat with `tests/faults random {seed} 4`)");
    let results = at_random(seed, 4, 2);
    let bad: Vec<String> = results
        .into_iter()
        .filter_map(|(draw, result)| result.err().map(|why| format!("{draw}\n{why}")))
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// What `tests/faults` runs: all cells, those that are named in whole or in part, or `random [SEED [COUNT]]`.
#[test]
#[ignore = "takes long: tests/faults runs it"]
fn all_faults() {
    let words = std::env::var(WORDS).unwrap_or_default();
    let words: Vec<&str> = words.split_whitespace().collect();
    let servers = std::env::var(SERVERS).ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let number = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok());
    let well = if words.first() == Some(&"random") {
        let seed = number(1).unwrap_or_else(|| fastrand::u64(..1_000_000_000));
        randomly(seed, number(2).unwrap_or(200), servers)
    } else {
        matrix(&words, servers)
    };
    assert!(well, "something was violated: see above");
}

/// Tries the cells whose names contain one of these, prints the table, and says whether all was well.
fn matrix(names: &[&str], servers: usize) -> bool {
    let wanted = |cell: &Cell| names.is_empty() || names.iter().any(|name| cell.to_string().contains(name));
    let mut cells: Vec<Cell> =
        Cell::all().into_iter().filter(|cell| cell.expects().is_ok() && wanted(cell)).collect();
    assert!(!cells.is_empty(), "there is no cell {names:?}: they are named as in deploy/checking/cut-5");
    // First those that wait the longest.
    cells.sort_by_key(|cell| match cell.fault {
        Fault::Cut => 0,
        Fault::Cut30 => 1,
        _ => 2,
    });
    let began = std::time::Instant::now();
    let results = runner::run(
        servers.min(cells.len()),
        cells,
        |cell| cell.fault.is_a_full_disk(),
        |stand, cell| trial::trial(stand, *cell),
        |cell, result, took| tell(&cell.to_string(), result, took),
    );
    if names.is_empty() {
        println!("{}\n{}", table::tables(&results), table::left_out());
    } else {
        println!("{}", table::list(&results));
    }
    let bad = |(cell, result): &(Cell, runner::Result<_>)| {
        result.as_ref().err().map(|why| (cell.to_string(), why.clone()))
    };
    report("cells", results.len(), began.elapsed(), results.iter().filter_map(bad).collect())
}

/// Random faults, from this seed on.
fn randomly(seed: u64, count: u64, servers: usize) -> bool {
    println!("random faults from the seed {seed}: `tests/faults random {seed} {count}` repeats them");
    let began = std::time::Instant::now();
    let results = at_random(seed, count, servers);
    let runs =
        |(_, result): &(Draw, runner::Result<trial::Ended>)| result.as_ref().map(|ended| ended.runs).ok();
    let ends = |name: &str| results.iter().filter(|one| runs(one) == Some(name)).count();
    println!("the new release runs after {} of them, the old one after {}", ends("new"), ends("old"));
    let bad = |(draw, result): &(Draw, runner::Result<_>)| {
        result.as_ref().err().map(|why| (draw.to_string(), why.clone()))
    };
    report("random faults", results.len(), began.elapsed(), results.iter().filter_map(bad).collect())
}

fn at_random(seed: u64, count: u64, servers: usize) -> Vec<(Draw, runner::Result<trial::Ended>)> {
    runner::run(
        servers,
        (0..count).map(|number| Draw::of(seed.wrapping_add(number))).collect(),
        |draw| draw.fault.is_a_full_disk(),
        random::random,
        |draw, result, took| tell(&draw.to_string(), result, took),
    )
}

/// A line as soon as a try is over.
fn tell(name: &str, result: &runner::Result<trial::Ended>, took: Duration) {
    let took = took.as_secs();
    match result {
        Ok(ended) => eprintln!("{name}: {} {} ({took} s)", ended.runs, ended.code),
        Err(why) => eprintln!("{name}: VIOLATED ({took} s)\n{why}"),
    }
}

/// The count at the end, and the violations. Whether there were none.
fn report(what: &str, count: usize, took: Duration, violated: Vec<(String, String)>) -> bool {
    println!("{}", table::violations(violated.iter().map(|(name, why)| (name.clone(), why.as_str()))));
    println!("{count} {what} in {} s, {} violated", took.as_secs(), violated.len());
    violated.is_empty()
}
