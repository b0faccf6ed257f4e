//! When what is looked after.

use std::time::Duration;

use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::{
    check::{Check, Checked, Compared, Secured, Tidying, tell_progress},
    curable::Curable,
    device::{Proven, keys_unknown, later},
    supervisor::{End, Supervisor},
};
use crate::{
    account::Account,
    crypto::{OpenStores, Progress, Stores},
    healing::{Mark, Verdict},
    health::{Board, Degraded},
    session::Session,
    vault::PasswordState,
};

/// How often new room keys go into the escrow file.
const ESCROW_EVERY: Duration = Duration::from_secs(10 * 60);
/// The first time, soon after the start.
const ESCROW_FIRST: Duration = Duration::from_secs(60);
/// How often it is looked whether the device's store has made more one-time keys.
const PROGRESS_EVERY: Duration = Duration::from_secs(30);
/// How often the device is compared with the server's record, and what is degraded is tried again.
const CHECK_EVERY: Duration = Duration::from_secs(15 * 60);
/// The first time, soon after the start, since the start itself asks the server only for what it cannot do without.
const CHECK_FIRST: Duration = Duration::from_secs(30);
/// After a check that could not find out everything; it doubles.
const CHECK_SOON: Duration = Duration::from_secs(5);
/// How long the end of a generation waits for what runs beside it: each request has its own, shorter deadline.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// When what is due, and what is under way.
#[derive(Debug)]
pub(super) struct Upkeep {
    escrow: Instant,
    check: Instant,
    /// The wait after the next check that cannot find out everything.
    soon: Duration,
    password: Option<PasswordState>,
    progress: Instant,
    told: Option<Progress>,
    checking: Option<JoinHandle<Checked>>,
    writing: Option<JoinHandle<()>>,
    telling: Option<JoinHandle<Option<Progress>>>,
}

impl Upkeep {
    /// `password` is what the generation was proven with, so that what was written since is noticed; `settled`: everything
    /// was found out then.
    pub(super) fn new(password: Option<PasswordState>, settled: bool) -> Self {
        let now = Instant::now();
        Self {
            escrow: now + ESCROW_FIRST,
            check: now + if settled { CHECK_FIRST } else { CHECK_SOON },
            soon: CHECK_SOON * 2,
            password,
            progress: now,
            told: None,
            checking: None,
            writing: None,
            telling: None,
        }
    }

    /// A check is over: when the next is due.
    fn checked(&mut self, settled: bool) {
        let wait = if settled { CHECK_EVERY } else { self.soon };
        self.soon = match settled {
            true => CHECK_SOON,
            false => (self.soon * 2).min(CHECK_EVERY),
        };
        self.check = Instant::now() + wait;
    }

    /// Ends what is under way, and waits until it has let go of the stores.
    pub(super) async fn stop(&mut self) {
        if let Some(work) = self.checking.take() {
            work.abort();
            timeout(STOP_PATIENCE, work).await.ok();
        }
        if let Some(work) = self.writing.take() {
            work.abort();
            timeout(STOP_PATIENCE, work).await.ok();
        }
        if let Some(work) = self.telling.take() {
            work.abort();
            timeout(STOP_PATIENCE, work).await.ok();
        }
    }
}

impl Supervisor {
    /// Begins what is due between two polls, and takes what is done; `Some` where that ends the generation.
    pub(super) async fn maintain(&mut self, upkeep: &mut Upkeep, proven: &mut Proven) -> Option<End> {
        let now = Instant::now();
        if now >= upkeep.escrow && upkeep.writing.as_ref().is_none_or(JoinHandle::is_finished) {
            upkeep.escrow = now + ESCROW_EVERY;
            if proven.prepared.escrow_unreadable.is_none() {
                let work = write_escrow(self.role, self.board(), proven.stores.clone(), proven.session.clone());
                upkeep.writing = Some(tokio::spawn(work));
            }
        }
        self.keep_progress(upkeep, proven).await;
        if upkeep.checking.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(work) = upkeep.checking.take()
        {
            let (end, settled) = match work.await {
                Ok(checked) => self.take_check(checked, proven).await,
                Err(error) => {
                    tracing::error!(role = self.role.name(), %error, "a check of the device came to a bad end");
                    (None, false)
                }
            };
            upkeep.checked(settled);
            if end.is_some() {
                return end;
            }
        }
        let password = self.healer.password_source().state();
        let changed = password.is_some() && password != upkeep.password;
        if upkeep.checking.is_some() || (now < upkeep.check && !(changed && self.is_degraded())) {
            return None;
        }
        upkeep.password = password;
        if changed {
            Mark::PasswordChanged.hit(self.role);
        }
        self.call_roll(&proven.session).await;
        upkeep.checking = Some(tokio::spawn(self.new_check(proven).run()));
        None
    }

    /// Has the account keep how far the device's store has come.
    async fn keep_progress(&self, upkeep: &mut Upkeep, proven: &Proven) {
        if Instant::now() < upkeep.progress || upkeep.telling.as_ref().is_some_and(|work| !work.is_finished()) {
            return;
        }
        if let Some(work) = upkeep.telling.take() {
            upkeep.told = work.await.ok().flatten();
        }
        upkeep.progress = Instant::now() + PROGRESS_EVERY;
        upkeep.telling = Some(tokio::spawn(tell_progress(
            self.healer.server().clone(),
            proven.session.clone(),
            proven.stores.clone(),
            upkeep.told.clone(),
        )));
    }

