//! The journal: any bytes are lines that are read or counted, and what is decided from them holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipit::properties::bytes::journal(bytes));
