//! A folder of this run alone, removed with it. What a run that was killed has left is removed by the next one of the same
//! user: the kernel frees the lock in it with the process, which a number or an age would only guess.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::process::geteuid;
use tempfile::TempDir;

/// How all of them begin.
const BEGIN: &str = "shipit-";
/// The file in it that is locked as long as its owner lives.
const LOCK: &str = "lock";

/// A folder that nobody else can look into.
#[derive(Debug)]
pub struct PrivateFolder {
    folder: TempDir,
    /// Held, not read.
    _lock: File,
}

impl PrivateFolder {
    /// Makes one, and removes what the dead have left.
    ///
    /// # Errors
    /// When none can be made there.
    pub fn new(runtime_folder: &Path) -> io::Result<Self> {
        remove_left(runtime_folder);
        let mine = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new()
            .prefix(BEGIN)
            .rand_bytes(8)
            .permissions(mine)
            .tempdir_in(runtime_folder)?;
        // Nobody sees it under its name before it is locked.
        let unseen = folder.path().join("lock.new");
        let lock = File::create_new(&unseen)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(unseen, folder.path().join(LOCK))?;
        Ok(PrivateFolder { folder, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// What can't be looked at, or removed, stays.
fn remove_left(runtime_folder: &Path) {
    for entry in fs::read_dir(runtime_folder).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let is_named_so = name.to_str().is_some_and(|name| name.starts_with(BEGIN));
        if is_named_so && is_left(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether it is a folder of this user's whose owner is dead.
fn is_left(folder: &Path) -> bool {
    // Of the entry itself: what a link points at is none of ours.
    let ours = fs::symlink_metadata(folder)
        .is_ok_and(|seen| seen.is_dir() && seen.uid() == geteuid().as_raw() && seen.mode() & 0o077 == 0);
    let lock = || open(folder.join(LOCK), OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    ours && lock().is_ok_and(|lock| flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{DirBuilderExt as _, symlink};

    use super::*;

    #[test]
    fn only_what_the_dead_have_left_is_removed() {
        let all = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32, lock: bool| {
            let folder = all.path().join(name);
            fs::DirBuilder::new().mode(mode).create(&folder).unwrap();
            if lock {
                fs::write(folder.join(LOCK), "").unwrap();
            }
            folder
        };
        let alive = PrivateFolder::new(all.path()).unwrap();
        assert_eq!(fs::metadata(alive.path()).unwrap().mode() & 0o777, 0o700);
        let left = [make("shipit-run-left", 0o700, true), make("shipit-left", 0o700, true)];
        fs::write(left[0].join("file"), "text").unwrap();
        symlink(alive.path(), left[0].join("link")).unwrap();
        let foreign = make("other", 0o700, true);
        let stay =
            [make("shipit-being-made", 0o700, false), make("shipit-open", 0o755, true), foreign.clone()];
        symlink(&foreign, all.path().join("shipit-link")).unwrap();

        let another = PrivateFolder::new(all.path()).unwrap();
        assert!(left.iter().all(|folder| !folder.exists()));
        assert!(stay.iter().all(|folder| folder.exists()) && alive.path().join(LOCK).exists());
        assert!(all.path().join("shipit-link").symlink_metadata().is_ok() && foreign.join(LOCK).exists());
        // Its end is its own.
        let mine = alive.path().to_owned();
        drop(alive);
        assert!(!mine.exists() && another.path().exists());
    }
}
