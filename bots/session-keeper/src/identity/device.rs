//! Whether the device is healthy, and a client on it.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{Client, ruma::OwnedDeviceId};

use super::{
    check::{Compared, Secured, compare},
    curable::Curable,
    supervisor::{Damaged, End, Supervisor},
    sync::{filling, settings},
    token_errors::looks_dead,
};
use crate::{
    crypto::{Depth, Inherited, OpenError, OpenStores, Prepared, StoreError, Stores, open},
    healing::{About, Backoff, Class, Course, Expected, Local, Mark, Verdict, course},
    health::Degraded,
    session::{HealOutcome, Session, refusal_of},
    vault::PasswordState,
};

/// More new devices than this in one heal are no cure.
const NEW_DEVICES: u32 = 2;

/// A session whose device is as healthy as it can be made, with a client on it.
pub(super) struct Proven {
    pub(super) session: Session,
    pub(super) client: Client,
    pub(super) stores: Stores,
    pub(super) prepared: Prepared,
    /// What an older device's store has of the account's secrets.
    pub(super) secrets: Arc<Inherited>,
    /// Whether everything was found out about device, trust and backup.
    pub(super) settled: bool,
    /// The state of the password file before anything was proven.
    pub(super) password: Option<PasswordState>,
}

impl Supervisor {
    /// Compares the device with the server's record, takes a new one where needed and possible, and opens a client.
    pub(super) async fn prove(&mut self, session: Session, mut open_stores: OpenStores) -> Result<Proven, End> {
        let password = self.healer.password_source().state();
        let stores = self.stores(&session)?;
        let (session, verdict) = self.healthy_device(session, &stores, &mut open_stores).await?;
        let carried_before = self.broken(stores.carried_to(&session.device))?;
        let prepared = stores
            .prepare(&session.device, &mut self.standby, &mut open_stores)
            .await;
        let mut prepared = self.broken(prepared)?;
        self.note_stores(&prepared);
        let client = self.client(&session, &stores, &mut open_stores).await?;
        if verdict == Some(Verdict::FirstUse) {
            self.check_published(&session, &stores, &mut open_stores).await?;
        }
        drop(open_stores);
        let mut proven = Proven {
            secrets: Arc::new(std::mem::take(&mut prepared.secrets)),
            session,
            client,
            stores,
            prepared,
            settled: verdict.is_some(),
            password,
        };
        let mut check = self.new_check(&proven);
        check.tidying.carried_before = (verdict == Some(Verdict::Same)).then_some(carried_before);
        let secured = check.secure(&Depth::Known).await;
        if matches!(secured, Secured::LooksDead)
            && let Some(end) = self.end_of_token(&proven.session).await
        {
            return Err(end);
        }
        let trusted = secured.is_whole();
        proven.settled &= self.note_trust(secured);
        let unlooked = check.leftovers.are_to_be_recollected(&proven.session);
        if self.broken(unlooked)? {
            // Which devices are left behind, and which another copy's, is known only with the claim before this one.
            if let Some(end) = self.claim(&proven.session).await {
                return Err(end);
            }
            check.leftovers = self.leftovers();
        }
        let left = check.tidy(trusted).await;
        self.note_left(left);
        Ok(proven)
    }

    /// The stores, with another key where the one there is cannot be used: a new device will do where a password makes one.
    fn stores(&self, session: &Session) -> Result<Stores, End> {
        let vault = self.healer.vault();
        let mut stores = Stores::new(self.role, &session.user, vault);
        if matches!(stores, Err(StoreError::Key { .. })) && self.healer.usable_password().is_some() {
            self.broken(Stores::put_key_aside(vault))?;
            stores = Stores::new(self.role, &session.user, vault);
        }
        self.broken(stores)
    }

