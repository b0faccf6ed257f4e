//! The few requests the flows make, over an identity's live client.
//!
//! They go through the client's own HTTP side, so that a dead token is noticed and healed; what they answer is as small
//! as the flows need.

mod refusal;
mod rooms;

pub use refusal::{Refusal, refusal};
pub use rooms::{
    Knock, MARKER, Membership, Sought, create_room, display_name, find_marked_room, invite, joined_among, knocks,
    last_page, leave, membership, power_level, said, send_plain, send_through_room, share_history,
};
