//! Files that git-lfs keeps elsewhere.

use std::fs;
use std::path::Path;

use super::local;
use crate::deploy::build::source::listed;
use crate::model::failure::{Failure, Kind, Outcome};
use crate::tools::git::LFS_POINTER;

/// A pointer is shorter than this, by the specification.
const LONGEST: u64 = 1024;
/// How many of them a refusal lists.
const LISTED: usize = 10;

/// A pointer of git-lfs would be shown to visitors in place of the picture that it stands for. Where git-lfs is set up
/// there are none: git has asked it for the files.
pub(super) fn no_pointers(root: &Path) -> Outcome<()> {
    let mut found = Vec::new();
    for entry in ignore::WalkBuilder::new(root).standard_filters(false).build() {
        let entry = entry.map_err(|error| Failure::new(Kind::Bug, error))?;
        let is_short = entry.metadata().is_ok_and(|it| it.is_file() && it.len() < LONGEST);
        if is_short && is_pointer(&fs::read(entry.path()).map_err(|error| local(&error, entry.path()))?) {
            let place = entry.path().strip_prefix(root).unwrap_or(entry.path());
            found.push(place.display().to_string());
        }
    }
    found.sort();
    let Some((first, others)) = found.split_first() else { return Ok(()) };
    Err(Failure::msg(
        Kind::Usage,
        format!("the asset `{first}` is a pointer of git-lfs, not the file itself"),
    )
    .detail("and", listed(others, LISTED))
    .hint("`git lfs install` and `git lfs pull`, or `lfs: true` in actions/checkout, bring the files"))
}

fn is_pointer(bytes: &[u8]) -> bool {
    let lines = bytes.strip_prefix(LFS_POINTER.as_bytes());
    lines.is_some_and(|rest| rest.starts_with(b"\n") && rest.windows(12).any(|part| part == b"\noid sha256:"))
}
