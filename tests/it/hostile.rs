//! Names, files, shells and servers that mean harm, or that nobody meant: each works exactly as it is written, or is
//! refused with the reason, and nothing runs anywhere that the user did not write.

mod cut;
mod names;
mod notes;
mod server;
mod shells;
