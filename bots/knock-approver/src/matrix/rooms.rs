//! Requests about rooms.
//!
//! What holds one of the SDK's rooms is boxed: the SDK's types are so deep that each future around such a one would cost the compiler up to
//! a minute.

use std::{collections::HashSet, time::Duration};

use futures_util::future::BoxFuture;
use matrix_sdk::{
    Error, RoomState,
    config::RequestConfig,
    room::MessagesOptions,
    ruma::{
        EventId, OwnedEventId, OwnedRoomId, OwnedServerName, OwnedTransactionId, OwnedUserId, RoomId, UserId,
        api::client::{
            membership::{
                get_member_events,
                invite_user::{self, v3::InviteUserId},
                joined_rooms, leave_room,
            },
            message::{get_message_events, send_message_event},
            profile::get_profile,
            room::create_room,
            state::get_state_event_for_key,
        },
        events::{MessageLikeEventType, StateEventType, room::member::MembershipState},
        serde::Raw,
        uint,
    },
};
use serde_json::{Value, json, value::to_raw_value};

use super::refusal::{is_not_found, refusal};
use crate::{identity::Live, session::Strict};

/// The field that tells our own rooms and messages apart, so that a lost answer can be settled by looking.
pub const MARKER: &str = "dev.knockproof.key";

/// What an effect may take. It is not tried again by itself: the outbox does that, and says so.
const ONE_TRY: Duration = Duration::from_secs(60);

fn once() -> RequestConfig {
    RequestConfig::new().disable_retry().timeout(ONE_TRY)
}

/// A member's standing in a room, as far as the flows care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// In it.
    Joined,
    /// Asked in.
    Invited,
    /// Asking to be let in.
    Knocking,
    /// Kept out.
    Banned,
    /// None of these.
    Out,
}

/// What a user is to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The standing.
    pub membership: Membership,
    /// The reason given with it.
    pub reason: String,
}

/// Reads one state event's content; `None` where there is none.
pub(super) async fn state(live: &Live, room: &RoomId, kind: &str, key: &str) -> Result<Option<Value>, Error> {
    let request =
        get_state_event_for_key::v3::Request::new(room.to_owned(), StateEventType::from(kind), key.to_owned());
    match live.client.send(request).await {
        Ok(answer) => Ok(Some(serde_json::from_str(answer.event_or_content.get())?)),
        Err(error) => {
            let error = Error::from(error);
            match is_not_found(&error) {
                true => Ok(None),
                false => Err(error),
            }
        }
    }
}

/// What a user is to a room.
pub async fn member(live: &Live, room: &RoomId, user: &UserId) -> Result<Member, Error> {
    let content = state(live, room, "m.room.member", user.as_str())
        .await?
        .unwrap_or_default();
    let membership = match content["membership"].as_str() {
        Some("join") => Membership::Joined,
        Some("invite") => Membership::Invited,
        Some("knock") => Membership::Knocking,
        Some("ban") => Membership::Banned,
        _ => Membership::Out,
    };
    let reason = content["reason"].as_str().unwrap_or_default().trim().to_owned();
    Ok(Member { membership, reason })
}

/// A user's standing in a room.
pub async fn membership(live: &Live, room: &RoomId, user: &UserId) -> Result<Membership, Error> {
    Ok(member(live, room, user).await?.membership)
}

/// What a user is called in a room, or else anywhere; `None` without a name.
pub async fn display_name(live: &Live, room: &RoomId, user: &UserId) -> Result<Option<String>, Error> {
    let named = |value: &Value| {
        let name = value["displayname"]
            .as_str()
            .map(str::trim)
            .filter(|name| !name.is_empty());
        name.map(str::to_owned)
    };
    let content = state(live, room, "m.room.member", user.as_str()).await?;
    if let Some(name) = content.as_ref().and_then(named) {
        return Ok(Some(name));
    }
    let request = get_profile::v3::Request::new(user.to_owned());
    match live.client.send(request).await {
        Ok(profile) => {
            let name = profile.get("displayname").and_then(Value::as_str).map(str::trim);
            Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
        }
        Err(error) => {
            let error = Error::from(error);
            // Some servers know no profile of a user who never set one.
            match is_not_found(&error) {
                true => Ok(None),
                false => Err(error),
            }
        }
    }
}

/// A knock that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knock {
    /// Who.
    pub user: OwnedUserId,
    /// Which event.
    pub event: String,
    /// With which reason.
    pub reason: String,
    /// When the homeserver dates it, Unix milliseconds by the homeserver's clock.
    pub sent: i64,
}

