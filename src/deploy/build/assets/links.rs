//! Where the links among the assets lead.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::local;
use crate::model::failure::{Failure, Kind, Outcome};

/// A link that leaves the assets would point at another thing on the server than here.
pub(super) fn links_stay_inside(root: &Path) -> Outcome<()> {
    let walk = ignore::WalkBuilder::new(root).standard_filters(false).build();
    for entry in walk {
        let entry = entry.map_err(|error| Failure::new(Kind::Bug, error))?;
        if !entry.path_is_symlink() {
            continue;
        }
        let target = fs::read_link(entry.path()).map_err(|error| local(&error, entry.path()))?;
        let place = entry.path().strip_prefix(root).unwrap_or(entry.path());
        if leaves(root, entry.path(), &target) {
            return Err(Failure::msg(
                Kind::Usage,
                format!(
                    "the asset `{}` is a link to {}, outside of the assets",
                    place.display(),
                    target.display()
                ),
            )
            .hint("make it a relative link to a path below shipit.toml, or a file"));
        }
    }
    Ok(())
}

/// More links than this on one way, and the kernel gives up as well.
const MOST_LINKS: usize = 40;

/// Goes the link's way part by part, through the links on it, as the kernel does on the server. What is not there is
/// taken for a folder: it may be one there.
fn leaves(root: &Path, link: &Path, target: &Path) -> bool {
    let parts = |path: &Path| -> Vec<OsString> {
        // From the last to the first, so that the next one is popped.
        path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
    };
    let folder = link.parent().and_then(|folder| folder.strip_prefix(root).ok()).unwrap_or(Path::new(""));
    let mut place = folder.to_owned();
    let mut way = parts(target);
    let mut links = 0;
    while let Some(part) = way.pop() {
        if part == "/" {
            return true;
        }
        if part == ".." {
            if !place.pop() {
                return true;
            }
            continue;
        }
        if part == "." {
            continue;
        }
        place.push(&part);
        if let Ok(further) = fs::read_link(root.join(&place)) {
            links += 1;
            if links > MOST_LINKS {
                // A ring leads nowhere.
                return false;
            }
            place.pop();
            way.extend(parts(&further));
        }
    }
    false
}
