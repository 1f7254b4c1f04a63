//! What the server lacks, signed and sent.

pub mod copy;
pub mod lacking;
pub mod signing_key;
pub mod trust;