/// All knocks that stand in a room.
pub async fn knocks(live: &Live, room: &RoomId) -> Result<Vec<Knock>, Error> {
    let mut request = get_member_events::v3::Request::new(room.to_owned());
    request.membership = Some(MembershipState::Knock);
    let answer = live.client.send(request).await?;
    let knocks = answer.chunk.iter().filter_map(|event| {
        let event: Value = event.deserialize_as_unchecked().ok()?;
        // Not every server heeds the filter.
        (event["content"]["membership"] == "knock").then_some(())?;
        let user = UserId::parse(event["state_key"].as_str()?).ok()?;
        let reason = event["content"]["reason"].as_str().unwrap_or_default();
        Some(Knock {
            user,
            event: event["event_id"].as_str()?.to_owned(),
            reason: reason.trim().to_owned(),
            sent: event["origin_server_ts"].as_i64().unwrap_or_default(),
        })
    });
    Ok(knocks.collect())
}

/// Makes a room that carries a marker. It is not tried again by itself: a lost answer is settled by
/// [`find_marked_room`].
pub async fn create_room(
    live: &Live,
    mut request: create_room::v3::Request,
    marker: &str,
) -> Result<OwnedRoomId, Error> {
    request.creation_content = Some(Raw::from_json(to_raw_value(&json!({ MARKER: marker }))?));
    Ok(live.client.send(request).with_request_config(once()).await?.room_id)
}

/// Whether the identity is in a room, by the homeserver's own list.
pub async fn is_in(live: &Live, room: &RoomId) -> Result<bool, Error> {
    let joined = live.client.send(joined_rooms::v3::Request::new()).await?.joined_rooms;
    Ok(joined.iter().any(|joined| joined == room))
}

/// The room of ours that carries this marker, among those that `known` does not know.
pub async fn find_marked_room(
    live: &Live,
    marker: &str,
    known: impl Fn(&RoomId) -> bool,
) -> Result<Option<OwnedRoomId>, Error> {
    let joined = live.client.send(joined_rooms::v3::Request::new()).await?.joined_rooms;
    for room in joined.into_iter().filter(|room| !known(room)) {
        let create = state(live, &room, "m.room.create", "").await?;
        if create.is_some_and(|create| create[MARKER] == marker) {
            return Ok(Some(room));
        }
    }
    Ok(None)
}

/// Invites a user.
pub async fn invite(live: &Live, room: &RoomId, user: &UserId) -> Result<(), Error> {
    let recipient = InviteUserId::new(user.to_owned());
    live.client
        .send(Strict(invite_user::v3::Request::new(room.to_owned(), recipient.into())))
        .with_request_config(once())
        .await?;
    Ok(())
}

/// What the identity itself is to a room, as far as the sync has told, and who invites it there.
pub fn presence<'a>(live: &'a Live, room: &'a RoomId) -> BoxFuture<'a, (Option<RoomState>, Option<OwnedUserId>)> {
    Box::pin(async move {
        let Some(room) = live.client.get_room(room) else {
            return (None, None);
        };
        let state = room.state();
        let inviter = match state {
            RoomState::Invited => room.invite_details().await.ok().map(|invite| invite.inviter_id),
            _ => None,
        };
        (Some(state), inviter)
    })
}

/// Whether a user made a room, as far as the client knows: of a room that it is invited to from the invite.
pub fn has_made(live: &Live, room: &RoomId, user: &UserId) -> bool {
    let creators = live.client.get_room(room).and_then(|room| room.creators());
    creators.into_iter().flatten().any(|creator| creator == user)
}

/// Joins a room by way of these servers.
pub fn join<'a>(live: &'a Live, room: &'a RoomId, via: &'a [OwnedServerName]) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(async move { live.client.join_room_by_id_or_alias(room.into(), via).await.map(drop) })
}

/// Leaves a room.
pub async fn leave(live: &Live, room: &RoomId) -> Result<(), Error> {
    let request = Strict(leave_room::v3::Request::new(room.to_owned()));
    live.client.send(request).with_request_config(once()).await?;
    Ok(())
}

/// Whether a room is encrypted. A client that knows the room knows it; otherwise the homeserver is asked.
pub async fn is_encrypted(live: &Live, room: &RoomId) -> Result<bool, Error> {
    let known = live.client.get_room(room).map(|room| room.encryption_state());
    match known.filter(|known| !known.is_unknown()) {
        Some(known) => Ok(known.is_encrypted()),
        None => Ok(state(live, room, "m.room.encryption", "").await?.is_some()),
    }
}

