//! The matrix as a table, and what was violated.

use std::fmt::Write as _;

use super::cells::{Cell, FAULTS, Flow, STEPS};
use super::runner::Result;
use super::trial::Ended;

/// How many faults stand side by side.
const COLUMNS: usize = 10;

/// One cell's text: what runs, shipit's exit code, and the seconds from the fault to the end.
fn text(result: Option<&Result<Ended>>, cell: Cell) -> String {
    match (result, cell.expects()) {
        (Some(Ok(ended)), _) => format!("{} {} {:.0}s", ended.runs, ended.code, ended.took.as_secs_f32()),
        (Some(Err(_)), _) => "VIOLATED".to_owned(),
        (None, Err(_)) => "–".to_owned(),
        (None, Ok(_)) => ".".to_owned(),
    }
}

/// The tables.
pub fn tables(results: &[(Cell, Result<Ended>)]) -> String {
    let mut all = String::new();
    for flow in [Flow::Deploy, Flow::Rollback] {
        for faults in FAULTS.chunks(COLUMNS) {
            let _ = write!(all, "\n{:<10}", flow.name());
            for fault in faults {
                let _ = write!(all, " {:<12}", fault.name());
            }
            all.push('\n');
            for step in STEPS {
                let row: Vec<Cell> = faults.iter().map(|fault| Cell { flow, step, fault: *fault }).collect();
                let result =
                    |cell: &Cell| results.iter().find(|(done, _)| done == cell).map(|(_, result)| result);
                // A step that this flow does not have.
                if flow == Flow::Rollback && row.iter().all(|cell| cell.expects().is_err()) {
                    continue;
                }
                let _ = write!(all, "{:<10}", step.name());
                for cell in &row {
                    let _ = write!(all, " {:<12}", text(result(cell), *cell));
                }
                all.push('\n');
            }
        }
    }
    all
}

/// A few cells, one a line.
pub fn list(results: &[(Cell, Result<Ended>)]) -> String {
    results.iter().map(|(cell, result)| format!("{cell:<32} {}\n", text(Some(result), *cell))).collect()
}

/// Why cells are left out, each reason once.
pub fn left_out() -> String {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for reason in Cell::all().into_iter().filter_map(|cell| cell.expects().err()) {
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    let lines = reasons.iter().map(|(reason, count)| format!("  {count:>3} × {reason}\n"));
    format!("– left out, because:\n{}", lines.collect::<String>())
}

/// What is to be mended, each with the words that repeat it.
pub fn violations<'a>(all: impl Iterator<Item = (String, &'a str)>) -> String {
    let lines: Vec<String> = all
        .map(|(repeat, why)| format!("\nVIOLATED: repeat with `tests/faults {repeat}`\n{why}\n"))
        .collect();
    if lines.is_empty() { "no violation\n".to_owned() } else { lines.concat() }
}
