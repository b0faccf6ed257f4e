//! One run of the tests or of a drill: its id, the marks it puts on everything it makes, and the sweep that removes what is left.
//!
//! Everything that outlives a crash of its maker is marked with a [`RunId`] and tells whether its maker lives: containers, networks and
//! volumes by their label with the [`Owner`] process, folders by the lock of a file in them, processes by their environment. `Drop`
//! removes it; what `Drop` did not reach is removed by the next [`sweep`]. Everything on disk is in the user's own [`base`] folder.

mod base;
pub(crate) mod engine;
mod group;
mod held;
mod id;
mod owner;
mod port;
mod scratch;
mod sweep;
mod target;
mod watchdog;

pub(crate) use base::at;
pub use base::base;
pub use group::end_group;
pub use id::RunId;
pub use owner::Owner;
pub use port::Port;
pub use scratch::Scratch;
pub(crate) use scratch::note_child;
pub use sweep::{Scope, Swept, sweep};
pub use target::target_folder;
pub use watchdog::Watchdog;

/// Label with the [`RunId`] on every container, network and volume.
pub const LABEL_RUN: &str = "dev.knockproof.run";
/// Label with the [`Owner`] on every container, network and volume.
pub const LABEL_OWNER: &str = "dev.knockproof.owner";
