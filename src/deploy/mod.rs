//! The flows.

pub mod build;
pub mod release_id;
pub mod source;
