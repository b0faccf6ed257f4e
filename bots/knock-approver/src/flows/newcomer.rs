//! What was said in a room before somebody came.
//!
//! The SDK shares a room's earlier keys only while inviting, and before the invite goes out (MSC4268): a slow or failing media store
//! would hold the invite up. So the invite goes out by itself, and the keys follow when the newcomer has joined: the invite that the
//! SDK then sends is refused, since a member cannot be invited, and nobody is invited twice.

use std::time::Duration;

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};

use super::Flows;
use crate::{
    config::Role,
    lanes::WorkError,
    matrix::{Failure, Membership},
    storage::{
        StoreError, facts, now_ms,
        queue::{self, Entry, Queue},
    },
    work::awaited,
};

/// How long one try may take.
const SHARING: Duration = Duration::from_secs(120);
/// Clients take keys for a day after they accepted the invite; later ones are for nothing. In milliseconds.
const WANTED: i64 = 24 * 3600 * 1000;

/// So long after a join the homeserver may still say that somebody is invited: continuwuity 26.7.3 may bring a join in the sync before it
/// counts. In milliseconds.
const SETTLING: i64 = 60 * 1000;

impl Flows {
    /// Somebody joined a room of the community: whoever the bot invited gets the room's earlier keys, beside everything else.
    pub(super) async fn newcomer(&self, entry: Entry, room: OwnedRoomId, user: OwnedUserId) -> Result<(), WorkError> {
        let fact = awaited(&room, &user);
        let key = fact.clone();
        let is_awaited = self.store.run(move |tx| facts::value(tx, &key)).await?.is_some();
        if is_awaited && entry.created + WANTED > now_ms() {
            let settles = entry.created + SETTLING > now_ms();
            let word = self.share(&room, &user, settles).await?;
            self.metrics.count("history_shares", word);
        }
        self.store
            .run(move |tx| {
                facts::forget_value(tx, &fact)?;
                queue::done(tx, Queue::Inbox, entry.id)?;
                Ok::<_, StoreError>(())
            })
            .await?;
        Ok(())
    }

    async fn share(&self, room: &OwnedRoomId, user: &OwnedUserId, settles: bool) -> Result<&'static str, WorkError> {
        let sharing = self.homeserver.share_history(Role::Approver, room, user);
        match tokio::time::timeout(SHARING, sharing).await {
            Ok(Ok(Membership::Invited)) if settles => Err(WorkError::NotYet(
                "the homeserver does not count the newcomer as joined yet",
            )),
            Ok(Ok(Membership::Joined)) => Ok("done"),
            Ok(Ok(_)) => Ok("left"),
            Ok(Err(Failure::Refused(no))) => {
                tracing::warn!(%room, %user, %no, "the room's history could not be shared");
                Ok("refused")
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(WorkError::NotYet("sharing the room's history took too long")),
        }
    }
}
