//! Other programs, and what they answer. Each has its own small error type; nothing here knows a flow.

pub mod cmd;
pub mod git;
pub mod lines;
pub mod nix;
pub mod nix_json;
pub mod nix_log;
pub mod nix_trial;
pub mod process;
pub mod signals;
pub mod source;
pub mod ssh;
pub mod token;
