//! The flows.

pub mod assets;
pub mod build;
pub mod release_id;
pub mod source;