/// Whether a room has been replaced by another.
pub async fn is_replaced(live: &Live, room: &RoomId) -> Result<bool, Error> {
    Ok(state(live, room, "m.room.tombstone", "").await?.is_some())
}

/// One event, decrypted where that is possible; `None` where it cannot be had.
pub fn event<'a>(live: &'a Live, room: &'a RoomId, event: &'a EventId) -> BoxFuture<'a, Option<Value>> {
    Box::pin(async move {
        let event = live.client.get_room(room)?.event(event, None).await.ok()?;
        event.raw().deserialize_as_unchecked().ok()
    })
}

/// Sends a text as it is, without asking whether the room is encrypted: for the rooms the bot makes in the clear.
/// Answers the event that it became.
pub async fn send_plain(live: &Live, room: &RoomId, transaction: &str, content: &Value) -> Result<OwnedEventId, Error> {
    let request = send_message_event::v3::Request::new_raw(
        room.to_owned(),
        OwnedTransactionId::from(transaction),
        MessageLikeEventType::RoomMessage,
        Raw::from_json(to_raw_value(content)?),
    );
    Ok(live.client.send(request).with_request_config(once()).await?.event_id)
}

/// Sends a text through the client's view of the room, encrypted where the room is; answers the event that it became, or
/// `None` where the client does not know the room (yet).
pub fn send_through_room<'a>(
    live: &'a Live,
    room: &'a RoomId,
    transaction: &'a str,
    content: &'a Value,
) -> BoxFuture<'a, Result<Option<OwnedEventId>, Error>> {
    Box::pin(async move {
        let Some(room) = live.client.get_room(room) else {
            return Ok(None);
        };
        let transaction = OwnedTransactionId::from(transaction);
        let sent = room
            .send_raw("m.room.message", content.clone())
            .with_transaction_id(&transaction)
            .with_request_config(once())
            .await?;
        Ok(Some(sent.response.event_id))
    })
}

/// What is looked for in a room.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    /// The marker in the message's content.
    pub marker: &'a str,
    /// How long ago it was decided on, in milliseconds: it was not sent before.
    pub age: i64,
    /// The events that other messages of ours became.
    pub others: &'a HashSet<String>,
}

/// How far two clocks may go apart while one waits, in milliseconds.
const SKEW: i64 = 5 * 60 * 1000;
/// How many pages of a hundred events are looked at, at most.
const PAGES: usize = 50;

/// Whether a room has the message that is sought: one with its marker, or one of our own that cannot be read any more
/// and is none of the others. All events since it was put into the outbox are looked at.
pub fn said<'a>(live: &'a Live, room: &'a RoomId, sought: Sought<'a>) -> BoxFuture<'a, Result<bool, Error>> {
    Box::pin(async move {
        let mut from = None;
        for _ in 0..PAGES {
            let page = page(live, room, from).await?;
            for event in &page.events {
                match sought.judge(event, &live.user_id) {
                    Seen::It => return Ok(true),
                    Seen::Older => return Ok(false),
                    Seen::Other => {}
                }
            }
            if page.next.is_none() || page.events.is_empty() {
                break;
            }
            from = page.next;
        }
        Ok(false)
    })
}

/// A room's last events, the oldest first.
pub fn last_page<'a>(live: &'a Live, room: &'a RoomId) -> BoxFuture<'a, Result<Vec<Value>, Error>> {
    Box::pin(async move {
        let mut events = page(live, room, None).await?.events;
        events.reverse();
        Ok(events)
    })
}

/// A hundred events of a room, the newest first.
struct Page {
    events: Vec<Value>,
    /// Where the next one begins.
    next: Option<String>,
}

/// The page that begins there, or the last one. A room of which no sync has told the client yet is no empty one: the homeserver is asked
/// past it, and only what is encrypted cannot be read.
async fn page(live: &Live, room: &RoomId, from: Option<String>) -> Result<Page, Error> {
    let limit = uint!(100);
    let Some(known) = live.client.get_room(room) else {
        let mut request = get_message_events::v3::Request::backward(room.to_owned());
        (request.from, request.limit) = (from, limit);
        let page = live.client.send(request).await?;
        let events = page
            .chunk
            .iter()
            .filter_map(|event| event.deserialize_as_unchecked().ok());
        return Ok(Page {
            events: events.collect(),
            next: page.end,
        });
    };
    let mut options = MessagesOptions::backward().from(from.as_deref());
    options.limit = limit;
    let page = known.messages(options).await?;
    let events = page
        .chunk
        .iter()
        .filter_map(|event| event.raw().deserialize_as_unchecked().ok());
    Ok(Page {
        events: events.collect(),
        next: page.end,
    })
}

