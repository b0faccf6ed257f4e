//! Whether the device is healthy, and a client on it.

use std::{collections::BTreeSet, time::Duration};

use matrix_sdk::{Client, ruma::OwnedDeviceId};
use tokio::{
    join,
    time::{sleep, timeout},
};

use super::{
    dead::looks_dead,
    supervisor::{End, Supervisor, chance},
    sync::{filling, settings},
};
use crate::{
    crypto::{OpenError, Prepared, Shelf, StoreError, Stores, open, secure},
    healing::{Backoff, Course, Local, Mark, Verdict, continuity, course},
    health::Degraded,
    session::{Attempt, KeysAnswer, Session},
    vault::PasswordState,
};

/// More new devices than this in one heal are no cure.
const NEW_DEVICES: u32 = 2;
/// For cross-signing and backup before an identity serves; what takes longer is tried again by the upkeep.
const TRUST_PATIENCE: Duration = Duration::from_secs(30);

/// A session whose device is as healthy as it can be made, with a client on it.
pub(super) struct Proven {
    pub(super) session: Session,
    pub(super) client: Client,
    pub(super) stores: Stores,
    pub(super) prepared: Prepared,
    /// Whether trust and backup are as they should be.
    pub(super) trusted: bool,
    /// The state of the password file before anything was proven.
    pub(super) password: Option<PasswordState>,
}

impl Supervisor {
    /// Compares the device with the server's record, takes a new one where needed and possible, and opens a client.
    pub(super) async fn prove(&mut self, session: Session, mut shelf: Shelf) -> Result<Proven, End> {
        let password = self.healer.password_file().state();
        let stores = self.broken(Stores::new(self.role, &session.user, self.healer.vault()))?;
        let (session, verdict) = self.healthy_device(session, &stores, &mut shelf).await?;
        let carried_before = self.broken(stores.carried_to(&session.device))?;
        let prepared = stores.prepare(&session.device, &mut self.spare, &mut shelf).await;
        let prepared = self.broken(prepared)?;
        self.note_stores(&prepared);
        let client = self.client(&session, &stores, &mut shelf).await?;
        if verdict == Verdict::FirstUse {
            self.check_published(&session, &stores, &mut shelf).await?;
        }
        drop(shelf);
        let mut proven = Proven {
            session,
            client,
            stores,
            prepared,
            trusted: false,
            password,
        };
        self.secure_account(&mut proven).await?;
        self.tidy(&proven, (verdict == Verdict::Same).then_some(&carried_before))
            .await;
        Ok(proven)
    }

    async fn healthy_device(
        &mut self,
        mut session: Session,
        stores: &Stores,
        shelf: &mut Shelf,
    ) -> Result<(Session, Verdict), End> {
        let mut taken = 0;
        let mut backoff = Backoff::default();
        loop {
            let verdict = self.verdict(&session, stores, shelf).await?;
            mark(verdict).hit(self.role);
            let can_log_in = taken < NEW_DEVICES && self.healer.usable_password().is_some();
            match course(verdict, can_log_in) {
                Course::GoOn => {
                    self.note("continuity", None);
                    return Ok((session, verdict));
                }
                Course::GoOnDegraded => {
                    Mark::ContinuityDegraded.hit(self.role);
                    if verdict == Verdict::StoreUnreadable {
                        self.broken(stores.put_aside(&session.device, shelf))?;
                    }
                    if !stores.has(&session.device) {
                        self.broken(stores.begin_makeshift(&session.device))?;
                    }
                    self.note("continuity", Some(self.deaf(verdict)));
                    return Ok((session, verdict));
                }
                Course::NewDevice => {
                    self.say_healing(format!("taking a new device: {}", what_is_wrong(verdict)));
                    self.escrow_before_change(&session, stores, shelf).await;
                    let attempt = self.healer.take_new_device().await;
                    match self.broken(attempt.map_err(StoreError::from))? {
                        Attempt::Live(new) => {
                            taken += 1;
                            session = new;
                        }
                        Attempt::Wait(delay, why) => {
                            self.say_healing(format!("waiting for the homeserver: {why}"));
                            sleep(backoff.next(delay, chance())).await;
                        }
                        // The password is spent now, so the next round goes on without a new device.
                        Attempt::Stuck(_) => {}
                    }
                }
            }
        }
    }

