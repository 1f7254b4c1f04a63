//! Nix's log lines and its JSON: any bytes are read, in bounded room, into text without codes for a terminal.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipit::properties::bytes::nix_log(bytes));
