//! The commands for every day: restart, prune, completions, man.

mod prune;
mod restart;
mod shell;
