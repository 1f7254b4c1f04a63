//! Values: what the rest of the program believes. No IO, no async, no command line.

pub mod action;
pub mod boot_unit;
pub mod check;
pub mod difference;
pub mod done;
pub mod event;
pub mod failure;
pub mod hold;
pub mod holder;
pub mod journal;
pub mod names;
pub mod nearest;
pub mod retention;
pub mod rights;
pub mod runner;
pub mod secret;
pub mod server;
pub mod settings;
pub mod size;
pub mod starts;
pub mod stays;
pub mod store_url;
pub mod unit_file;
pub mod when;
