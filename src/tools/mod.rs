//! Other programs, and what they answer. Each has its own small error type; nothing here knows a flow.

pub mod cmd;
pub mod git;
pub mod lines;
pub mod nix;
pub mod private_folder;
pub mod process;
pub mod signals;
pub mod source;
pub mod ssh;
pub mod token;
