//! Which drills a run consists of: scenario × fault × moment × homeserver, from a seed.
//!
//! Planning is pure: it takes what is known by name and answers a list of [`Drill`]s in a fixed order. The same wishes and the same
//! seed give the same list, and [`Drill::replay`] gives the command line for any single one.

mod drill;
mod identities;
mod moment;
mod queue;
mod schedule;
mod wishes;

pub use crate::fault::Moment;
pub use drill::{Drill, seed_for};
pub use identities::whom;
pub use moment::{BadInjection, Injection, meaning, moment_named};
pub use queue::{Pace, Queue};
pub use schedule::{drawn, scheduled, simpler};
pub use wishes::{BadWish, Known, KnownFault, KnownScenario, Wishes, left_out, plan};
