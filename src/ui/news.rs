//! What a deploy brings, for people: a block in the plan of a dry run, a line each after a deploy.

use super::text::{bytes, clean, count};
use crate::model::difference::{Change, Closures, Commits, DEEPEN, Named, Relation, Side};

/// So many names of a plan have a line each.
const ROWS: usize = 30;
/// So many commits and names fit into a line.
const IN_A_LINE: usize = 3;

/// The verbs of a block: of one commit and of several.
#[derive(Debug)]
pub struct Tense {
    same: &'static str,
    come: (&'static str, &'static str),
    back: &'static str,
    parted: &'static str,
    go: (&'static str, &'static str),
}

/// Of a plan.
pub const PLANNED: &Tense = &Tense {
    same: "it is the commit that is live",
    come: ("comes", "come"),
    back: "this goes back in the history",
    parted: "the histories parted: not all that is live is in it",
    go: ("goes", "go"),
};
/// When it is done.
pub const DONE: &Tense = &Tense {
    same: "it is the commit that was live before",
    come: ("is new", "are new"),
    back: "this went back in the history",
    parted: "the histories parted: not all that was live is in it",
    go: ("was left behind", "were left behind"),
};

/// The commits between, a line each.
pub fn commits_block(commits: &Commits, tense: &Tense) -> String {
    let Commits { from, coming, leaving, .. } = commits;
    let block = |side: &Side, (one, many): (&str, &str)| {
        let verb = if side.count == 1 { one } else { many };
        let mut text = format!("  {} {verb}:\n", count(side.count, "commit"));
        for Named { commit, subject } in &side.newest {
            text += format!("    {} {}", commit.short(), clean(subject)).trim_end();
            text.push('\n');
        }
        match side.count - side.newest.len() as u64 {
            0 => text,
            more => text + &format!("    and {more} more\n"),
        }
    };
    match commits.relation {
        Relation::Same => format!("  {}\n", tense.same),
        Relation::Ahead => block(coming, tense.come),
        Relation::Behind => format!("  {}\n{}", tense.back, block(leaving, tense.go)),
        Relation::Diverged => {
            format!("  {}\n{}{}", tense.parted, block(coming, tense.come), block(leaving, tense.go))
        }
        Relation::Unknown if commits.shallow => {
            format!("  what lies between {} and it is {}\n", from.short(), not_known())
        }
        Relation::Unknown => format!(
            "  {}, so what lies between is not known; git fetch may bring it\n",
            unknown(from.short())
        ),
    }
}

/// The same in a line.
pub fn commits_line(commits: &Commits) -> String {
    let subjects = |side: &Side| {
        let mut texts: Vec<String> =
            side.newest.iter().take(IN_A_LINE).map(|named| clean(&named.subject)).collect();
        match side.count - texts.len() as u64 {
            0 => {}
            more => texts.push(format!("and {more} more")),
        }
        texts.join("; ")
    };
    let Commits { from, coming, leaving, .. } = commits;
    match commits.relation {
        Relation::Same => "the same as before".to_owned(),
        Relation::Ahead => format!("{} new: {}", coming.count, subjects(coming)),
        Relation::Behind => format!("{} undone: {}", leaving.count, subjects(leaving)),
        Relation::Diverged => {
            format!(
                "{} new: {}; {} undone: {}",
                coming.count,
                subjects(coming),
                leaving.count,
                subjects(leaving)
            )
        }
        Relation::Unknown if commits.shallow => not_known(),
        Relation::Unknown => format!("{}, so what came is not known", unknown(from.short())),
    }
}

fn unknown(commit: &str) -> String {
    format!("{commit} is not in this repository")
}

fn not_known() -> String {
    format!("not known in this shallow clone: {DEEPEN}")
}

/// The closures compared, in a plan.
pub fn closure_block(closures: &Closures) -> String {
    let Closures { after, changes, .. } = closures;
    if changes.is_empty() {
        return format!("  the closure stays the same, {}\n", bytes(*after));
    }
    let mut text = format!("  the closure: {}{}\n", bytes(*after), grown(closures));
    let shown: Vec<(String, String)> =
        changes.iter().take(ROWS).map(|change| (named(change), sign(change.bytes))).collect();
    let widest = shown
        .iter()
        .map(|(name, _)| unicode_width::UnicodeWidthStr::width(name.as_str()))
        .max()
        .unwrap_or_default();
    for ((name, size), change) in shown.iter().zip(changes) {
        let mark = match (&change.before, &change.after) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        };
        let blanks = " ".repeat(widest - unicode_width::UnicodeWidthStr::width(name.as_str()));
        text += &format!("    {mark} {name}{blanks}  {size}\n");
    }
    match changes.len().saturating_sub(ROWS) {
        0 => text,
        more => text + &format!("    and {more} more\n"),
    }
}

/// The same in a line.
pub fn closure_line(closures: &Closures) -> String {
    let changes = &closures.changes;
    if changes.is_empty() {
        return format!("the same as before, {}", bytes(closures.after));
    }
    let mut texts: Vec<String> = changes
        .iter()
        .take(IN_A_LINE)
        .map(|change| match (&change.before, &change.after) {
            (None, _) => format!("{} new", named(change)),
            (_, None) => format!("{} gone", named(change)),
            _ => named(change),
        })
        .collect();
    match changes.len().saturating_sub(IN_A_LINE) {
        0 => {}
        more => texts.push(format!("{more} more")),
    }
    format!("{}; {}{}", texts.join(", "), bytes(closures.after), grown(closures))
}