    /// Compares the local account with what the server hands out.
    pub(super) async fn verdict(
        &mut self,
        session: &Session,
        stores: &Stores,
        shelf: &mut Shelf,
    ) -> Result<Verdict, End> {
        let server = self.healer.server();
        let asked = || server.device_keys(&session.token, &session.user, &session.device);
        let (local, mut answer) = join!(stores.local(&session.device, shelf), asked());
        let local = self.broken(local)?;
        let mut backoff = Backoff::default();
        loop {
            match answer {
                KeysAnswer::Keys(curve, ed) => return Ok(continuity(&local, Some(&(curve, ed)))),
                KeysAnswer::None => return Ok(continuity(&local, None)),
                KeysAnswer::Dead => return Err(End::DeadToken),
                KeysAnswer::Unknown(delay, why) => {
                    self.say_healing(format!("waiting for the homeserver: {why}"));
                    sleep(backoff.next(delay, chance())).await;
                    answer = asked().await;
                }
            }
        }
    }

    /// Opens the client, and fills its store first if that knows no rooms: the intake's position may be far beyond the
    /// start, and a client that does not know a room cannot work in it.
    async fn client(&mut self, session: &Session, stores: &Stores, shelf: &mut Shelf) -> Result<Client, End> {
        let mut backoff = Backoff::default();
        loop {
            let position = self.intake.position().await;
            let position = position.map_err(|error| {
                self.say_broken(&error.to_string());
                End::Restart
            })?;
            let opened = open(
                self.healer.server(),
                session,
                stores,
                shelf,
                position.as_deref(),
                self.config.customize,
            )
            .await;
            let (client, standing) = self.broken(opened.map_err(BrokenStore::from))?;
            if standing.is_rewound() {
                Mark::SyncPositionRewound.hit(self.role);
            }
            if !standing.is_fresh() {
                return Ok(client);
            }
            let filled = client.sync_once(settings(None, Duration::ZERO, filling())).await;
            client.encryption().wait_for_e2ee_initialization_tasks().await;
            drop(client);
            match filled {
                // The same client cannot go on: it would ignore the first batch if that ends where this one did.
                Ok(_) => Mark::StorePrimed.hit(self.role),
                Err(error) if looks_dead(&error) && self.token_is_dead(session).await => return Err(End::DeadToken),
                Err(error) => {
                    self.say_healing(format!("waiting for the homeserver: {error}"));
                    sleep(backoff.next(Duration::ZERO, chance())).await;
                }
            }
        }
    }

    /// After a first use, the keys must be on the server.
    async fn check_published(&mut self, session: &Session, stores: &Stores, shelf: &mut Shelf) -> Result<(), End> {
        let now = self.verdict(session, stores, shelf).await?;
        let published = matches!(
            stores.local(&session.device, shelf).await,
            Ok(Local::Account { published: true, .. })
        );
        self.note("continuity", (now != Verdict::Same).then(|| self.deaf(now)));
        tracing::debug!(role = self.role.name(), ?now, published, "first use of a device");
        Ok(())
    }

    /// Cross-signing and backup.
    pub(super) async fn secure_account(&mut self, proven: &mut Proven) -> Result<(), End> {
        let password = self.healer.usable_password();
        let work = secure(
            self.role,
            &proven.client,
            &proven.session.user,
            self.healer.vault(),
            password.as_ref(),
            &proven.prepared.secrets,
        );
        proven.trusted = false;
        match timeout(TRUST_PATIENCE, work).await {
            Ok(Ok(trust)) => {
                proven.trusted = trust.cross_signing.is_none() && trust.backup.is_none();
                self.note("cross-signing", trust.cross_signing);
                self.note("backup", trust.backup);
            }
            Ok(Err(error)) => {
                if error.request().is_some_and(looks_dead) && self.token_is_dead(&proven.session).await {
                    return Err(End::DeadToken);
                }
                self.note("backup", Some(later(&error.to_string())));
            }
            Err(_) => self.note("backup", Some(later("it takes too long"))),
        }
        Ok(())
    }

