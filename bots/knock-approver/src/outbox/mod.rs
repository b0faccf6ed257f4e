//! What the bot does to the outside, each exactly once.
//!
//! An effect is put into the outbox in the transaction that decided on it ([`crate::work::put`]), and has a random
//! transaction id from then on. The [`Sender`] works it off. Where an answer was lost, the outcome is settled by what the
//! homeserver can show: the same device sends again under the same transaction id, which the server recognises; another
//! device looks for the marker in the room; a room is looked for among the joined ones; invites are decided by membership.
//!
//! A refusal is final (the request is wrong, the target is gone), or for the operator: then the effect is kept, its lane
//! waits, `/ready` says for what, and it is tried again when that changes, and now and then.

mod attempt;
mod hold;
mod sender;

pub use hold::account;
pub use sender::Sender;
