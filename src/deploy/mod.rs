//! The flows: deploy and rollback, from the commit to the verdict. They speak in `model`'s values, call `tools`,
//! and tell what happens as events; none of them prints.

pub mod answers;
pub mod assets;
pub mod build;
pub mod connect;
pub mod copy;
pub mod doctor;
pub mod exec;
pub mod hold;
pub mod lacking;
pub mod live;
pub mod log;
pub mod meanwhile;
pub mod mend;
pub mod news;
pub mod outcome;
pub mod pipeline;
pub mod plan;
pub mod prune;
pub mod ready;
pub mod release_id;
pub mod report;
pub mod restart;
pub mod rollback;
pub mod run;
pub mod setup;
pub mod signing_key;
pub mod source;
pub mod state;
pub mod switch;
pub mod trust;
pub mod turns;
pub mod unit_line;
pub mod verdict;
pub mod waits;
pub mod words;
