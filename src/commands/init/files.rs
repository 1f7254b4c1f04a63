//! The files that `init` writes: all of them or none.

use std::path::{Path, PathBuf};

use crate::init::github::GitHub;
use crate::init::write::{NewFile, is_free, is_there, write};
use crate::model::failure::Outcome;

/// What is to be there.
pub struct Files {
    new: Vec<NewFile>,
    /// The workflow, where it is wished.
    pub github: Option<GitHub>,
    /// The workflow is there already, just so.
    pub is_there: bool,
}

impl Files {
    /// Looks whether nothing is in their way. A workflow that is there just so is not: its commands can be asked for again.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::model::failure::Kind::Usage) where something is.
    pub fn free(new: Vec<NewFile>, github: Option<GitHub>, cwd: &Path) -> Outcome<Self> {
        new.iter().try_for_each(|file| is_free(&file.path, cwd))?;
        let is_there = github.as_ref().is_some_and(|github| is_there(&github.file));
        if let Some(github) = github.as_ref().filter(|_| !is_there) {
            github.is_free(cwd)?;
        }
        Ok(Files { new, github, is_there })
    }

    /// Writes them: where they lie.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::model::failure::Kind::Usage) where one can't be written.
    pub fn write(&self) -> Outcome<Vec<PathBuf>> {
        let workflow = self.github.iter().filter(|_| !self.is_there).map(|github| &github.file);
        let files: Vec<&NewFile> = self.new.iter().chain(workflow).collect();
        files.iter().try_for_each(|file| write(file))?;
        Ok(files.into_iter().map(|file| file.path.clone()).collect())
    }
}
