//! From a knock to an invite.

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use rusqlite::Transaction;
use serde_json::json;

use super::{
    Flows,
    promotion::{self, Promotion},
};
use crate::{
    challenge::judge,
    config::{Config, Role},
    intake::Step,
    lanes::WorkError,
    matrix,
    outbox::{self, Effect, Purpose},
    storage::{
        StoreError, audit, codes, now_ms,
        queue::{self, Entry, Queue},
        vetting::{self, Vetting},
    },
};

const HOST: Role = Role::Approver;

/// What became of a knock: the words of the log line, the counter and the audit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Repeated,
    UnknownCode,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "knock_accepted",
            Self::Repeated => "knock_repeated",
            Self::UnknownCode => "knock_unknown_code",
        }
    }
}

fn key(id: i64) -> String {
    format!("vetting:{id}")
}

impl Flows {
    pub(super) async fn knock(
        &self,
        entry: Entry,
        user: OwnedUserId,
        event: String,
        reason: String,
    ) -> Result<(), WorkError> {
        let config = self.config.clone();
        let knocker = user.clone();
        let verdict = self
            .store
            .run(move |tx| {
                let verdict = take_knock(tx, &config, &knocker, &event, &reason)?;
                // What the knocker wrote may be a secret sent to the wrong place: it is not kept.
                audit::write(tx, verdict.word(), &json!({ "mxid": knocker, "event_id": event }))?;
                queue::done(tx, Queue::Inbox, entry.id)?;
                Ok::<_, StoreError>(verdict)
            })
            .await?;
        self.metrics
            .count("knocks", verdict.word().trim_start_matches("knock_"));
        tracing::info!(%user, outcome = verdict.word(), "knock processed");
        Ok(())
    }

    /// The vetting room is there (or not): ask.
    pub(super) async fn vetting_room(
        &self,
        entry: Entry,
        id: i64,
        room: Result<OwnedRoomId, String>,
    ) -> Result<(), WorkError> {
        let room = match room {
            Ok(room) => room,
            Err(reason) => {
                self.store
                    .run(move |tx| {
                        if let Some(failed) = vetting::by_id(tx, id)?.filter(|vetting| !vetting.closed) {
                            codes::give_back(tx, &failed.code)?;
                            vetting::close(tx, id, "create_failed")?;
                            audit::write(tx, "vetting_failed", &json!({ "mxid": failed.mxid, "errcode": reason }))?;
                        }
                        queue::done(tx, Queue::Inbox, entry.id)
                    })
                    .await?;
                return Ok(());
            }
        };
        let challenge = self.source.challenge().await;
        let config = self.config.clone();
        self.store
            .run(move |tx| {
                let Some(vetting) = vetting::by_id(tx, id)? else {
                    return queue::done(tx, Queue::Inbox, entry.id);
                };
                if vetting.closed {
                    // Its time was up before its room was there.
                    promotion::leave(tx, HOST, &room, &key(id))?;
                } else if vetting.keyword.is_none() {
                    vetting::set_challenge(tx, id, &challenge.title, &challenge.keyword)?;
                    let greeting = format!("hi! to join {},", config.flow.community);
                    let text = challenge.message(&greeting, vetting.tries_left);
                    promotion::say(tx, HOST, &room, &format!("{}:challenge", key(id)), text)?;
                }
                queue::done(tx, Queue::Inbox, entry.id)
            })
            .await?;
        Ok(())
    }

