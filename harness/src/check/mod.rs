//! What must hold after a fault, one noun each.
//!
//! Most checks are pure: they judge [`Evidence`], recorded by a [`Snapshot`] before the fault, one after it, and the traffic between.
//! [`encrypted_round_trip`], [`trust`] and [`history`] look through the eyes of a [`Peer`](crate::client::Peer).

mod continuity;
mod evidence;
mod finding;
mod harm;
mod judge;
mod once;
mod operator;
mod peer;
mod snapshot;

pub use evidence::{Evidence, Log};
pub use finding::Finding;
pub use judge::{Check, all};
pub use peer::{encrypted_round_trip, history, trust};
pub use snapshot::{RoomRecord, Snapshot};

#[cfg(test)]
mod tests;