/// What an event is to what is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    It,
    Other,
    Older,
}

impl Sought<'_> {
    fn judge(&self, event: &Value, own: &UserId) -> Seen {
        // The homeserver tells the age by its own clock. The date alone says nothing: this machine's clock may be another.
        let age = event["unsigned"]["age"].as_i64();
        if age.is_some_and(|age| age > self.age.saturating_add(SKEW)) {
            return Seen::Older;
        }
        if event["sender"] != own.as_str() {
            return Seen::Other;
        }
        let is_marked = event["content"][MARKER] == self.marker;
        let is_unreadable = event["type"] == "m.room.encrypted"
            && event["event_id"].as_str().is_some_and(|id| !self.others.contains(id));
        if is_marked || is_unreadable {
            Seen::It
        } else {
            Seen::Other
        }
    }
}

/// Shares a room's earlier keys with a member, where the room is encrypted and its visibility allows it (MSC4268). The client shares
/// only while inviting; that invite is refused, since a member cannot be invited. Answers what the user is to the homeserver.
pub fn share_history<'a>(
    live: &'a Live,
    room: &'a RoomId,
    user: &'a UserId,
) -> BoxFuture<'a, Result<Membership, Error>> {
    Box::pin(async move {
        // Whoever has left again would be invited once more.
        let membership = membership(live, room, user).await?;
        if membership != Membership::Joined {
            return Ok(membership);
        }
        let Some(room) = live.client.get_room(room) else {
            return Ok(membership);
        };
        if room.latest_encryption_state().await?.is_encrypted() {
            match room.invite_user_by_id(user).await {
                // By then the keys are shared. Media that cannot be stored is refused otherwise.
                Err(error) if refusal(&error).is_some_and(|no| no.is_forbidden()) => {}
                shared => shared?,
            }
        }
        Ok(membership)
    })
}

/// Which of these rooms the identity is in.
pub async fn joined_among(live: &Live, rooms: &HashSet<String>) -> Result<Vec<OwnedRoomId>, Error> {
    let joined = live.client.send(joined_rooms::v3::Request::new()).await?.joined_rooms;
    Ok(joined
        .into_iter()
        .filter(|room| rooms.contains(room.as_str()))
        .collect())
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::user_id;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::marked(json!({ "content": { MARKER: "k" }, "type": "m.room.message" }), Seen::It)]
    #[case::marked_otherwise(json!({ "content": { MARKER: "other" }, "type": "m.room.message" }), Seen::Other)]
    #[case::unreadable(json!({ "type": "m.room.encrypted", "event_id": "$lost" }), Seen::It)]
    #[case::unreadable_and_known(json!({ "type": "m.room.encrypted", "event_id": "$known" }), Seen::Other)]
    #[case::of_somebody_else(json!({ "sender": "@eve:hs", "type": "m.room.encrypted", "event_id": "$lost" }), Seen::Other)]
    #[case::copied(json!({ "sender": "@eve:hs", "content": { MARKER: "k" } }), Seen::Other)]
    #[case::older(json!({ "content": { MARKER: "k" }, "unsigned": { "age": SKEW + 1 } }), Seen::Older)]
    #[case::young_whatever_the_date(
        json!({ "content": { MARKER: "k" }, "origin_server_ts": 0, "unsigned": { "age": SKEW } }),
        Seen::It
    )]
    #[case::of_an_age_that_is_not_told(json!({ "content": { MARKER: "k" }, "origin_server_ts": 0 }), Seen::It)]
    fn a_lost_message_is_known_by_marker_or_by_being_none_of_the_others(#[case] event: Value, #[case] seen: Seen) {
        let mut whole = json!({ "sender": "@bot:hs" });
        for (key, value) in event.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let others = HashSet::from(["$known".to_owned()]);
        let sought = Sought {
            marker: "k",
            age: 0,
            others: &others,
        };
        assert_eq!(sought.judge(&whole, user_id!("@bot:hs")), seen);
    }
}
