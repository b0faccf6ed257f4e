//! What is looked after from time to time.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    device::Proven,
    supervisor::{End, Supervisor},
};
use crate::{
    crypto::Shelf,
    healing::{Mark, Verdict},
    vault::PasswordState,
};

/// How often new room keys go into the escrow file.
const ESCROW_EVERY: Duration = Duration::from_secs(10 * 60);
/// The first time, soon after the start.
const ESCROW_FIRST: Duration = Duration::from_secs(60);
/// How often the device is compared with the server's record, and what is degraded is tried again.
const CHECK_EVERY: Duration = Duration::from_secs(3600);

/// When what is due.
#[derive(Debug)]
pub(super) struct Upkeep {
    escrow: Instant,
    check: Instant,
    password: Option<PasswordState>,
}

impl Upkeep {
    /// Nothing is due yet; `password` is what the generation was proven with, so that what was written since is noticed.
    pub(super) fn new(password: Option<PasswordState>) -> Self {
        let now = Instant::now();
        Self {
            escrow: now + ESCROW_FIRST,
            check: now + CHECK_EVERY,
            password,
        }
    }
}

impl Supervisor {
    /// Does what is due between two polls; `Some` where that ends the generation.
    pub(super) async fn maintain(&mut self, upkeep: &mut Upkeep, proven: &mut Proven) -> Option<End> {
        let now = Instant::now();
        if now >= upkeep.escrow {
            upkeep.escrow = now + ESCROW_EVERY;
            self.write_escrow(proven).await;
        }
        let password = self.healer.password_file().state();
        let changed = password.is_some() && password != upkeep.password;
        upkeep.password = password;
        if now < upkeep.check && !(changed && self.is_degraded()) {
            return None;
        }
        upkeep.check = now + CHECK_EVERY;
        if changed {
            Mark::PasswordChanged.hit(self.role);
        }
        self.check(proven).await
    }

    /// Has a store made for the device that may have to take this one's place.
    pub(super) fn provide_spare(&mut self, proven: &Proven) {
        if let Err(error) = proven.stores.make_spare(&mut self.spare) {
            tracing::warn!(role = self.role.name(), %error, "no store is made ahead");
        }
    }

    async fn check(&mut self, proven: &mut Proven) -> Option<End> {
        let compared = self
            .verdict(&proven.session, &proven.stores, &mut Shelf::default())
            .await;
        let verdict = match compared {
            Ok(verdict) => verdict,
            Err(end) => return Some(end),
        };
        if verdict != Verdict::Same && self.healer.usable_password().is_some() {
            tracing::warn!(role = self.role.name(), ?verdict, "the device is not healthy any more");
            return Some(End::Restart);
        }
        // What was in order an hour ago may be so no more: a backup can be deleted on the server.
        if let Err(end) = self.secure_account(proven).await {
            return Some(end);
        }
        self.tidy(proven, None).await;
        None
    }

    async fn write_escrow(&self, proven: &Proven) {
        if proven.prepared.escrow_unreadable.is_some() {
            return;
        }
        let keys = proven
            .stores
            .room_keys(&proven.session.device, &mut Shelf::default())
            .await;
        let written = match keys {
            Ok(mut keys) => proven.stores.escrow().add(&mut keys).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match written {
            Ok(_) => Mark::EscrowWritten.hit(self.role),
            Err(why) => tracing::warn!(role = self.role.name(), why, "the escrow file could not be written"),
        }
    }
}
