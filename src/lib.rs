//! shipit builds an app's flake with Nix, copies the closure to a small Linux server over SSH, relinks
//! `current`, restarts the unit, checks it, and goes back by itself when it does not work.
//!
//! Arrows point one way:
//!
//! ```text
//! main → commands → deploy → tools → model
//!            │                         ↑
//!            ├→ config ────────────────┤
//!            └→ ui ────────────────────┘   (reads model::event)
//! ```
//!
//! `model` does no IO. Only `tools::process` starts processes, only `ui` prints, only `context` reads the
//! environment. `docs/architecture.md` tells the rest.

pub mod cli;
pub mod commands;
pub mod config;
pub mod context;
pub mod deploy;
pub mod init;
pub mod model;
pub mod remote;
pub mod tools;
pub mod ui;

#[cfg(any(test, fuzzing))]
pub mod properties;
