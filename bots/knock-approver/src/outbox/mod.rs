//! What the bot does to the outside, each exactly once.
//!
//! An effect is put into the outbox in the transaction that decided on it ([`put`]), with a key that is its transaction
//! id, too. The [`Sender`] works it off. Where an answer was lost, the outcome is settled by what the homeserver can
//! show: the same device sends again under the same transaction id, which the server recognises; another device looks
//! for the marker in the room; a room is looked for among the joined ones; invites are decided by membership.

mod effect;
mod sender;

pub use effect::{Effect, Made, Purpose, put};
pub use sender::Sender;
