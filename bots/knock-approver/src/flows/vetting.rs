//! From a knock to an invite.

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use rusqlite::Transaction;
use serde_json::json;

use sha2::{Digest, Sha256};

use super::{Flows, promotion};
use crate::{
    challenge::{Miss, judge},
    config::{Config, Role},
    intake,
    lanes::WorkError,
    matrix::Membership,
    outcome::{Passed, Purpose, WITHDRAWN},
    storage::{
        StoreError, audit, codes, now_ms,
        queue::{self, Entry, Queue},
        vetting::{self, Vetting},
    },
    words,
    work::{self, Effect, Step},
};

const HOST: Role = Role::Approver;

/// What became of a knock: the words of the log line, the counter and the audit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KnockOutcome {
    Accepted,
    Repeated,
    UnknownCode,
    /// It does not stand any more.
    Stale,
}

impl KnockOutcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "knock_accepted",
            Self::Repeated => "knock_repeated",
            Self::UnknownCode => "knock_unknown_code",
            Self::Stale => "knock_stale",
        }
    }
}

fn key(id: i64) -> String {
    format!("vetting:{id}")
}

/// A knock as it was heard.
pub(super) struct Heard {
    pub(super) user: OwnedUserId,
    pub(super) event: String,
    pub(super) reason: String,
    pub(super) found: bool,
    pub(super) sent: i64,
}

/// A homeserver may send a knock in the sync before it counts. So long it is asked again, in milliseconds.
const SETTLING: i64 = 5000;
/// How far the old approver's clock may have been behind the homeserver's, in milliseconds.
const SKEW: i64 = 5 * 60 * 1000;

/// In milliseconds.
const HOUR: i64 = 3600 * 1000;
/// So often somebody is asked in an hour.
const VETTINGS_PER_HOUR: u32 = 6;

/// What the homeserver knows a knock's room by: the same in every database, so that one that was lost is found.
fn room_of_knock(event: &str) -> String {
    let digest = Sha256::digest(event.as_bytes());
    let short: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("knock.{short}")
}

impl Flows {
    pub(super) async fn knock(&self, entry: Entry, heard: Heard) -> Result<(), WorkError> {
        let settled = self.settled_before(&entry, &heard).await?;
        if settled.is_none() && self.put_off(&entry, &heard.user).await? {
            return Ok(());
        }
        let (config, user) = (self.config.clone(), heard.user.clone());
        let outcome = self
            .store
            .run(move |tx| {
                let outcome = match settled {
                    Some(outcome) => outcome,
                    None => take_knock(tx, &config, &heard)?,
                };
                // What the knocker wrote may be a secret sent to the wrong place: it is not kept.
                let detail = json!({ "mxid": heard.user, "event_id": heard.event });
                audit::write(tx, outcome.word(), &detail)?;
                queue::done(tx, Queue::Inbox, entry.id)?;
                Ok::<_, StoreError>(outcome)
            })
            .await?;
        self.metrics
            .count("knocks", outcome.word().trim_start_matches("knock_"));
        tracing::info!(%user, outcome = outcome.word(), "knock processed");
        Ok(())
    }

    /// What is to be said of a knock before a use of its code is taken; `None` where it is to be taken up.
    async fn settled_before(&self, entry: &Entry, heard: &Heard) -> Result<Option<KnockOutcome>, WorkError> {
        let (who, code) = (heard.user.to_string(), heard.reason.clone());
        let (open, is_live) = self
            .store
            .run(move |tx| {
                let open = vetting::open_for(tx, &who)?;
                Ok::<_, StoreError>((open, codes::is_live(tx, codes::Kind::Knock, &code)?))
            })
            .await?;
        // Knocking again while one is being asked is no second knock.
        if let Some(open) = open
            && !self.has_gone(&open, &heard.user).await?
        {
            return Ok(Some(KnockOutcome::Repeated));
        }
        if !is_live {
            return Ok(Some(KnockOutcome::UnknownCode));
        }
        let space = &self.config.flow.space;
        if heard.found && self.homeserver.answered_knocks(space).await?.contains(&heard.event) {
            return Ok(Some(KnockOutcome::Repeated));
        }
        let now = self.homeserver.member(HOST, space, &heard.user).await?;
        match now.membership {
            Membership::Knocking if intake::reason(&now.reason) == heard.reason => Ok(None),
            Membership::Out if now_ms() < entry.created + SETTLING => {
                Err(WorkError::NotYet("the homeserver does not count the knock yet"))
            }
            _ => Ok(Some(KnockOutcome::Stale)),
        }
    }

