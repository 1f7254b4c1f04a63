//! The action: its scripts, and its steps on a machine that is as empty as a GitHub runner.

mod file;
mod jobs;
mod runner;
mod scripts;
