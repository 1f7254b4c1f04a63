//! What the server lacks, signed and sent.

pub mod copy;
pub mod lacking;
pub mod no_key;
pub mod signing_key;
pub mod trust;
