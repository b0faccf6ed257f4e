//! An intake beside which the community's rooms are watched.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use matrix_sdk::{ruma::OwnedRoomId, sync::SyncResponse};

use super::{News, news::of_batch, place::places};
use crate::{
    config::{Config, Role},
    identity::{Intake, IntakeError, Live},
};

/// Hands everything on, and tells the monitor which rooms changed.
pub struct Watched {
    inner: Arc<dyn Intake>,
    rooms: BTreeSet<OwnedRoomId>,
    news: News,
}

impl Watched {
    /// Watches the rooms of this configuration.
    pub fn new(inner: Arc<dyn Intake>, config: &Config, news: News) -> Self {
        Self {
            inner,
            rooms: places(config).into_iter().map(|(room, _)| room).collect(),
            news,
        }
    }
}

#[async_trait]
impl Intake for Watched {
    async fn position(&self, role: Role) -> Result<Option<String>, IntakeError> {
        self.inner.position(role).await
    }

    async fn take(&self, role: Role, live: &Live, batch: &SyncResponse, next: &str) -> Result<(), IntakeError> {
        self.inner.take(role, live, batch, next).await?;
        if role == Role::Approver {
            for (room, absence) in of_batch(batch, &live.user_id, |room| self.rooms.contains(room)) {
                self.news.tell(room, absence);
            }
        }
        Ok(())
    }

    async fn resumed(&self, role: Role, live: &Live) -> Result<(), IntakeError> {
        self.inner.resumed(role, live).await?;
        if role == Role::Approver {
            for room in &self.rooms {
                self.news.tell(room.clone(), None);
            }
        }
        Ok(())
    }

    async fn finished(&self, rooms: Vec<OwnedRoomId>) -> Result<Vec<OwnedRoomId>, IntakeError> {
        // One of the community's rooms is never over: who was thrown out may be asked back.
        let rooms = rooms.into_iter().filter(|room| !self.rooms.contains(room)).collect();
        self.inner.finished(rooms).await
    }
}
