//! The one test binary: the real program against real servers of the lab (`tests/lab`).
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::result_large_err
)]

mod action;
mod checkout;
mod crowd;
mod daily;
mod deploy;
mod doctor;
mod elsewhere;
mod failures;
mod faults;
mod flake;
mod github;
mod hold;
mod hooks;
mod hostile;
mod init;
mod json;
mod kills;
mod plan;
mod power;
mod release;
mod retention;
mod revert;
mod screen;
mod seed;
mod sender;
mod servers;
mod setup;
mod smoke;
mod source;
mod support;
mod trust;
mod workflow;