    /// Has a store made for the device that may have to take this one's place.
    pub(super) fn provide_standby(&mut self, proven: &Proven) {
        if let Err(error) = proven.stores.make_standby(&mut self.standby) {
            tracing::warn!(role = self.role.name(), %error, "no store is made ahead");
        }
    }

    /// A check of this generation's device.
    pub(super) fn new_check(&self, proven: &Proven) -> Check {
        Check {
            role: self.role,
            server: self.healer.server().clone(),
            vault: self.healer.vault().clone(),
            session: proven.session.clone(),
            client: proven.client.clone(),
            stores: proven.stores.clone(),
            secrets: proven.secrets.clone(),
            password: self.healer.usable_password(),
            leftovers: self.leftovers(),
            wording: self.config.wording.clone(),
            tidying: Tidying {
                safe: proven.prepared.escrow_unreadable.is_none(),
                carried: proven.prepared.carried.clone(),
                carried_before: None,
            },
        }
    }

    /// What a check found: whether that ends the generation, and whether everything was found out.
    async fn take_check(&mut self, checked: Checked, proven: &Proven) -> (Option<End>, bool) {
        let mut settled = true;
        match checked.compared {
            Ok(Compared::Known(verdict)) => {
                self.healer.token_works();
                if verdict != Verdict::Same && self.healer.usable_password().is_some() {
                    tracing::warn!(role = self.role.name(), ?verdict, "the device is not healthy any more");
                    return (Some(End::Restart), true);
                }
                self.note_verdict(verdict);
            }
            Ok(Compared::Unknown(_, why)) => {
                settled = false;
                self.note("continuity", Some(keys_unknown(&why)));
            }
            Ok(Compared::Dead) => return (Some(End::Restart), true),
            Err(error) => {
                settled = false;
                tracing::warn!(role = self.role.name(), %error, "the device could not be checked");
            }
        }
        if matches!(checked.secured, Secured::LooksDead)
            && let Some(end) = self.end_of_token(&proven.session).await
        {
            return (Some(end), true);
        }
        settled &= self.note_trust(checked.secured);
        self.note_left(checked.left);
        (None, settled)
    }

    /// Puts up what trust and backup came to; answers whether that is known.
    pub(super) fn note_trust(&self, secured: Secured) -> bool {
        let (unknown, known) = match secured {
            Secured::Known(trust) => {
                self.note("cross-signing", trust.cross_signing);
                self.note("backup", trust.backup);
                (None, true)
            }
            Secured::Broken(error) => (Some(later(&error.to_string(), &error.next_step())), false),
            Secured::Unknown(why) => (Some(later(&why, "nothing to do: it is tried again by itself")), false),
            Secured::LooksDead => (None, false),
        };
        self.note("trust", unknown);
        known
    }
}

/// Brings the copy of all room keys up to date, and says where that does not go.
async fn write_escrow(role: Account, board: Board, stores: Stores, session: Session) {
    let keys = stores.room_keys(&session.device, &mut OpenStores::default()).await;
    let written = match keys {
        Ok(mut keys) => stores
            .escrow()
            .add(&mut keys)
            .map_err(|error| (error.to_string(), error.cure())),
        Err(error) => Err((error.to_string(), error.cure())),
    };
    let note = match written {
        Ok(_) => {
            Mark::EscrowWritten.hit(role);
            None
        }
        Err((why, cure)) => {
            tracing::warn!(role = role.name(), why, "the escrow file could not be written");
            Some(Degraded {
                what: format!("the copy of all room keys is not up to date: {why}"),
                cure: cure.unwrap_or_else(|| "nothing to do: it is tried again by itself".to_owned()),
            })
        }
    };
    board.note("escrow-file", note);
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{owned_user_id, user_id};
    use tempfile::TempDir;

    use super::*;
    use crate::{secret::Secret, vault::Vault};

    #[tokio::test]
    async fn a_copy_of_the_keys_that_cannot_be_written_is_said_until_it_can() {
        let (data, role) = (TempDir::new().unwrap(), Account::new("bot"));
        let vault = Vault::new(role, data.path());
        let stores = Stores::new(role, user_id!("@bot:x"), &vault).unwrap();
        stores.begin_makeshift("DEVICE".into()).unwrap();
        let session = Session {
            user: owned_user_id!("@bot:x"),
            device: "DEVICE".into(),
            token: Secret::new("token"),
            refresh: None,
        };
        let (board, path) = (Board::default(), vault.path("room_keys.escrow"));
        let write = async || write_escrow(role, board.clone(), stores.clone(), session.clone()).await;
        std::fs::create_dir(&path).unwrap();
        write().await;
        let [note] = board.snapshot().degraded.try_into().unwrap();
        assert!(note.cure.contains(&path.display().to_string()), "{note:?}");
        std::fs::remove_dir(&path).unwrap();
        write().await;
        assert!(board.snapshot().degraded.is_empty());
    }
}
