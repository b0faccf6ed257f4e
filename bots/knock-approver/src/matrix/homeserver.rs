//! The homeserver as the flows and the outbox see it.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
};

use async_trait::async_trait;
use matrix_sdk::ruma::{
    EventId, OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId, api::client::room::create_room,
};
use serde_json::Value;

use super::{Failure, Knock, Member, Membership, Sought, Standing};
use crate::config::Role;

/// Who acts for a role now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The account.
    pub user: OwnedUserId,
    /// Its device.
    pub device: OwnedDeviceId,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Where to.
    pub room: OwnedRoomId,
    /// The same at every try on one device: the homeserver knows the message again by it.
    pub transaction: String,
    /// What.
    pub content: Value,
    /// Whether the room is one of the bot's own, which the client need not know yet.
    pub own_room: bool,
}

/// What is asked of the homeserver. Each request waits for an identity that serves; what it may come to otherwise is
/// classed in [`Failure`].
#[async_trait]
pub trait Homeserver: fmt::Debug + Send + Sync {
    /// Who acts for a role, as soon as it serves.
    async fn actor(&self, role: Role) -> Actor;
    /// Who acts for a role, if it serves now.
    fn actor_now(&self, role: Role) -> Option<Actor>;
    /// The role that an identity of its own has besides this one.
    fn other(&self, role: Role) -> Option<Role>;
    /// Whether an identity serves, after a heal that is under way.
    async fn serves(&self, role: Role) -> bool;
    /// Who opens a lobby now.
    fn lobby_host(&self) -> Option<Role>;

    /// What a user is to a room.
    async fn member(&self, role: Role, room: &RoomId, user: &UserId) -> Result<Member, Failure>;
    /// What a user is called in a room, or else anywhere; `None` without a name.
    async fn display_name(&self, role: Role, room: &RoomId, user: &UserId) -> Result<Option<String>, Failure>;
    /// The power that a user has in a room.
    async fn power_level(&self, role: Role, room: &RoomId, user: &UserId) -> Result<i64, Failure>;
    /// What the identity may do in a room.
    async fn standing(&self, role: Role, room: &RoomId) -> Result<Standing, Failure>;
    /// Whether the identity is in a room, by the homeserver's own list.
    async fn is_in(&self, role: Role, room: &RoomId) -> Result<bool, Failure>;
    /// Whether a room has been replaced by another.
    async fn is_replaced(&self, role: Role, room: &RoomId) -> Result<bool, Failure>;
    /// The knocks that stand in a room.
    async fn knocks(&self, room: &RoomId) -> Result<Vec<Knock>, Failure>;
    /// The knocks on a room of which the homeserver keeps that they were answered.
    async fn answered_knocks(&self, room: &RoomId) -> Result<BTreeSet<String>, Failure>;
    /// Has the homeserver keep these instead.
    async fn keep_answered_knocks(&self, room: &RoomId, knocks: &BTreeSet<String>) -> Result<(), Failure>;
    /// The last events of a room, the oldest first.
    async fn last_page(&self, role: Role, room: &RoomId) -> Result<Vec<Value>, Failure>;
    /// One event, decrypted where that is possible; `None` where it cannot be had.
    async fn event(&self, role: Role, room: &RoomId, event: &EventId) -> Option<Value>;
    /// Whether a room has the message that is sought.
    async fn said(&self, role: Role, room: &RoomId, sought: Sought<'_>) -> Result<bool, Failure>;
    /// The room of the identity that carries this marker, among those that are not `known`.
    async fn find_marked_room(
        &self,
        role: Role,
        marker: &str,
        known: &HashSet<String>,
    ) -> Result<Option<OwnedRoomId>, Failure>;

    /// Makes a room that carries a marker.
    async fn create_room(
        &self,
        role: Role,
        request: create_room::v3::Request,
        marker: &str,
    ) -> Result<OwnedRoomId, Failure>;
    /// Invites a user.
    async fn invite(&self, role: Role, room: &RoomId, user: &UserId) -> Result<(), Failure>;
    /// Leaves a room.
    async fn leave(&self, role: Role, room: &RoomId) -> Result<(), Failure>;
    /// Sends a text from this device and no other; answers the event that it became.
    async fn send(&self, role: Role, device: &OwnedDeviceId, letter: &Letter) -> Result<OwnedEventId, Failure>;
    /// Shares a room's earlier keys with a member; answers what the user is to the homeserver.
    async fn share_history(&self, role: Role, room: &RoomId, user: &UserId) -> Result<Membership, Failure>;
}
