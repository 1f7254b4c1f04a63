//! Values: what the rest of the program believes. No IO, no async, no command line.

pub mod event;
pub mod failure;
pub mod journal;
pub mod names;
pub mod server;
pub mod settings;
