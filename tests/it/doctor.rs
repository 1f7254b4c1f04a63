//! `shipit doctor`: each check fails for a real reason, and its own advice, pasted, mends it.

mod examined;

mod connection;
mod laptop;
mod ready;
mod rights;
mod server;
mod trust;
