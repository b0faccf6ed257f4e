//! Which rooms have changed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use matrix_sdk::{
    ruma::{OwnedRoomId, UserId},
    sync::{State, SyncResponse},
};
use serde_json::Value;
use tokio::sync::Notify;

use super::look::{Absence, Departure};

/// The state that decides what the bot can do in a room.
const DECISIVE: [&str; 5] = [
    "m.room.create",
    "m.room.encryption",
    "m.room.join_rules",
    "m.room.power_levels",
    "m.room.tombstone",
];

/// Rooms that are to be looked at. Cheap to clone, all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct News {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Each with how the bot went out of it, where the sync just said so.
    changed: Mutex<BTreeMap<OwnedRoomId, Option<Absence>>>,
    wake: Notify,
}

impl News {
    /// Says that a room has changed.
    pub(super) fn tell(&self, room: OwnedRoomId, absence: Option<Absence>) {
        let mut changed = self.inner.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.insert(room, absence);
        self.inner.wake.notify_one();
    }

    /// The rooms that changed since the last time; waits until there is one.
    pub(super) async fn next(&self) -> BTreeMap<OwnedRoomId, Option<Absence>> {
        loop {
            let changed = std::mem::take(&mut *self.inner.changed.lock().unwrap_or_else(PoisonError::into_inner));
            if !changed.is_empty() {
                return changed;
            }
            self.inner.wake.notified().await;
        }
    }
}

/// What a batch says of those rooms for which `is_watched`.
pub(super) fn of_batch(
    batch: &SyncResponse,
    own: &UserId,
    is_watched: impl Fn(&OwnedRoomId) -> bool,
) -> Vec<(OwnedRoomId, Option<Absence>)> {
    let rooms = &batch.rooms;
    let joined = rooms.joined.iter().filter(|(room, update)| {
        let timeline = update.timeline.events.iter().map(|event| event.raw());
        let events = state(&update.state).chain(timeline.filter_map(|raw| raw.deserialize_as_unchecked().ok()));
        is_watched(room) && (update.timeline.limited || events.into_iter().any(|event| decides(&event, own)))
    });
    let left = rooms
        .left
        .iter()
        .filter(|(room, _)| is_watched(room))
        .map(|(room, update)| {
            let timeline = update.timeline.events.iter().map(|event| event.raw());
            let events = state(&update.state).chain(timeline.filter_map(|raw| raw.deserialize_as_unchecked().ok()));
            let absence = events.filter_map(|event| departure(&event, own)).last();
            (room.clone(), absence)
        });
    let invited = rooms.invited.keys().filter(|room| is_watched(room));
    let known = joined
        .map(|(room, _)| room)
        .chain(invited)
        .map(|room| (room.clone(), None));
    known.chain(left).collect()
}

fn state(state: &State) -> impl Iterator<Item = Value> {
    let (State::Before(events) | State::After(events)) = state;
    events.iter().filter_map(|event| event.deserialize_as_unchecked().ok())
}

fn decides(event: &Value, own: &UserId) -> bool {
    let Some(kind) = event["type"].as_str().filter(|_| event["state_key"].is_string()) else {
        return false;
    };
    DECISIVE.contains(&kind) || (kind == "m.room.member" && event["state_key"] == own.as_str())
}

fn departure(event: &Value, own: &UserId) -> Option<Absence> {
    (event["type"] == "m.room.member" && event["state_key"] == own.as_str()).then_some(())?;
    let departure = Departure {
        by: event["sender"].as_str().and_then(|by| UserId::parse(by).ok()),
        reason: event["content"]["reason"].as_str().map(str::to_owned),
    };
    match event["content"]["membership"].as_str()? {
        "ban" => Some(Absence::Banned(departure)),
        "leave" => Some(Absence::Left(departure)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{owned_room_id, user_id};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::power(json!({ "type": "m.room.power_levels", "state_key": "" }), true)]
    #[case::a_tombstone(json!({ "type": "m.room.tombstone", "state_key": "" }), true)]
    #[case::the_bot_itself(json!({ "type": "m.room.member", "state_key": "@bot:x" }), true)]
    #[case::somebody_else(json!({ "type": "m.room.member", "state_key": "@alice:x" }), false)]
    #[case::a_message_that_only_looks_like_it(json!({ "type": "m.room.power_levels" }), false)]
    #[case::a_name(json!({ "type": "m.room.name", "state_key": "" }), false)]
    fn what_the_bot_can_do_depends_on(#[case] event: Value, #[case] decisive: bool) {
        assert_eq!(decides(&event, user_id!("@bot:x")), decisive);
    }

    #[test]
    fn who_threw_the_bot_out_is_told_with_their_words() {
        let event = json!({
            "type": "m.room.member", "state_key": "@bot:x", "sender": "@owner:x",
            "content": { "membership": "ban", "reason": "too loud" },
        });
        let departure = Departure {
            by: Some(user_id!("@owner:x").to_owned()),
            reason: Some("too loud".to_owned()),
        };
        assert_eq!(
            super::departure(&event, user_id!("@bot:x")),
            Some(Absence::Banned(departure))
        );
    }

    #[tokio::test]
    async fn a_room_that_changed_before_anybody_waited_is_not_missed() {
        let news = News::default();
        news.tell(owned_room_id!("!a:x"), None);
        news.tell(owned_room_id!("!b:x"), None);
        news.tell(owned_room_id!("!a:x"), None);
        let rooms: Vec<_> = news.next().await.into_keys().collect();
        assert_eq!(rooms, [owned_room_id!("!a:x"), owned_room_id!("!b:x")]);
    }
}
