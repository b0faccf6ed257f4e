//! The key of an event may come after the event.

use matrix_sdk::ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde_json::{Value, json};

use super::Flows;
use crate::{
    config::Role,
    intake,
    lanes::WorkError,
    storage::{
        StoreError, audit, now_ms,
        queue::{self, Entry, Queue},
    },
    work::Step,
};

/// The shortest and the longest wait between two looks, in milliseconds. When keys come it is looked at once.
const LOOKS: (i64, i64) = (2000, 10 * 60 * 1000);
/// So long a key is waited for, in milliseconds.
const PATIENCE: i64 = 24 * 3600 * 1000;

/// What an event is by now.
enum Seen {
    /// Still without its key.
    Closed,
    /// A text, and whose.
    Text(OwnedUserId, String),
    /// Nothing that is answered.
    Other,
}

fn see(event: Option<Value>) -> Seen {
    let Some(event) = event.filter(|event| event["type"] != "m.room.encrypted") else {
        return Seen::Closed;
    };
    let text = || {
        let sender = OwnedUserId::try_from(event["sender"].as_str()?).ok()?;
        (event["type"] == "m.room.message").then_some(())?;
        Some(Seen::Text(sender, intake::said(&event["content"])?))
    };
    text().unwrap_or(Seen::Other)
}

impl Flows {
    /// Looks at an event again whose key was missing.
    pub(super) async fn look_again(
        &self,
        entry: Entry,
        role: Role,
        room: OwnedRoomId,
        event: OwnedEventId,
    ) -> Result<(), WorkError> {
        let commands = room == self.config.flow.command_room;
        if !commands && !self.may_be_asked_in(&room).await? {
            return self.drop_row(&entry).await;
        }
        let seen = see(self.homeserver.event(role, &room, &event).await);
        self.store
            .run(move |tx| {
                let age = now_ms().saturating_sub(entry.created);
                if matches!(seen, Seen::Closed) && age < PATIENCE {
                    let wait = age.clamp(LOOKS.0, LOOKS.1);
                    return queue::postpone(tx, Queue::Inbox, entry.id, now_ms().saturating_add(wait));
                }
                queue::done(tx, Queue::Inbox, entry.id)?;
                match seen {
                    Seen::Text(sender, body) if !commands || body.trim_start().starts_with('!') => {
                        let (key, lane) = (format!("message:{event}"), room.to_string());
                        let step = Step::Message {
                            role,
                            room,
                            event,
                            sender,
                            body,
                        };
                        queue::put(tx, Queue::Inbox, &key, &lane, &step, 0)?;
                    }
                    Seen::Closed => {
                        tracing::warn!(%event, "a message could not be decrypted");
                        audit::write(tx, "undecryptable", &json!({ "event_id": event, "room_id": room }))?;
                    }
                    Seen::Text(..) | Seen::Other => {}
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        Ok(())
    }
}
