//! What must hold after a drill, one noun each.
//!
//! A [`Check`] is a pure function of a [`Record`](crate::history::Record), laid out as [`Evidence`]. What it is judged by has to be recorded
//! first: a [`Snapshot`] before the fault and one after it, what members see ([`ask`], [`look_at_trust`], [`read_back`]), and what people
//! have seen of all rooms in the end ([`look`]).

mod continuity;
mod end;
mod evidence;
mod finding;
mod fired;
mod harm;
mod judge;
mod member;
mod need;
mod once;
mod operator;
mod peer;
mod secrecy;
mod sight;
mod snapshot;
mod tokens;

pub use evidence::{Breakage, Evidence};
pub use finding::{Finding, Verdict};
pub use judge::{Check, Checks, all};
pub use need::Need;
pub use peer::{Question, ask, history, look_at_trust, read_back};
pub use sight::{Onlooker, Witness, look};
pub use snapshot::{RoomRecord, Snapshot};

#[cfg(test)]
mod tests;
