//! What is to be done: steps of the flows, which wait in the inbox, and effects on the outside, which wait in the outbox.

mod effect;
mod step;

pub use effect::{Effect, Outgoing, put};
pub use step::Step;

use matrix_sdk::ruma::{RoomId, UserId};

const NEWS: &str = "news:";

/// The name of the fact that somebody whom the bot invited to a room has not come yet.
pub fn awaited(room: &RoomId, user: &UserId) -> String {
    format!("awaited:{room}:{user}")
}

/// The lane of news about the community in a room: whoever is answered there does not wait for them.
pub fn news_lane(room: &RoomId) -> String {
    format!("{NEWS}{room}")
}

/// Whether a lane is one of news.
pub fn is_news(lane: &str) -> bool {
    lane.starts_with(NEWS)
}
