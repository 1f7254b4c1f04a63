//! `-v`: what shipit runs and hears, for whoever looks for a fault. What a user must know is an event.

use std::io;

use tracing_subscriber::EnvFilter;

/// Begins to log to stderr, if that is asked for. `filter` is `SHIPIT_LOG`.
pub fn start(verbose: u8, filter: Option<String>) {
    let filter = match (verbose, filter) {
        (_, Some(filter)) => filter,
        (0, None) => return,
        (1, None) => "shipit=debug".to_owned(),
        (_, None) => "trace".to_owned(),
    };
    let logger = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse_lossy(filter))
        .with_writer(io::stderr)
        .without_time()
        .with_target(verbose > 1)
        // It would complain about a closed stderr on stderr, by a panic.
        .log_internal_errors(false);
    // A second one in the same process, as tests would have it, changes nothing.
    let _ = logger.try_init();
}