    /// Comes to a device that is as healthy as it can be made. The verdict is `None` where the server does not say what
    /// keys it hands out, and the local store is whole.
    async fn healthy_device(
        &mut self,
        mut session: Session,
        stores: &Stores,
        open_stores: &mut OpenStores,
    ) -> Result<(Session, Option<Verdict>), End> {
        let mut taken = 0;
        let mut backoff = Backoff::default();
        let mut password = self.healer.password_source().state();
        loop {
            let can_log_in = taken < NEW_DEVICES && self.healer.usable_password().is_some();
            let compared = compare(self.healer.server(), &session, stores, open_stores).await;
            let verdict = match self.broken(compared)? {
                Compared::Known(verdict) => {
                    self.healer.token_works();
                    verdict
                }
                Compared::Dead => return Err(End::DeadToken),
                Compared::Unknown(local, why) => match self.guess(&session, &local, can_log_in).await {
                    Some(Verdict::Same) => {
                        self.note("continuity", Some(keys_unknown(&why)));
                        return Ok((session, None));
                    }
                    Some(verdict) => verdict,
                    None => {
                        let wait = self.say_waiting(&why, Duration::ZERO, &mut backoff);
                        if self.wait_for_operator(wait, &mut password).await {
                            backoff.reset();
                        }
                        continue;
                    }
                },
            };
            mark(verdict).hit(self.role);
            match course(verdict, can_log_in) {
                Course::GoOn => {
                    self.note("continuity", None);
                    return Ok((session, Some(verdict)));
                }
                Course::GoOnDegraded => {
                    self.go_on_degraded(&session, verdict, stores, open_stores)?;
                    return Ok((session, Some(verdict)));
                }
                Course::NewDevice => {
                    self.say_healing(format!("taking a new device: {}", what_is_wrong(verdict)));
                    self.escrow_before_change(&session, stores, open_stores).await;
                    let attempt = self.healer.take_new_device().await;
                    match self.broken(attempt)? {
                        HealOutcome::Live(new) => {
                            taken += 1;
                            session = new;
                        }
                        HealOutcome::Wait(delay, why) => {
                            let wait = self.say_waiting(&why, delay, &mut backoff);
                            if self.wait_for_operator(wait, &mut password).await {
                                backoff.reset();
                            }
                        }
                        // The password is spent now, so the next round goes on without a new device.
                        HealOutcome::Blocked(_) => {}
                    }
                }
            }
        }
    }

    /// What is concluded where the server does not say what keys it hands out; `None`: wait.
    async fn guess(&mut self, session: &Session, local: &Local, can_log_in: bool) -> Option<Verdict> {
        let is_new = self.healer.has_made(&session.device);
        // An outage must not cost a device: only this one request may fail.
        let whole = !matches!(local, Local::Missing) || self.is_answered(session).await;
        without_the_server(local, is_new, can_log_in).filter(|_| whole)
    }

    /// Whether the homeserver answers otherwise, and the token lives.
    async fn is_answered(&mut self, session: &Session) -> bool {
        let expected = Expected::User(session.user.clone());
        matches!(
            self.healer.ask_whoami(&session.token, &expected).await,
            Class::Alive { .. }
        )
    }

    fn go_on_degraded(
        &self,
        session: &Session,
        verdict: Verdict,
        stores: &Stores,
        open_stores: &mut OpenStores,
    ) -> Result<(), End> {
        Mark::ContinuityDegraded.hit(self.role);
        if verdict == Verdict::StoreUnreadable {
            self.broken(stores.put_aside(&session.device, open_stores))?;
        }
        if !stores.has(&session.device) {
            self.broken(stores.begin_makeshift(&session.device))?;
        }
        self.note_verdict(verdict);
        Ok(())
    }

    /// Puts up what is weaker for a verdict, or takes it down.
    pub(super) fn note_verdict(&self, verdict: Verdict) {
        let healthy = matches!(verdict, Verdict::Same | Verdict::FirstUse);
        self.note("continuity", (!healthy).then(|| self.deaf(verdict)));
    }

