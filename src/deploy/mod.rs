//! The flows: deploy and rollback, from the commit to the verdict. They speak in `model`'s values, call `tools`,
//! and tell what happens as events; none of them prints.

pub mod build;
pub mod doctor;
pub mod exec;
pub mod export;
pub mod hold;
pub mod limits;
pub mod live;
pub mod log;
pub mod pipeline;
pub mod prune;
pub mod restart;
pub mod rollback;
pub mod run;
pub mod send;
pub mod server;
pub mod setup;
pub mod talk;
pub mod target;
pub mod words;
