//! What is to be done: steps of the flows, which wait in the inbox, and effects on the outside, which wait in the outbox.

mod effect;
mod step;

pub use effect::{Effect, Outgoing, put};
pub use step::Step;

use matrix_sdk::ruma::{RoomId, UserId};

/// The name of the fact that somebody whom the bot invited to a room has not come yet.
pub fn awaited(room: &RoomId, user: &UserId) -> String {
    format!("awaited:{room}:{user}")
}
