//! The conformance suite: one probe of named steps, asked of every homeserver.
//!
//! An [`Area`] is a list of [`Step`]s over one fresh homeserver. [`probe`] asks them in order and gives back a [`Recording`]: what was
//! answered, with ids, tokens and times replaced by names, so that two servers can be compared. The real servers' recordings are kept
//! (`scenarios/recordings/<flavor>/<area>/<step>.snap`); the embedded homeserver must answer as the recording of the flavor whose dialect it
//! speaks, but for the [`WANTED`] differences.
//!
//! Beside the steps that somebody thought of there are those of [`endpoints`], made from the specification's own list.
//!
//! ```text
//! areas ──▶ step ──▶ probe ──(HTTP)──▶ homeserver
//!                      │
//!                   normal ──▶ recording ──▶ compare ◀── recordings/<flavor>
//! ```

mod areas;
mod compare;
pub mod endpoints;
mod error;
mod memory;
mod normal;
mod probe;
mod recording;
mod step;

pub use areas::{Area, areas};
pub use compare::{Difference, WANTED, Wanted, compare};
pub use error::Error;
pub use probe::{SERVER_NAME, probe};
pub use recording::{Answer, Recording};
pub use step::Step;
