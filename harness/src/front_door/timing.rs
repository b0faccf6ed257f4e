use std::time::Duration;

use super::Exchange;

/// When one request came and when its whole answer was through, on the clock of its front door: finer than the milliseconds of
/// [`Exchange`], for whoever measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// When it came.
    pub came: Duration,
    /// When its answer was through; `None` while it is not.
    pub over: Option<Duration>,
}

/// An exchange with its times.
#[derive(Clone, Debug)]
pub struct Timed {
    /// The exchange.
    pub exchange: Exchange,
    /// Its times.
    pub timing: Timing,
}
