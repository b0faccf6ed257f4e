//! Forgets rooms that were left and in which nothing more is to be done, so that a bot that has closed many rooms needs no
//! more memory than one that has closed few.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use matrix_sdk::ruma::OwnedRoomId;
use tokio::task::JoinHandle;

use super::{Handle, supervisor::Supervisor};

/// How often to look for such rooms.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The forgetting of one generation.
#[derive(Debug, Default)]
pub(super) struct Forgetting {
    next: Option<Instant>,
    /// Each is asked for once: a homeserver that refuses would be asked for ever.
    asked: HashSet<OwnedRoomId>,
    work: Option<JoinHandle<()>>,
}

impl Forgetting {
    fn is_due(&self, now: Instant) -> bool {
        let idle = self.work.as_ref().is_none_or(JoinHandle::is_finished);
        idle && self.next.is_none_or(|next| now >= next)
    }
}

impl Supervisor {
    /// Forgets the rooms that are over, beside the sync.
    pub(super) async fn forget(&self, handle: &Handle, over: &mut Forgetting) {
        let now = Instant::now();
        if !over.is_due(now) {
            return;
        }
        over.next = Some(now + LOOK_EVERY);
        let left = handle.client.left_rooms();
        let left = left.iter().map(|room| room.room_id().to_owned());
        let left: Vec<OwnedRoomId> = left.filter(|room| !over.asked.contains(room)).collect();
        if left.is_empty() {
            return;
        }
        match self.intake.finished(left).await {
            Ok(rooms) => {
                over.asked.extend(rooms.iter().cloned());
                over.work = Some(tokio::spawn(forget_all(handle.clone(), rooms)));
            }
            Err(error) => tracing::warn!(role = self.role.name(), %error, "rooms that are over are not forgotten"),
        }
    }
}

/// One after the other, and no longer than the generation lasts: the next one looks for itself.
async fn forget_all(handle: Handle, rooms: Vec<OwnedRoomId>) {
    let over = handle.ended.clone();
    let work = async {
        for room in rooms.iter().filter_map(|room| handle.client.get_room(room)) {
            // Somebody may have invited us again meanwhile.
            if let Err(error) = room.forget().await {
                tracing::debug!(room = %room.room_id(), %error, "a room is not forgotten");
            }
        }
    };
    over.run_until_cancelled(work).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rooms_are_looked_for_at_once_then_from_time_to_time_and_never_twice_at_once() {
        let mut over = Forgetting::default();
        let now = Instant::now();
        assert!(over.is_due(now));
        over.next = Some(now + LOOK_EVERY);
        assert!(!over.is_due(now));
        assert!(over.is_due(now + LOOK_EVERY));
        over.work = Some(tokio::spawn(std::future::pending()));
        assert!(!over.is_due(now + LOOK_EVERY));
    }
}
