//! Writes files that are not there yet, whole or not at all.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::model::failure::{Failed as _, Failure, Kind, Outcome};
use crate::tools::cmd::quoted;

/// A file to be written.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub text: String,
}

/// Fails where something is there already, a link to nowhere too. How it is moved away is said as one types it in `cwd`.
///
/// # Errors
/// [`Kind::Usage`], with where it is.
pub fn is_free(path: &Path, cwd: &Path) -> Outcome<()> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let name = path.strip_prefix(cwd).unwrap_or(path).as_os_str();
    let mut old = name.to_owned();
    old.push(".old");
    let [name, old] = [name, &old].map(quoted);
    Err(Failure::msg(Kind::Usage, format!("{} is there already, and is not written over", path.display()))
        .hint(format!("to have it written anew, move it away first: mv {name} {old}")))
}

/// Whether it is there already, with just this text.
pub fn is_there(file: &NewFile) -> bool {
    fs::read(&file.path).is_ok_and(|bytes| bytes == file.text.as_bytes())
}

/// Writes it, and the folders above it. A file that came meanwhile is not written over.
///
/// # Errors
/// [`Kind::Usage`] where it can't be.
pub fn write(file: &NewFile) -> Outcome<()> {
    let cannot = || format!("{} can't be written", file.path.display());
    let folder = file.path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).failed(Kind::Usage, cannot())?;
    let mut new = tempfile::Builder::new()
        .prefix(".shipit-")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .failed(Kind::Usage, cannot())?;
    new.write_all(file.text.as_bytes()).failed(Kind::Usage, cannot())?;
    new.persist_noclobber(&file.path).map_err(|error| error.error).failed(Kind::Usage, cannot())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| NewFile { path: folder.path().join(name), text: name.to_owned() };
        write(&file("a")).unwrap();
        write(&file("deep/er/a")).unwrap();
        for name in ["a", "deep/er/a"] {
            assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), name);
        }
        let mode = folder.path().join("a").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o700, 0o600);
        std::os::unix::fs::symlink("nowhere", folder.path().join("b")).unwrap();
        for name in ["a", "b"] {
            is_free(&file(name).path, folder.path()).unwrap_err();
            write(&NewFile { text: "other".to_owned(), ..file(name) }).unwrap_err();
        }
        assert_eq!(std::fs::read_to_string(folder.path().join("a")).unwrap(), "a");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing half stays");
    }

    #[test]
    fn what_is_in_the_way_is_moved_by_a_line_to_paste() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("my app.service");
        is_free(&file, folder.path()).unwrap();
        std::fs::write(&file, "").unwrap();
        let hint = |cwd: &str| is_free(&file, Path::new(cwd)).unwrap_err().hints.concat();
        let moved = |name: &str| format!("move it away first: mv '{name}' '{name}.old'");
        assert!(hint(folder.path().to_str().unwrap()).ends_with(&moved("my app.service")));
        assert!(hint("/elsewhere").ends_with(&moved(file.to_str().unwrap())));
    }
}