/// `server 0.1 → 0.2`, `content, built anew`
fn named(change: &Change) -> String {
    let side =
        |versions: &Option<Vec<String>>| versions.as_ref().map(|list| list.join(" + ")).unwrap_or_default();
    let (before, after) = (side(&change.before), side(&change.after));
    let name = clean(&change.name);
    match (&change.before, &change.after) {
        (Some(_), Some(_)) if before == after => format!("{name} {after} built anew").replace("  ", " "),
        (Some(_), Some(_)) => {
            let word = |versions: &str| {
                if versions.is_empty() { "no version".to_owned() } else { versions.to_owned() }
            };
            format!("{name} {} → {}", word(&before), word(&after))
        }
        _ => format!("{name} {before}{after}").trim_end().to_owned(),
    }
}

/// `, 1.2 MB more`
fn grown(closures: &Closures) -> String {
    let Closures { before, after, .. } = closures;
    match after.cmp(before) {
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!(", {} more", bytes(after - before)),
        std::cmp::Ordering::Less => format!(", {} less", bytes(before - after)),
    }
}

fn sign(size: i64) -> String {
    let sign = match size {
        0 => "±",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", bytes(size.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn side(count: u64, subjects: &[&str]) -> Side {
        let named = |subject: &&str| Named {
            commit: "a".repeat(40).parse().unwrap(),
            subject: (*subject).to_owned(),
        };
        Side { count, newest: subjects.iter().map(named).collect() }
    }

    fn commits(relation: Relation, coming: Side, leaving: Side) -> Commits {
        Commits {
            from: "b".repeat(40).parse().unwrap(),
            to: "a".repeat(40).parse().unwrap(),
            relation,
            shallow: false,
            coming,
            leaving,
        }
    }

    #[test]
    fn the_commits_between() {
        let (three, one) = (side(12, &["A \u{1b}[31mnew", "B", "C"]), side(1, &["D"]));
        let none = Side::default;
        let all = [
            commits(Relation::Ahead, three.clone(), none()),
            commits(Relation::Ahead, one.clone(), none()),
            commits(Relation::Behind, none(), one.clone()),
            commits(Relation::Diverged, one, three),
            commits(Relation::Same, none(), none()),
            commits(Relation::Unknown, none(), none()),
            Commits { shallow: true, ..commits(Relation::Unknown, none(), none()) },
        ];
        let text: String =
            all.iter().map(|it| commits_block(it, PLANNED) + &commits_line(it) + "\n").collect();
        assert_data_eq!(
            text,
            str![[r#"
  12 commits come:
    aaaaaaa A new
    aaaaaaa B
    aaaaaaa C
    and 9 more
12 new: A new; B; C; and 9 more
  1 commit comes:
    aaaaaaa D
1 new: D
  this goes back in the history
  1 commit goes:
    aaaaaaa D
1 undone: D
  the histories parted: not all that is live is in it
  1 commit comes:
    aaaaaaa D
  12 commits go:
    aaaaaaa A new
    aaaaaaa B
    aaaaaaa C
    and 9 more
1 new: D; 12 undone: A new; B; C; and 9 more
  it is the commit that is live
the same as before
  bbbbbbb is not in this repository, so what lies between is not known; git fetch may bring it
bbbbbbb is not in this repository, so what came is not known
  what lies between bbbbbbb and it is not known in this shallow clone: `git fetch --unshallow`, or `fetch-depth: 0` in actions/checkout, brings the rest
not known in this shallow clone: `git fetch --unshallow`, or `fetch-depth: 0` in actions/checkout, brings the rest

"#]]
        );
    }

    #[test]
    fn what_is_done_is_told_as_done() {
        let (two, one) = (side(2, &["A", "B"]), side(1, &["D"]));
        let all = [
            commits(Relation::Diverged, two.clone(), one),
            commits(Relation::Behind, Side::default(), two),
            commits(Relation::Same, Side::default(), Side::default()),
        ];
        let text: String = all.iter().map(|it| commits_block(it, DONE)).collect();
        assert_data_eq!(
            text,
            str![[r#"
  the histories parted: not all that was live is in it
  2 commits are new:
    aaaaaaa A
    aaaaaaa B
  1 commit was left behind:
    aaaaaaa D
  this went back in the history
  2 commits were left behind:
    aaaaaaa A
    aaaaaaa B
  it is the commit that was live before

"#]]
        );
    }

    #[test]
    fn what_the_closure_gains_and_loses() {
        let some = |list: &[&str]| Some(list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let change =
            |name: &str, before, after, bytes| Change { name: name.to_owned(), before, after, bytes };
        let closures = Closures {
            before: 12_000_000,
            after: 13_200_000,
            changes: vec![
                change("sqlite", None, some(&["3.46.1"]), 1_700_000),
                change("zlib", some(&["1.2", "1.3"]), None, -500_000),
                change("server", some(&["0.1.0"]), some(&["0.2.0"]), 0),
                change("content", some(&[]), some(&[]), 5),
                change("glibc", some(&["2.40"]), some(&["2.40"]), -5),
            ],
        };
        assert_data_eq!(
            closure_block(&closures) + &closure_line(&closures) + "\n",
            str![[r#"
  the closure: 13.2 MB, 1.2 MB more
    + sqlite 3.46.1          +1.7 MB
    - zlib 1.2 + 1.3         -500 kB
    ~ server 0.1.0 → 0.2.0   ±0 B
    ~ content built anew     +5 B
    ~ glibc 2.40 built anew  -5 B
sqlite 3.46.1 new, zlib 1.2 + 1.3 gone, server 0.1.0 → 0.2.0, 2 more; 13.2 MB, 1.2 MB more

"#]]
        );
        let same = Closures { before: 1000, after: 1000, changes: vec![] };
        assert_eq!(
            closure_block(&same) + &closure_line(&same),
            "  the closure stays the same, 1.0 kB\nthe same as before, 1.0 kB"
        );
    }
}
