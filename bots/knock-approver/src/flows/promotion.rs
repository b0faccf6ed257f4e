//! What those get who passed.

use matrix_sdk::ruma::OwnedRoomId;
use rusqlite::Transaction;
use serde_json::json;

use super::Flows;
use crate::{
    config::{Config, Role},
    lanes::WorkError,
    outcome::{Invited, Passed, WITHDRAWN},
    storage::{
        StoreError, audit, codes, facts,
        queue::{self, Entry, Queue},
    },
    words,
    work::{self, Effect},
};

/// Invites to the space. What is said of it waits until the invite stands: nobody is told what did not happen.
pub(super) fn promote(tx: &Transaction<'_>, config: &Config, passed: Passed) -> Result<(), StoreError> {
    let space = &config.flow.space;
    let (lane, key) = (passed.room.to_string(), format!("{}:invite:{space}", passed.key));
    let effect = Effect::Invite {
        room: space.clone(),
        user: passed.user.clone(),
        passed: Some(Box::new(passed)),
    };
    work::put(tx, Role::Approver, &lane, &key, effect)?;
    Ok(())
}

impl Flows {
    /// The invite of somebody who passed stands, or never will.
    pub(super) async fn invited(&self, entry: Entry, invited: Invited) -> Result<(), WorkError> {
        let config = self.config.clone();
        let word = match invited.refused.as_deref() {
            None => "welcomed",
            Some(WITHDRAWN) => WITHDRAWN,
            Some(_) => "refused",
        };
        self.store
            .run(move |tx| {
                if !queue::done(tx, Queue::Inbox, entry.id)? {
                    return Ok(());
                }
                match invited.refused {
                    None => welcome(tx, &config, &invited.passed),
                    Some(why) if why == WITHDRAWN => withdrawn(tx, &invited.passed),
                    Some(errcode) => turn_away(tx, &config, &invited.passed, &errcode),
                }
            })
            .await?;
        self.metrics.count("promotions", word);
        Ok(())
    }
}

/// Says so, with a code for a friend, leaves the room, tells the feed, and invites to the children. Those invites are on
/// their own: homeservers limit them, and the welcome does not wait for that.
fn welcome(tx: &Transaction<'_>, config: &Config, passed: &Passed) -> Result<(), StoreError> {
    let flow = &config.flow;
    let mut lines = vec![format!("nice — invited you to {}{}", flow.community, passed.closing)];
    if let Some(doc) = &flow.welcome_doc {
        lines.push(format!("onboarding doc: {doc}"));
    }
    if flow.welcome_uses > 0 {
        let label = format!("welcome {}", words::user(&passed.user));
        let code = codes::mint(tx, codes::Kind::Signup, flow.welcome_uses, &label)?;
        lines.push(format!("bring a friend: {}/signup?code={}", config.public, code.code));
    }
    let key = &passed.key;
    say(
        tx,
        passed.host,
        &passed.room,
        &format!("{key}:welcome"),
        lines.join("\n"),
    )?;
    leave(tx, passed.host, &passed.room, key)?;
    for room in &flow.children {
        let lane = format!("guest:{}:{room}", passed.user);
        let effect = Effect::Invite {
            room: room.clone(),
            user: passed.user.clone(),
            passed: None,
        };
        work::put(tx, Role::Approver, &lane, &format!("{key}:invite:{room}"), effect)?;
    }
    let news = format!(
        "🎉 {} ({}) joined {}\ncaptcha: {} (word: {})\n{}",
        words::name(&passed.name),
        words::user(&passed.user),
        flow.community,
        words::line(&passed.title),
        words::line(&passed.keyword),
        words::quotation(&passed.haiku)
    );
    announce(tx, &flow.feed_room, &format!("{key}:feed"), news, None)?;
    audit::write(
        tx,
        "promoted",
        &json!({ "mxid": passed.user, "room_id": passed.room, "title": passed.title }),
    )
}

/// The homeserver refuses the invite for good: nobody is invited, and both sides are told.
fn turn_away(tx: &Transaction<'_>, config: &Config, passed: &Passed, errcode: &str) -> Result<(), StoreError> {
    let (flow, key) = (&config.flow, &passed.key);
    let text = format!(
        "nice haiku — but you cannot be invited to {} now. its operators are told.",
        flow.community
    );
    say(tx, passed.host, &passed.room, &format!("{key}:refused"), text)?;
    leave(tx, passed.host, &passed.room, key)?;
    let note = format!(
        "⚠️ {} passed and cannot be invited ({})",
        words::user(&passed.user),
        words::name(errcode)
    );
    announce(tx, &flow.notify_room, &format!("{key}:refused-note"), note, None)?;
    let detail = json!({ "mxid": passed.user, "room_id": passed.room, "errcode": errcode });
    audit::write(tx, "promotion_refused", &detail)
}

/// They passed, and do not knock any more: there is nobody to invite, and nothing to say.
fn withdrawn(tx: &Transaction<'_>, passed: &Passed) -> Result<(), StoreError> {
    leave(tx, passed.host, &passed.room, &passed.key)?;
    let detail = json!({ "mxid": passed.user, "room_id": passed.room });
    audit::write(tx, "promotion_withdrawn", &detail)
}

/// Tells a member so.
pub(super) fn already_in(
    tx: &Transaction<'_>,
    config: &Config,
    host: Role,
    room: &OwnedRoomId,
    key: &str,
) -> Result<(), StoreError> {
    let text = format!("you're already in {} — see you in the space.", config.flow.community);
    say(tx, host, room, &format!("{key}:already"), text)?;
    leave(tx, host, room, key)
}

/// Says something in a room of the community once, ever. `since` as in [`Effect::Message`].
pub(super) fn announce(
    tx: &Transaction<'_>,
    room: &OwnedRoomId,
    key: &str,
    body: String,
    since: Option<i64>,
) -> Result<(), StoreError> {
    if facts::announce(tx, key)? {
        let message = Effect::Message {
            room: room.clone(),
            body,
            plain: false,
            since,
        };
        work::put(tx, Role::Approver, &work::news_lane(room), key, message)?;
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
    work::put(tx, host, room.as_str(), key, message)?;
    Ok(())
}

/// Leaves a room the bot made, after everything that is to be said there.
pub(super) fn leave(tx: &Transaction<'_>, host: Role, room: &OwnedRoomId, key: &str) -> Result<(), StoreError> {
    let effect = Effect::Leave { room: room.clone() };
    work::put(tx, host, room.as_str(), &format!("{key}:leave"), effect)?;
    Ok(())
}
