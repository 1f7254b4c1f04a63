//! Nix's log lines and its JSON: any bytes are read, in bounded room, into text without codes for a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shipit::tools::nix_json::{built_output, path_infos};
use shipit::tools::nix_log::{NixLog, Purpose};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for purpose in [Purpose::Build, Purpose::Copy { paths: 2 }] {
        let mut log = NixLog::new(purpose);
        for line in text.split('\n') {
            log.line(line, std::time::Instant::now());
        }
        let failure = log.failure();
        assert!(failure.log.len() <= 25 && failure.text.len() <= 425);
        for line in failure.text.iter().chain(&failure.log) {
            assert!(!line.chars().any(|c| c.is_control() && c != '\t' && c != '\n'), "{line:?}");
        }
    }
    let _ = built_output(bytes);
    let _ = path_infos(bytes);
});