    /// Who knocks again and again waits until it is not often any more, and is served then if they still knock.
    async fn put_off(&self, entry: &Entry, user: &OwnedUserId) -> Result<bool, StoreError> {
        let (id, who) = (entry.id, user.to_string());
        let due = self.store.run(move |tx| {
            let (count, first) = vetting::since(tx, &who, now_ms().saturating_sub(HOUR))?;
            let due = first.filter(|_| count >= VETTINGS_PER_HOUR).map(|first| {
                // Whatever the clock was when the first of them began.
                first.saturating_add(HOUR).min(now_ms().saturating_add(HOUR))
            });
            if let Some(due) = due {
                queue::postpone(tx, Queue::Inbox, id, due)?;
            }
            Ok::<_, StoreError>(due)
        });
        let is_put_off = due.await?.is_some();
        if is_put_off {
            tracing::warn!(%user, "somebody knocks again and again, and waits");
        }
        Ok(is_put_off)
    }

    /// Whether a knocker has left the room in which they are asked, or never wanted to come; the vetting ends then.
    async fn has_gone(&self, open: &Vetting, user: &OwnedUserId) -> Result<bool, WorkError> {
        let Some(room) = open
            .room_id
            .as_deref()
            .and_then(|room| OwnedRoomId::try_from(room).ok())
        else {
            return Ok(false);
        };
        let guest = self.homeserver.member(HOST, &room, user).await;
        let is_there = match guest {
            Ok(guest) => matches!(guest.membership, Membership::Joined | Membership::Invited),
            // Nobody is asked where the bot cannot look.
            Err(crate::matrix::Failure::Refused(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if !is_there {
            let open = open.clone();
            self.store.run(move |tx| end(tx, &open, "declined")).await?;
        }
        Ok(!is_there)
    }

    /// Somebody has left the space or was banned: if they were knocking, they do so no more.
    pub(super) async fn knock_ended(&self, entry: Entry, user: OwnedUserId) -> Result<(), WorkError> {
        let who = user.to_string();
        let open = self.store.run(move |tx| vetting::open_for(tx, &who)).await?;
        if let Some(open) = open.filter(|open| open.room_id.is_some())
            && knocks_no_more(self.membership(&user).await?)
        {
            self.store.run(move |tx| end(tx, &open, WITHDRAWN)).await?;
        }
        self.drop_row(&entry).await
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
        let (Some(title), Some(keyword)) = (vetting.title.clone(), vetting.keyword.clone()) else {
            return Err(WorkError::NotYet("the challenge is being fetched"));
        };
        let name = self.homeserver.display_name(HOST, &room, &sender).await?;
        let verdict = judge(&body, &keyword, name.as_deref());
        let passed = verdict.is_ok();
        let now = match passed {
            true => self.membership(&sender).await?,
            false => Membership::Knocking,
        };
        let haiku = Passed {
            user: sender,
            name: name.unwrap_or_default(),
            title,
            keyword,
            haiku: body,
            room,
            closing: String::new(),
            host: HOST,
            knocks: true,
            key: key(vetting.id),
        };
        let config = self.config.clone();
        self.store
            .run(move |tx| {
                if !queue::done(tx, Queue::Inbox, entry.id)? {
                    return Ok(());
                }
                match verdict {
                    Ok(()) => let_through(tx, &config, &vetting, now, haiku),
                    Err(miss) => missed(tx, &vetting, &haiku.room, entry.id, &miss),
                }
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
                    answered(tx, &late)?;
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

/// A haiku has passed, and this is what its writer is to the space by now.
fn let_through(
    tx: &Transaction<'_>,
    config: &Config,
    vetting: &Vetting,
    now: Membership,
    passed: Passed,
) -> Result<(), StoreError> {
    // The sync may have left out that somebody said no meanwhile.
    if knocks_no_more(now) {
        return end(tx, vetting, WITHDRAWN);
    }
    queue::cancel(tx, Queue::Inbox, &format!("{}:timeout", passed.key))?;
    if now == Membership::Joined {
        vetting::close(tx, vetting.id, "already_member")?;
        return promotion::already_in(tx, config, HOST, &passed.room, &passed.key);
    }
    vetting::promote(tx, vetting.id, &words::name(&passed.name))?;
    promotion::promote(tx, config, passed)
}

/// An answer, by this row of the inbox, has not passed.
fn missed(
    tx: &Transaction<'_>,
    vetting: &Vetting,
    room: &OwnedRoomId,
    answer: i64,
    miss: &Miss,
) -> Result<(), StoreError> {
    let left = vetting.tries_left.saturating_sub(1);
    vetting::miss(tx, vetting.id)?;
    let reply = format!("{}:reply:{answer}", key(vetting.id));
    promotion::say(tx, HOST, room, &reply, refusal_text(&miss.to_string(), left))?;
    match left {
        0 => exhausted(tx, vetting, room),
        _ => Ok(()),
    }
}

/// No try is left.
fn exhausted(tx: &Transaction<'_>, open: &Vetting, room: &OwnedRoomId) -> Result<(), StoreError> {
    let key = key(open.id);
    vetting::close(tx, open.id, "tries_exhausted")?;
    queue::cancel(tx, Queue::Inbox, &format!("{key}:timeout"))?;
    let detail = json!({ "mxid": open.mxid, "reason": "tries_exhausted" });
    audit::write(tx, "vetting_closed", &detail)?;
    answered(tx, open)?;
    promotion::leave(tx, HOST, room, &key)
}

/// The knock still stands, and is dealt with: also for a database that begins anew.
fn answered(tx: &Transaction<'_>, ended: &Vetting) -> Result<(), StoreError> {
    let Some(knock) = ended.knock.clone() else {
        return Ok(());
    };
    // One after another, whoever knocked: what the homeserver keeps is one list.
    let (lane, key) = ("answered-knocks", format!("{}:answered", key(ended.id)));
    work::put(tx, HOST, lane, &key, Effect::Answered { knock })?;
    Ok(())
}

/// Whether somebody who knocked took it back, or was declined or banned.
const fn knocks_no_more(now: Membership) -> bool {
    matches!(now, Membership::Out | Membership::Banned)
}

/// What is said of a miss.
pub(super) fn refusal_text(reason: &str, left: u32) -> String {
    match left {
        0 => format!("not yet — {reason}. out of tries"),
        left => format!("not yet — {reason}. {left} tries left."),
    }
}

/// Ends a vetting before its time.
pub(super) fn end(tx: &Transaction<'_>, open: &Vetting, reason: &str) -> Result<(), StoreError> {
    let key = key(open.id);
    vetting::close(tx, open.id, reason)?;
    queue::cancel(tx, Queue::Inbox, &format!("{key}:timeout"))?;
    audit::write(tx, "vetting_closed", &json!({ "mxid": open.mxid, "reason": reason }))?;
    if let Some(room) = open
        .room_id
        .as_deref()
        .and_then(|room| OwnedRoomId::try_from(room).ok())
    {
        // Nobody hears any more what was to be said there.
        queue::cancel_lane(tx, Queue::Outbox, room.as_str())?;
        promotion::leave(tx, HOST, &room, &key)?;
    }
    Ok(())
}

/// Decides on a knock that stands, and begins its vetting.
fn take_knock(tx: &Transaction<'_>, config: &Config, heard: &Heard) -> Result<KnockOutcome, StoreError> {
    let Heard {
        user,
        event,
        reason: code,
        found,
        sent,
    } = heard;
    if vetting::open_for(tx, user.as_str())?.is_some() {
        return Ok(KnockOutcome::Repeated);
    }
    if *found && vetting::adopt(tx, event, user.as_str(), sent.saturating_sub(SKEW))? {
        return Ok(KnockOutcome::Repeated);
    }
    if codes::take(tx, codes::Kind::Knock, code)?.is_none() {
        return Ok(KnockOutcome::UnknownCode);
    }
    let Some(id) = vetting::begin(tx, event, user.as_str(), code, config.flow.vetting_tries)? else {
        codes::give_back(tx, code)?;
        return Ok(KnockOutcome::Repeated);
    };
    let effect = Effect::CreateRoom {
        purpose: Purpose::Vetting { id, user: user.clone() },
        known_as: Some(room_of_knock(event)),
        look: *found,
    };
    work::put(tx, HOST, &key(id), &format!("{}:room", key(id)), effect)?;
    let timeout = i64::try_from(config.flow.vetting_timeout.as_millis()).unwrap_or(i64::MAX);
    let due = now_ms().saturating_add(timeout);
    let step = Step::VettingTimeout { id };
    queue::put(tx, Queue::Inbox, &format!("{}:timeout", key(id)), &key(id), &step, due)?;
    Ok(KnockOutcome::Accepted)
}
