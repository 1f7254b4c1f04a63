//! Going back is honest: it happens when the release does not work and as soon as that is known, and what is said of it is
//! what is so.

mod back;
mod given;
mod hook;
mod logs;
mod rows;
mod verdict;
