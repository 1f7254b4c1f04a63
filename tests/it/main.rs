//! The one test binary: the real program against real servers of the lab (`tests/lab`).
#![allow(missing_docs, clippy::disallowed_methods, clippy::print_stderr, clippy::unwrap_used)]

mod failures;
mod smoke;
mod support;
