//! A name for one deploy that nobody else makes.

use std::fs::File;
use std::io::{self, Read as _};

/// 32 hexadecimal digits of the kernel's randomness.
///
/// # Errors
/// When there is no /dev/urandom to read.
pub fn random() -> io::Result<String> {
    let mut bytes = [0u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
