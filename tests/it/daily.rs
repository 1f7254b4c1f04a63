//! The commands for every day: logs, exec, restart, prune, completions, man.

mod exec;
mod logs;
mod prune;
mod restart;
mod shell;
