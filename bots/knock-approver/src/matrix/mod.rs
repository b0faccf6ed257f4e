//! The few requests the flows make, over an identity's live client.
//!
//! They go through the client's own HTTP side, so that a dead token is noticed and healed; what they answer is as small
//! as the flows need.

mod answered;
#[cfg(test)]
pub(crate) mod fake;
mod homeserver;
mod refusal;
mod rooms;
mod standing;

pub use answered::{answered_knocks, keep_answered_knocks};
pub use homeserver::{Actor, Homeserver, Letter};
pub use refusal::{Failure, Refusal, refusal};
pub use rooms::{
    Knock, MARKER, Member, Membership, Sought, create_room, display_name, event, find_marked_room, has_made, invite,
    is_encrypted, is_in, is_replaced, join, joined_among, knocks, last_page, leave, member, membership, presence, said,
    send_plain, send_through_room, share_history,
};
pub use standing::{Standing, power_level, standing};
