//! Where a closure may lie between two jobs: a binary cache, as Nix names it.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

/// The kinds of stores that need no more than their URL.
const KINDS: [&str; 6] = ["file://", "https://", "http://", "s3://", "ssh://", "ssh-ng://"];

/// A store's URL, or a folder that is written as a path: `file:///srv/cache`, `https://cache.example`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// What was typed; a path is seen from `cwd`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, cwd: &Path) -> Result<Self, String> {
        // Nix splits lists of stores at blanks, and decodes nothing in the path of a folder.
        if let Some(odd) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("Nix takes no store whose name has {odd:?} in it"));
        }
        if text.starts_with("file://") && !text.starts_with("file:///") {
            return Err("a folder's URL has its whole path: file:///…".to_owned());
        }
        if KINDS.iter().any(|kind| text.len() > kind.len() && text.starts_with(kind)) {
            return Ok(StoreUrl(text.to_owned()));
        }
        if text.contains("://") {
            return Err(format!("it is none of {}, nor a folder", KINDS.join(", ")));
        }
        let folder = tidy(&cwd.join(text));
        let name = folder.to_str().ok_or("the folder's name is not UTF-8")?;
        if name.contains(['?', '#', '%']) || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("Nix takes no folder whose name has a blank, `?`, `#` or `%` in it: {name}"));
        }
        Ok(StoreUrl(format!("file://{name}")))
    }

    /// As Nix wants it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As Nix wants it to write there. A folder is packed by zstd, which is ten times as fast as Nix's own choice; an
    /// URL that says something itself is left as it is.
    pub fn to_write(&self) -> String {
        match self.0.starts_with("file://") && !self.0.contains('?') {
            true => format!("{}?compression=zstd", self.0),
            false => self.0.clone(),
        }
    }

    /// The folder, where it is one.
    pub fn folder(&self) -> Option<&Path> {
        self.0.strip_prefix("file://").map(|rest| Path::new(rest.split('?').next().unwrap_or(rest)))
    }
}

/// Without `.` and `..`, for the reader.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = tidy.pop(),
            Component::CurDir => {}
            other => tidy.push(other),
        }
    }
    tidy
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<StoreUrl, String> {
        StoreUrl::parse(text, Path::new("/src/app"))
    }

    #[test]
    fn a_folder_is_a_cache_too() {
        for (text, url, write) in [
            ("cache", "file:///src/app/cache", "file:///src/app/cache?compression=zstd"),
            ("../c/./d", "file:///src/c/d", "file:///src/c/d?compression=zstd"),
            ("/srv/c", "file:///srv/c", "file:///srv/c?compression=zstd"),
            (
                "file:///srv/c?compression=none",
                "file:///srv/c?compression=none",
                "file:///srv/c?compression=none",
            ),
            ("https://a.example/x", "https://a.example/x", "https://a.example/x"),
            ("s3://b?region=eu", "s3://b?region=eu", "s3://b?region=eu"),
        ] {
            let parsed = parse(text).unwrap();
            assert_eq!((parsed.as_str(), parsed.to_write().as_str()), (url, write));
        }
        assert_eq!(parse("file:///srv/c?x=1").unwrap().folder(), Some(Path::new("/srv/c")));
        assert_eq!(parse("https://a.example").unwrap().folder(), None);
    }

    #[test]
    fn what_nix_would_misread_is_refused() {
        for (text, why) in [
            ("https://a b", "' '"),
            ("a\nb", "'\\n'"),
            ("ftp://x", "none of file://"),
            ("https://", "none of"),
            ("file://cache", "its whole path"),
            ("a?b", "`?`"),
            ("100%", "`%`"),
        ] {
            assert!(parse(text).is_err_and(|said| said.contains(why)), "{text}: {:?}", parse(text));
        }
        assert!(StoreUrl::parse("c", Path::new("/my src")).is_err());
    }
}
