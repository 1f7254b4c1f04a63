//! The flows.

pub mod assets;
pub mod build;
pub mod copy;
pub mod release_id;
pub mod source;
pub mod trust;
