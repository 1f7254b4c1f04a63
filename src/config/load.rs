//! Finds the configuration file and reads it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::source::Source;
use crate::context::Context;
use crate::model::failure::{Failed, Failure, Kind, Outcome};

/// The file's name, unless `-c` says otherwise.
pub const NAME: &str = "shipit.toml";
/// Nobody writes this much by hand; a log or an image given by mistake is not read to its end.
const LARGEST: u64 = 1024 * 1024;

/// The configuration file's text, from `-c FILE` or from the nearest shipit.toml.
pub fn source(context: &Context, given: Option<&Path>) -> Outcome<Source> {
    match given {
        Some(file) => read(context.cwd.join(file), file.display().to_string()),
        None => {
            let path = find(&context.cwd)?;
            let name = path.strip_prefix(&context.cwd).unwrap_or(&path).display().to_string();
            read(path, name)
        }
    }
}

/// Upwards, but not out of the repository: a shipit.toml that somebody else put into /tmp is not ours.
fn find(cwd: &Path) -> Outcome<PathBuf> {
    for folder in cwd.ancestors() {
        let path = folder.join(NAME);
        if path.symlink_metadata().is_ok() {
            return Ok(path);
        }
        if folder.join(".git").symlink_metadata().is_ok() {
            break;
        }
    }
    Err(Failure::msg(Kind::Usage, format!("there is no {NAME} in {} or above it", cwd.display()))
    .hint("`shipit init` writes one, beside flake.nix: it reads the flake, git and the units in the folder, and asks for the host")
    .hint("or name a file with -c, a folder with -C"))
}

fn read(path: PathBuf, name: String) -> Outcome<Source> {
    let cannot = format!("{name} can't be read");
    let what = path.metadata().failed(Kind::Usage, cannot.clone())?;
    if what.is_dir() {
        return Err(Failure::msg(Kind::Usage, format!("{name} is a folder, not a file")));
    }
    // Opening a pipe could wait for ever.
    if !what.is_file() {
        return Err(Failure::msg(Kind::Usage, format!("{name} is not a regular file")));
    }
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .failed(Kind::Usage, cannot.clone())?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::msg(
            Kind::Usage,
            format!("{name} is larger than 1 MiB: that is no configuration"),
        ));
    }
    // The folder of the name that was given, not of what a link points at: the flake lies beside the link.
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = fs::canonicalize(folder).failed(Kind::Usage, cannot)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, folder, text }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let byte = error.as_bytes()[at];
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let source = Source { name, folder, text };
            Err(source.failure(at..at + 1, format!("this is not UTF-8: byte 0x{byte:02x}")))
        }
    }
}
