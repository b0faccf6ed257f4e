//! The contract of every homeserver, whatever its flavor and driver.
//!
//! One suite, one server: `KNOCKPROOF_HOMESERVER` chooses which (`auto` when it is not set). `ci/test` runs the suite once for every
//! homeserver at hand, so what is listed as passed ran against that server, and nothing is skipped in silence.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the helpers of tests are tests too"
)]

mod client;
mod images;
mod leftovers;
mod life;
mod operator;
mod world;
