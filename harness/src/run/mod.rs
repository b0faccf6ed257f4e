//! One run of the tests or of a drill: its id, the marks it puts on everything it makes, and the sweep that removes what is left.
//!
//! Everything that outlives a crash of its maker (containers, networks, volumes, child processes, folders) is marked with a
//! [`RunId`] and with the [`Owner`] process. `Drop` removes it; what `Drop` did not reach is removed by the next [`sweep`].

pub(crate) mod engine;
mod id;
mod owner;
mod port;
mod scratch;
mod sweep;
mod watchdog;

pub use id::RunId;
pub use owner::Owner;
pub use port::Port;
pub use scratch::Scratch;
pub use sweep::{Scope, Swept, sweep};
pub use watchdog::Watchdog;

/// Label with the [`RunId`] on every container, network and volume.
pub const LABEL_RUN: &str = "dev.knockproof.run";
/// Label with the [`Owner`] on every container, network and volume.
pub const LABEL_OWNER: &str = "dev.knockproof.owner";
