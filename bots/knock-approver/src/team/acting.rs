//! What the team's clients do for the flows and the outbox.

use std::{
    collections::{BTreeSet, HashSet},
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use matrix_sdk::ruma::{
    EventId, OwnedDeviceId, OwnedEventId, OwnedRoomId, RoomId, UserId, api::client::room::create_room,
};
use serde_json::Value;

use super::Team;
use crate::{
    config::Role,
    identity::{Identity, Live},
    matrix::{self, Actor, Failure, Homeserver, Knock, Letter, Member, Membership, Sought, Standing},
};

fn actor(live: &Live) -> Actor {
    Actor {
        user: live.user_id.clone(),
        device: live.device_id.clone(),
    }
}

/// What a message came to on the client that had its turn.
enum Sent {
    As(OwnedEventId),
    UnknownRoom,
    OtherDevice,
}

async fn send(live: Live, device: &OwnedDeviceId, letter: &Letter) -> Result<Sent, matrix_sdk::Error> {
    if live.device_id != *device {
        return Ok(Sent::OtherDevice);
    }
    let Letter {
        room,
        transaction,
        content,
        own_room,
    } = letter;
    // The bot makes its rooms in the clear, and need not wait for the sync to speak there. Some homeservers encrypt them all the same.
    if *own_room && !matrix::is_encrypted(&live, room).await? {
        return Ok(Sent::As(matrix::send_plain(&live, room, transaction, content).await?));
    }
    let sent = matrix::send_through_room(&live, room, transaction, content).await?;
    Ok(sent.map_or(Sent::UnknownRoom, Sent::As))
}

#[async_trait]
impl Homeserver for Team {
    async fn actor(&self, role: Role) -> Actor {
        actor(&self.identity(role).live().await)
    }

    fn actor_now(&self, role: Role) -> Option<Actor> {
        self.identity(role).try_live().as_ref().map(actor)
    }

    fn other(&self, role: Role) -> Option<Role> {
        Self::other(self, role).map(Identity::role)
    }

    async fn serves(&self, role: Role) -> bool {
        Self::serves(self, role).await
    }

    fn lobby_host(&self) -> Option<Role> {
        Self::lobby_host(self)
    }

    async fn member(&self, role: Role, room: &RoomId, user: &UserId) -> Result<Member, Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::member(&live, room, user).await });
        Ok(call.await?)
    }

    async fn display_name(&self, role: Role, room: &RoomId, user: &UserId) -> Result<Option<String>, Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::display_name(&live, room, user).await });
        Ok(call.await?)
    }

    async fn power_level(&self, role: Role, room: &RoomId, user: &UserId) -> Result<i64, Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::power_level(&live, room, user).await });
        Ok(call.await?)
    }

    async fn standing(&self, role: Role, room: &RoomId) -> Result<Standing, Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::standing(&live, room).await });
        Ok(call.await?)
    }

    async fn is_in(&self, role: Role, room: &RoomId) -> Result<bool, Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::is_in(&live, room).await });
        Ok(call.await?)
    }

    async fn is_replaced(&self, role: Role, room: &RoomId) -> Result<bool, Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::is_replaced(&live, room).await });
        Ok(call.await?)
    }

    async fn knocks(&self, room: &RoomId) -> Result<Vec<Knock>, Failure> {
        let call = self
            .identity(Role::Approver)
            .call(|live| async move { matrix::knocks(&live, room).await });
        Ok(call.await?)
    }

    async fn answered_knocks(&self, room: &RoomId) -> Result<BTreeSet<String>, Failure> {
        let call = self
            .identity(Role::Approver)
            .call(|live| async move { matrix::answered_knocks(&live, room).await });
        Ok(call.await?)
    }

    async fn keep_answered_knocks(&self, room: &RoomId, knocks: &BTreeSet<String>) -> Result<(), Failure> {
        let call = self
            .identity(Role::Approver)
            .call(|live| async move { matrix::keep_answered_knocks(&live, room, knocks).await });
        Ok(call.await?)
    }

    async fn last_page(&self, role: Role, room: &RoomId) -> Result<Vec<Value>, Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::last_page(&live, room).await });
        Ok(call.await?)
    }

    async fn event(&self, role: Role, room: &RoomId, event: &EventId) -> Option<Value> {
        let live = self.identity(role).live().await;
        matrix::event(&live, room, event).await
    }

    async fn said(&self, role: Role, room: &RoomId, sought: Sought<'_>) -> Result<bool, Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::said(&live, room, sought).await });
        Ok(call.await?)
    }

    async fn find_marked_room(
        &self,
        role: Role,
        marker: &str,
        known: &HashSet<String>,
    ) -> Result<Option<OwnedRoomId>, Failure> {
        let call = self.identity(role).call(|live| async move {
            matrix::find_marked_room(&live, marker, |room| known.contains(room.as_str())).await
        });
        Ok(call.await?)
    }

    async fn create_room(
        &self,
        role: Role,
        request: create_room::v3::Request,
        marker: &str,
    ) -> Result<OwnedRoomId, Failure> {
        // Once: where a heal comes in between, nobody knows whether the room is there, so it is looked for first.
        let (request, begun) = (&request, &AtomicBool::new(false));
        let call = self.identity(role).call(|live| async move {
            match begun.swap(true, Ordering::Relaxed) {
                true => Ok(None),
                false => matrix::create_room(&live, request.clone(), marker).await.map(Some),
            }
        });
        call.await?.ok_or(Failure::OtherDevice)
    }

    async fn invite(&self, role: Role, room: &RoomId, user: &UserId) -> Result<(), Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::invite(&live, room, user).await });
        Ok(call.await?)
    }

    async fn leave(&self, role: Role, room: &RoomId) -> Result<(), Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::leave(&live, room).await });
        Ok(call.await?)
    }

    async fn send(&self, role: Role, device: &OwnedDeviceId, letter: &Letter) -> Result<OwnedEventId, Failure> {
        let call = self.identity(role).call(|live| send(live, device, letter));
        match call.await? {
            Sent::As(event) => Ok(event),
            Sent::UnknownRoom => Err(Failure::UnknownRoom),
            Sent::OtherDevice => Err(Failure::OtherDevice),
        }
    }

    async fn share_history(&self, role: Role, room: &RoomId, user: &UserId) -> Result<Membership, Failure> {
        let call = self
            .identity(role)
            .call(|live| async move { matrix::share_history(&live, room, user).await });
        Ok(call.await?)
    }
}