    pub(super) async fn vetting_answer(
        &self,
        entry: Entry,
        vetting: Vetting,
        room: OwnedRoomId,
        sender: OwnedUserId,
        body: String,
    ) -> Result<(), WorkError> {
        if vetting.closed || vetting.mxid != sender.as_str() {
            return self.drop_row(&entry).await;
        }
        let (Some(title), Some(keyword)) = (vetting.title, vetting.keyword) else {
            return Err(WorkError::NotYet("the challenge is being fetched"));
        };
        let (room_ref, sender_ref) = (&room, &sender);
        let name = self
            .team
            .identity(HOST)
            .call(|live| async move { matrix::display_name(&live, room_ref, sender_ref).await })
            .await?;
        let verdict = judge(&body, &keyword, name.as_deref());
        let passed = verdict.is_ok();
        let config = self.config.clone();
        self.store
            .run(move |tx| {
                if !queue::done(tx, Queue::Inbox, entry.id)? {
                    return Ok(());
                }
                let key = key(vetting.id);
                let Err(miss) = verdict else {
                    let name = name.unwrap_or_default();
                    vetting::promote(tx, vetting.id, &name)?;
                    queue::cancel(tx, Queue::Inbox, &format!("{key}:timeout"))?;
                    let passed = Promotion {
                        user: &sender,
                        name: &name,
                        title: &title,
                        keyword: &keyword,
                        haiku: &body,
                        room: &room,
                        closing: "",
                        host: HOST,
                        key: &key,
                    };
                    return promotion::promote(tx, &config, &passed);
                };
                vetting::miss(tx, vetting.id)?;
                let left = vetting.tries_left.saturating_sub(1);
                let reply = format!("{key}:reply:{}", entry.id);
                promotion::say(tx, HOST, &room, &reply, refusal_text(&miss.to_string(), left))?;
                if left == 0 {
                    vetting::close(tx, vetting.id, "tries_exhausted")?;
                    queue::cancel(tx, Queue::Inbox, &format!("{key}:timeout"))?;
                    audit::write(
                        tx,
                        "vetting_closed",
                        &json!({ "mxid": sender, "reason": "tries_exhausted" }),
                    )?;
                    promotion::leave(tx, HOST, &room, &key)?;
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        self.metrics.count("haiku", if passed { "passed" } else { "missed" });
        Ok(())
    }

    pub(super) async fn vetting_timeout(&self, entry: Entry, id: i64) -> Result<(), WorkError> {
        self.store
            .run(move |tx| {
                if let Some(late) = vetting::by_id(tx, id)?.filter(|vetting| !vetting.closed) {
                    vetting::close(tx, id, "timeout")?;
                    audit::write(tx, "vetting_closed", &json!({ "mxid": late.mxid, "reason": "timeout" }))?;
                    if let Some(room) = late.room_id.and_then(|room| OwnedRoomId::try_from(room).ok()) {
                        promotion::leave(tx, HOST, &room, &key(id))?;
                    }
                }
                queue::done(tx, Queue::Inbox, entry.id)
            })
            .await?;
        Ok(())
    }
}

/// What is said of a miss.
pub(super) fn refusal_text(reason: &str, left: u32) -> String {
    match left {
        0 => format!("not yet — {reason}. out of tries"),
        left => format!("not yet — {reason}. {left} tries left."),
    }
}

/// Decides on a knock, and begins its vetting.
fn take_knock(
    tx: &Transaction<'_>,
    config: &Config,
    user: &OwnedUserId,
    event: &str,
    code: &str,
) -> Result<Verdict, StoreError> {
    // Knocking again while one is being asked is no second knock.
    if vetting::open_for(tx, user.as_str())?.is_some() {
        return Ok(Verdict::Repeated);
    }
    if codes::take(tx, codes::Kind::Knock, code)?.is_none() {
        return Ok(Verdict::UnknownCode);
    }
    let Some(id) = vetting::begin(tx, event, user.as_str(), code, config.flow.vetting_tries)? else {
        codes::give_back(tx, code)?;
        return Ok(Verdict::Repeated);
    };
    let purpose = Purpose::Vetting { id, user: user.clone() };
    outbox::put(
        tx,
        HOST,
        &key(id),
        &format!("{}:room", key(id)),
        Effect::CreateRoom { purpose },
    )?;
    let timeout = i64::try_from(config.flow.vetting_timeout.as_millis()).unwrap_or(i64::MAX);
    let due = now_ms().saturating_add(timeout);
    let step = Step::VettingTimeout { id };
    queue::put(tx, Queue::Inbox, &format!("{}:timeout", key(id)), &key(id), &step, due)?;
    Ok(Verdict::Accepted)
}
