//! What a sync brings that verifications begin with. No I/O.

use matrix_sdk::{
    ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId},
    sync::SyncResponse,
};
use serde_json::Value;

/// Longer ids than this nobody has.
const LONGEST: usize = 255;

/// A request to verify the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) user: OwnedUserId,
    pub(super) device: String,
    /// Its id, as both devices know it.
    pub(super) flow: String,
    /// The room in which it was made; otherwise it went from device to device.
    pub(super) room: Option<OwnedRoomId>,
}

/// Something about verifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Somebody wants to verify the bot.
    Asked(Request),
    /// Somebody opens a direct chat with the bot.
    Invited { room: OwnedRoomId, by: OwnedUserId },
    /// The bot has come into a room.
    CameInto(OwnedRoomId),
    /// One that is under way goes on.
    GoesOn,
}

/// All that a batch holds.
pub(super) fn of_batch(batch: &SyncResponse, own: &UserId) -> Vec<Heard> {
    let mut heard = Vec::new();
    for event in &batch.to_device {
        heard.extend(
            event
                .to_raw()
                .deserialize_as_unchecked()
                .ok()
                .and_then(|event| of_device(&event)),
        );
    }
    for (room, update) in &batch.rooms.joined {
        let events = update.timeline.events.iter();
        let events = events.filter_map(|event| event.raw().deserialize_as_unchecked().ok());
        let events: Vec<Value> = events.collect();
        heard.extend(events.iter().filter_map(|event| of_room(event, room, own)));
        if events.iter().any(|event| comes_in(event, own)) {
            heard.push(Heard::CameInto(room.clone()));
        }
    }
    for (room, update) in &batch.rooms.invited {
        let mut events = update
            .invite_state
            .events
            .iter()
            .filter_map(|event| event.deserialize_as_unchecked().ok());
        let by = events.find_map(|event| opens_chat(&event, own));
        heard.extend(by.map(|by| Heard::Invited { room: room.clone(), by }));
    }
    heard
}

fn is_of_verification(event: &Value) -> bool {
    event["type"]
        .as_str()
        .is_some_and(|kind| kind.starts_with("m.key.verification."))
}

fn asked(event: &Value, flow: &Value, room: Option<&RoomId>) -> Option<Heard> {
    let text = |value: &Value| value.as_str().filter(|text| text.len() <= LONGEST).map(str::to_owned);
    Some(Heard::Asked(Request {
        user: UserId::parse(event["sender"].as_str()?).ok()?,
        device: text(&event["content"]["from_device"])?,
        flow: text(flow)?,
        room: room.map(ToOwned::to_owned),
    }))
}

/// A message from device to device.
fn of_device(event: &Value) -> Option<Heard> {
    match event["type"] == "m.key.verification.request" {
        true => asked(event, &event["content"]["transaction_id"], None),
        false => is_of_verification(event).then_some(Heard::GoesOn),
    }
}

/// A message in a room.
pub(super) fn of_room(event: &Value, room: &RoomId, own: &UserId) -> Option<Heard> {
    if event["sender"] == own.as_str() {
        return None;
    }
    let content = &event["content"];
    let asks = event["type"] == "m.room.message" && content["msgtype"] == "m.key.verification.request";
    match asks && content["to"] == own.as_str() {
        true => asked(event, &event["event_id"], Some(room)),
        false => is_of_verification(event).then_some(Heard::GoesOn),
    }
}

fn comes_in(event: &Value, own: &UserId) -> bool {
    event["type"] == "m.room.member" && event["state_key"] == own.as_str() && event["content"]["membership"] == "join"
}

/// Who invites to a direct chat.
fn opens_chat(event: &Value, own: &UserId) -> Option<OwnedUserId> {
    let content = &event["content"];
    let is_it = event["type"] == "m.room.member"
        && event["state_key"] == own.as_str()
        && content["membership"] == "invite"
        && content["is_direct"] == true;
    is_it.then(|| UserId::parse(event["sender"].as_str()?).ok())?
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{owned_room_id, owned_user_id, room_id, user_id};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn by_ann(flow: &str, room: Option<OwnedRoomId>) -> Option<Heard> {
        Some(Heard::Asked(Request {
            user: owned_user_id!("@ann:hs"),
            device: "DEV".to_owned(),
            flow: flow.to_owned(),
            room,
        }))
    }

    fn request(to: &str) -> Value {
        json!({
            "type": "m.room.message", "sender": "@ann:hs", "event_id": "$flow",
            "content": { "msgtype": "m.key.verification.request", "to": to, "from_device": "DEV", "methods": ["m.sas.v1"], "body": "" },
        })
    }

    #[rstest]
    #[case::asked(request("@bot:hs"), by_ann("$flow", Some(owned_room_id!("!dm:hs"))))]
    #[case::somebody_else_is_asked(request("@cat:hs"), None)]
    #[case::goes_on(json!({ "type": "m.key.verification.start", "sender": "@ann:hs", "content": {} }), Some(Heard::GoesOn))]
    #[case::of_its_own(json!({ "type": "m.key.verification.ready", "sender": "@bot:hs", "content": {} }), None)]
    #[case::words(json!({ "type": "m.room.message", "sender": "@ann:hs", "content": { "msgtype": "m.text" } }), None)]
    fn in_a_room(#[case] event: Value, #[case] heard: Option<Heard>) {
        assert_eq!(of_room(&event, room_id!("!dm:hs"), user_id!("@bot:hs")), heard);
    }

    #[rstest]
    #[case::asked("m.key.verification.request", by_ann("txn", None))]
    #[case::goes_on("m.key.verification.mac", Some(Heard::GoesOn))]
    #[case::keys("m.room_key", None)]
    fn from_device_to_device(#[case] kind: &str, #[case] heard: Option<Heard>) {
        let content = json!({ "transaction_id": "txn", "from_device": "DEV" });
        let event = json!({ "type": kind, "sender": "@ann:hs", "content": content });
        assert_eq!(of_device(&event), heard);
    }

    #[test]
    fn ids_that_nobody_has_are_not_kept() {
        let content = json!({ "transaction_id": "x".repeat(256), "from_device": "DEV" });
        let event = json!({ "type": "m.key.verification.request", "sender": "@ann:hs", "content": content });
        assert_eq!(of_device(&event), None);
    }

    #[rstest]
    #[case::a_direct_chat(json!({ "membership": "invite", "is_direct": true }), true)]
    #[case::a_room(json!({ "membership": "invite" }), false)]
    fn an_invite(#[case] content: Value, #[case] opens: bool) {
        let event = json!({ "type": "m.room.member", "state_key": "@bot:hs", "sender": "@ann:hs", "content": content });
        assert_eq!(opens_chat(&event, user_id!("@bot:hs")).is_some(), opens);
        assert_eq!(opens_chat(&event, user_id!("@cat:hs")), None);
    }
}
