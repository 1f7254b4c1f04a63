//! What goes wrong: each failure has its exit code, says what failed, where, why and what to type next, leaves what
//! runs alone, and needs no manual step afterwards.

mod back;
mod busy;
mod disk;
mod local;
mod reach;
mod ready;
mod release;
