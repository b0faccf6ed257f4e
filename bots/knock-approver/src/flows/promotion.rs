//! What those get who passed.

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use rusqlite::Transaction;
use serde_json::json;

use crate::{
    config::{Config, Role},
    outbox::{self, Effect},
    storage::{StoreError, audit, codes, notes},
};

/// Somebody who passed.
pub(super) struct Promotion<'a> {
    pub(super) user: &'a OwnedUserId,
    pub(super) name: &'a str,
    pub(super) title: &'a str,
    pub(super) keyword: &'a str,
    pub(super) haiku: &'a str,
    /// Where they passed.
    pub(super) room: &'a OwnedRoomId,
    /// What was said before "invited you": each flow says it a little differently.
    pub(super) closing: &'a str,
    /// Who speaks in that room.
    pub(super) host: Role,
    /// What makes the promotion unique.
    pub(super) key: &'a str,
}

/// Invites to the space and its children, mints the welcome code, says so, leaves the room and tells the feed.
pub(super) fn promote(tx: &Transaction<'_>, config: &Config, passed: &Promotion<'_>) -> Result<(), StoreError> {
    let flow = &config.flow;
    let lane = passed.room.as_str();
    for room in std::iter::once(&flow.space).chain(&flow.children) {
        let effect = Effect::Invite {
            room: room.clone(),
            user: passed.user.clone(),
        };
        outbox::put(
            tx,
            Role::Approver,
            lane,
            &format!("{}:invite:{room}", passed.key),
            effect,
        )?;
    }
    let mut lines = vec![format!("nice — invited you to {}{}", flow.community, passed.closing)];
    if let Some(doc) = &flow.welcome_doc {
        lines.push(format!("onboarding doc: {doc}"));
    }
    if flow.welcome_uses > 0 {
        let label = format!("welcome {}", passed.user);
        let code = codes::mint(tx, codes::Kind::Signup, flow.welcome_uses, &label)?;
        lines.push(format!("bring a friend: {}/signup?code={}", config.public, code.code));
    }
    let message = Effect::Message {
        room: passed.room.clone(),
        body: lines.join("\n"),
        plain: true,
        since: None,
    };
    outbox::put(tx, passed.host, lane, &format!("{}:welcome", passed.key), message)?;
    leave(tx, passed.host, passed.room, passed.key)?;
    let news = format!(
        "🎉 {} ({}) joined {}\ncaptcha: {} (word: {})\n{}",
        passed.name,
        passed.user,
        flow.community,
        passed.title,
        passed.keyword,
        passed.haiku.trim()
    );
    announce(tx, &flow.feed_room, &format!("{}:feed", passed.key), news, None)?;
    audit::write(
        tx,
        "promoted",
        &json!({ "mxid": passed.user, "room_id": passed.room, "title": passed.title }),
    )
}

/// Says something in a room of the community once, ever. `since` as in [`Effect::Message`].
pub(super) fn announce(
    tx: &Transaction<'_>,
    room: &OwnedRoomId,
    key: &str,
    body: String,
    since: Option<i64>,
) -> Result<(), StoreError> {
    if notes::announce(tx, key)? {
        let message = Effect::Message {
            room: room.clone(),
            body,
            plain: false,
            since,
        };
        outbox::put(tx, Role::Approver, room.as_str(), key, message)?;
    }
    Ok(())
}

/// Says something in a room the bot made.
pub(super) fn say(
    tx: &Transaction<'_>,
    host: Role,
    room: &OwnedRoomId,
    key: &str,
    body: String,
) -> Result<(), StoreError> {
    let message = Effect::Message {
        room: room.clone(),
        body,
        plain: true,
        since: None,
    };
    outbox::put(tx, host, room.as_str(), key, message)?;
    Ok(())
}

/// Leaves a room the bot made, after everything that is to be said there.
pub(super) fn leave(tx: &Transaction<'_>, host: Role, room: &OwnedRoomId, key: &str) -> Result<(), StoreError> {
    let effect = Effect::Leave { room: room.clone() };
    outbox::put(tx, host, room.as_str(), &format!("{key}:leave"), effect)?;
    Ok(())
}
