//! A run on GitHub Actions, as far as a program in it can know: where it takes what is meant for later steps and for
//! the run's page. The variables: <https://docs.github.com/actions/reference/workflows-and-actions/variables>.

use std::path::PathBuf;

/// Where the runner reads what a step leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runner {
    /// `GITHUB_OUTPUT`: lines `name=value`, for later steps.
    pub output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`: Markdown, for the run's page.
    pub summary: Option<PathBuf>,
    /// `GITHUB_WORKSPACE`: the checkout. Annotations name files relative to it.
    pub workspace: Option<PathBuf>,
    /// The workflow's file in `.github/workflows`, where it is one of this repository's.
    pub workflow: Option<String>,
}
