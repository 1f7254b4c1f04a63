//! The server as it is: reached, looked at, judged, and what mends it.

pub mod connect;
pub mod mend;
pub mod ready;
pub mod state;