    /// Opens the client, and fills its store first if that knows no rooms: the intake's position may be far beyond the
    /// start, and a client that does not know a room cannot work in it.
    async fn client(
        &mut self,
        session: &Session,
        stores: &Stores,
        open_stores: &mut OpenStores,
    ) -> Result<Client, End> {
        let mut backoff = Backoff::default();
        let mut password = self.healer.password_source().state();
        loop {
            let position = self.intake.position().await;
            let position = position.map_err(|error| {
                self.say_broken(&error);
                End::Restart
            })?;
            let opened = open(
                self.healer.server(),
                session,
                stores,
                open_stores,
                position.as_deref(),
                self.config.customize,
            )
            .await;
            if opened.as_ref().is_err_and(OpenError::is_damage_of_rooms) {
                self.damaged = Some(Damaged::Rooms(stores.clone(), session.device.clone()));
            }
            let (client, standing) = self.broken(opened)?;
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
                Err(error) => {
                    if looks_dead(&error)
                        && let Some(end) = self.end_of_token(session).await
                    {
                        return Err(end);
                    }
                    let wait = self.say_refused(&refusal_of(About::Other, &error), &mut backoff);
                    if self.wait_for_operator(wait, &mut password).await {
                        backoff.reset();
                    }
                }
            }
        }
    }

    /// After a first use, the keys must be on the server.
    async fn check_published(
        &mut self,
        session: &Session,
        stores: &Stores,
        open_stores: &mut OpenStores,
    ) -> Result<(), End> {
        let compared = compare(self.healer.server(), session, stores, open_stores).await;
        match self.broken(compared)? {
            Compared::Known(Verdict::Same) => self.note("continuity", None),
            Compared::Known(verdict) => self.note("continuity", Some(self.deaf(verdict))),
            Compared::Unknown(_, why) => self.note("continuity", Some(keys_unknown(&why))),
            Compared::Dead => return Err(End::DeadToken),
        }
        Ok(())
    }

    /// Puts up which devices left behind are still there, where that is known.
    pub(super) fn note_left(&self, left: Option<Vec<OwnedDeviceId>>) {
        if let Some(left) = left {
            self.note("left-devices", left_devices(&left));
        }
    }

    async fn escrow_before_change(&self, session: &Session, stores: &Stores, open_stores: &mut OpenStores) {
        if !stores.has(&session.device) {
            return;
        }
        let written = match stores.room_keys(&session.device, open_stores).await {
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
            what: format!(
                "encrypted messages may not reach {}: {}",
                self.config.wording.program,
                what_is_wrong(verdict)
            ),
            cure: format!(
                "write the password of {} into {} and {}: a new device is then taken",
                self.healer.localpart().unwrap_or_default(),
                self.healer.password_source().place(),
                self.config.wording.restart
            ),
        }
    }

    /// Says what is in the way on this machine, and starts over.
    pub(super) fn broken<T, E: Curable>(&self, result: Result<T, E>) -> Result<T, End> {
        result.map_err(|error| {
            self.say_broken(&error);
            End::Restart
        })
    }
}

/// What is concluded from the local store alone while the server does not say what keys it hands out. `Same` stands for
/// "as far as it is known"; `None`: nothing can be concluded without a risk, so it is waited.
fn without_the_server(local: &Local, is_new: bool, can_log_in: bool) -> Option<Verdict> {
    match local {
        Local::Account { .. } => Some(Verdict::Same),
        Local::Unreadable => Some(Verdict::StoreUnreadable),
        Local::Makeshift => Some(Verdict::KeysDiffer),
        Local::Outdated => Some(Verdict::StoreOutdated),
        // A login has made the device a moment ago.
        Local::Missing if is_new => Some(Verdict::FirstUse),
        // Its keys may be out there: a device without a past is better, where one can be had.
        Local::Missing => can_log_in.then_some(Verdict::StoreLost),
    }
}

pub(super) fn later(why: &str, cure: &str) -> Degraded {
    Degraded {
        what: format!("it is not known whether cross-signing and key backup are in order: {why}"),
        cure: cure.to_owned(),
    }
}

pub(super) fn keys_unknown(why: &str) -> Degraded {
    Degraded {
        what: format!("it is not known whether encrypted messages arrive: {why}"),
        cure: "see that the homeserver answers `POST /keys/query`; it is asked again by itself".to_owned(),
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
        Verdict::StoreOutdated => {
            "the crypto store of this device is an older copy: its one-time keys were used already"
        }
        Verdict::StoreLost => "the crypto store of this device is gone",
        Verdict::StoreUnreadable => "the crypto store of this device cannot be opened",
    }
}

const fn mark(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Same => Mark::ContinuitySame,
        Verdict::FirstUse => Mark::ContinuityFirstUse,
        Verdict::KeysGone => Mark::ContinuityKeysGone,
        Verdict::KeysDiffer | Verdict::StoreOutdated => Mark::ContinuityKeysDiffer,
        Verdict::StoreLost => Mark::ContinuityStoreLost,
        Verdict::StoreUnreadable => Mark::ContinuityStoreUnreadable,
    }
}
