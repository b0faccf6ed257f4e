//! The library against a homeserver.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

mod copies;
mod echo;
mod encryption;
mod refresh;
mod trust;