    /// Logs out devices left behind and removes stores that were carried over, as far as nothing can be lost by it.
    pub(super) async fn tidy(&mut self, proven: &Proven, carried_before: Option<&BTreeSet<OwnedDeviceId>>) {
        let safe = proven.prepared.escrow_unreadable.is_none();
        let may_go =
            |device: &OwnedDeviceId| safe && (!proven.stores.has(device) || proven.prepared.carried.contains(device));
        if safe
            && proven.trusted
            && proven.prepared.fresh
            && let Err(error) = self.healer.recollect_left_devices(&proven.session).await
        {
            tracing::warn!(role = self.role.name(), %error, "devices of a former life are not recollected");
        }
        match self.healer.remove_left_devices(&proven.session, may_go).await {
            Ok(left) => self.note("left-devices", left_devices(&left)),
            Err(error) => tracing::warn!(role = self.role.name(), %error, "devices left behind stay"),
        }
        if let Some(carried) = carried_before.filter(|_| safe)
            && let Err(error) = proven.stores.remove_proven(&proven.session.device, carried)
        {
            tracing::warn!(role = self.role.name(), %error, "an old store stays");
        }
    }

    async fn escrow_before_change(&self, session: &Session, stores: &Stores, shelf: &mut Shelf) {
        if !stores.has(&session.device) {
            return;
        }
        let written = match stores.room_keys(&session.device, shelf).await {
            Ok(mut keys) => stores.escrow().add(&mut keys).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match written {
            Ok(keys) => {
                Mark::EscrowWritten.hit(self.role);
                tracing::info!(
                    role = self.role.name(),
                    keys,
                    "escrow written before the change of device"
                );
            }
            Err(why) => tracing::warn!(role = self.role.name(), why, "no escrow before the change of device"),
        }
    }

    fn note_stores(&self, prepared: &Prepared) {
        let kept = prepared
            .kept
            .iter()
            .map(|(_, why)| why.as_str())
            .collect::<Vec<_>>()
            .join("; ");
        self.note(
            "old-stores",
            (!kept.is_empty()).then(|| Degraded {
                what: format!("room keys of an older device could not be carried over, and its store is kept: {kept}"),
                cure: "bring the folder that the message names back from a backup, or move it away if its keys are not needed \
                       (those in the key backup are not lost), and restart"
                    .to_owned(),
            }),
        );
        self.note(
            "escrow",
            prepared.escrow_unreadable.as_ref().map(|why| Degraded {
                what: format!("no old device or store is removed while room keys in escrow cannot be read: {why}"),
                cure: "restore the file that the message names, then restart".to_owned(),
            }),
        );
    }

    fn deaf(&self, verdict: Verdict) -> Degraded {
        Degraded {
            what: format!("encrypted messages may not reach the bot: {}", what_is_wrong(verdict)),
            cure: format!(
                "write the password of {} into {} and restart: the bot then takes a new device",
                self.healer.localpart().unwrap_or_default(),
                self.healer.password_file().path().display()
            ),
        }
    }

    /// Says what is in the way on this machine, and starts over.
    pub(super) fn broken<T, E: std::error::Error>(&self, result: Result<T, E>) -> Result<T, End> {
        result.map_err(|error| {
            self.say_broken(&error.to_string());
            End::Restart
        })
    }
}

/// Names the store in the complaint, whichever part of opening failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct BrokenStore(#[from] OpenError);

fn later(why: &str) -> Degraded {
    Degraded {
        what: format!("it is not known whether cross-signing and key backup are in order: {why}"),
        cure: "nothing to do: it is tried again within the hour".to_owned(),
    }
}

fn left_devices(left: &[OwnedDeviceId]) -> Option<Degraded> {
    (!left.is_empty()).then(|| Degraded {
        what: format!(
            "devices that are not used any more are still there: {}",
            left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
        cure: "see that the password file holds the right password and that no other note stands here; they are then \
               removed by themselves"
            .to_owned(),
    })
}

const fn what_is_wrong(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "the server has the keys of this device",
        Verdict::FirstUse => "the keys of this device are not published",
        Verdict::KeysGone => "the server has no keys for this device any more",
        Verdict::KeysDiffer => "the server has other keys for this device",
        Verdict::StoreLost => "the crypto store of this device is gone",
        Verdict::StoreUnreadable => "the crypto store of this device cannot be opened",
    }
}

const fn mark(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Same => Mark::ContinuitySame,
        Verdict::FirstUse => Mark::ContinuityFirstUse,
        Verdict::KeysGone => Mark::ContinuityKeysGone,
        Verdict::KeysDiffer => Mark::ContinuityKeysDiffer,
        Verdict::StoreLost => Mark::ContinuityStoreLost,
        Verdict::StoreUnreadable => Mark::ContinuityStoreUnreadable,
    }
}
