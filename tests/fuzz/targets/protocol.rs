//! The remote half's lines: any bytes go through the reader of lines into a look and into the client of a switch.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipit::properties::bytes::protocol(bytes));
