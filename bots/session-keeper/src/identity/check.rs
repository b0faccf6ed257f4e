//! What is looked at from time to time, beside the sync: whether the device is still whole, and the account's trust and
//! backup in order; and what can be tidied away.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use matrix_sdk::{Client, ruma::OwnedDeviceId, store::StateStoreDataKey};
use tokio::{
    join,
    time::{Instant, sleep, timeout},
};

use super::{supervisor::chance, token_errors::looks_dead};
use crate::{
    account::Account,
    config::Wording,
    crypto::{Depth, Inherited, OpenStores, Progress, Securing, StoreError, Stores, Trust, TrustError},
    healing::{Backoff, Class, Local, Verdict, continuity},
    secret::Secret,
    session::{KeysAnswer, Leftovers, Server, Session},
    vault::{Vault, VaultError},
};

/// How long the server is asked for the keys of the own device before it is gone on without them.
const KEYS_PATIENCE: Duration = Duration::from_secs(8);
/// For cross-signing and backup; what takes longer is tried again.
const TRUST_PATIENCE: Duration = Duration::from_secs(15);
/// For devices and stores left behind.
const TIDY_PATIENCE: Duration = Duration::from_secs(30);
/// How often trust is looked at again where the homeserver answers with errors of its own.
const TRUST_TRIES: u32 = 3;

/// Everything that a check needs, so that it can run beside the sync.
#[derive(Clone)]
pub(super) struct Check {
    pub(super) role: Account,
    pub(super) server: Server,
    pub(super) vault: Vault,
    pub(super) session: Session,
    pub(super) client: Client,
    pub(super) stores: Stores,
    pub(super) secrets: Arc<Inherited>,
    /// The password, where there is one that may be tried.
    pub(super) password: Option<Secret>,
    pub(super) leftovers: Leftovers,
    pub(super) wording: Wording,
    pub(super) tidying: Tidying,
}

/// What may be tidied away.
#[derive(Clone, Debug, Default)]
pub(super) struct Tidying {
    /// Whether all room keys are where they can be read: nothing is removed before.
    pub(super) safe: bool,
    /// Devices whose keys are in this device's store.
    pub(super) carried: BTreeSet<OwnedDeviceId>,
    /// Those of them that were so before this start.
    pub(super) carried_before: Option<BTreeSet<OwnedDeviceId>>,
}

/// What the comparison of the device with the server's record came to.
#[derive(Debug)]
pub(super) enum Compared {
    /// Both are known.
    Known(Verdict),
    /// The server does not say, for this reason; the local store says this.
    Unknown(Local, String),
    /// The token is of no use.
    Dead,
}

/// What became of trust and backup.
#[derive(Debug)]
pub(super) enum Secured {
    /// They were looked at.
    Known(Trust),
    /// They could not be, for this reason.
    Unknown(String),
    /// A file is in the way.
    Broken(VaultError),
    /// The token looks dead.
    LooksDead,
}

/// What a check found.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) compared: Result<Compared, StoreError>,
    pub(super) secured: Secured,
    /// The devices left behind that are still there, where that could be found out.
    pub(super) left: Option<Vec<OwnedDeviceId>>,
}

impl Check {
    /// Looks at everything. Each part has its deadline.
    pub(super) async fn run(mut self) -> Checked {
        let mut compared = compare(&self.server, &self.session, &self.stores, &mut OpenStores::default()).await;
        if matches!(compared, Ok(Compared::Known(Verdict::Same))) && self.keys_clash().await {
            tracing::warn!(
                role = self.role.name(),
                "one-time keys were uploaded that the server had already"
            );
            let marked = self.stores.mark_outdated(&self.session.device);
            compared = marked.map(|()| Compared::Known(Verdict::StoreOutdated));
        }
        let version = self
            .stores
            .backup_version(&self.session.device, &mut OpenStores::default())
            .await;
        let depth = version.map_or(Depth::Known, |backup| Depth::Server { backup });
        let secured = self.secure(&depth).await;
        let trusted = secured.is_whole();
        let left = self.tidy(trusted).await;
        Checked {
            compared,
            secured,
            left,
        }
    }

    /// Whether the SDK has met a one-time key that the server had already, as another one: it keeps that in its store.
    async fn keys_clash(&self) -> bool {
        let clash = self
            .client
            .state_store()
            .get_kv_data(StateStoreDataKey::OneTimeKeyAlreadyUploaded);
        matches!(clash.await, Ok(Some(_)))
    }

    /// Cross-signing and backup.
    pub(super) async fn secure(&self, depth: &Depth) -> Secured {
        let securing = Securing {
            role: self.role,
            client: &self.client,
            user: &self.session.user,
            vault: &self.vault,
            password: self.password.as_ref(),
            inherited: &self.secrets,
            wording: &self.wording,
        };
        let work = async {
            let mut tries = 1;
            loop {
                match securing.secure(depth).await {
                    Err(TrustError::Request(error)) if tries < TRUST_TRIES && !looks_dead(&error) => {
                        sleep(Duration::from_millis(500) * tries).await;
                        tries += 1;
                    }
                    secured => return secured,
                }
            }
        };
        match timeout(TRUST_PATIENCE, work).await {
            Ok(Ok(trust)) => Secured::Known(trust),
            Ok(Err(TrustError::Request(error))) if looks_dead(&error) => Secured::LooksDead,
            Ok(Err(TrustError::Vault(error))) => Secured::Broken(error),
            Ok(Err(error)) => Secured::Unknown(error.to_string()),
            Err(_) => Secured::Unknown("it takes too long".to_owned()),
        }
    }

    /// Logs out devices left behind and removes stores that were carried over, as far as nothing can be lost by it.
    pub(super) async fn tidy(&mut self, trusted: bool) -> Option<Vec<OwnedDeviceId>> {
        let role = self.role.name();
        let Ok(left) = timeout(TIDY_PATIENCE, self.remove_left(trusted)).await else {
            tracing::warn!(role, "removing what was left behind takes too long");
            return None;
        };
        let carried = self.tidying.carried_before.take().filter(|_| self.tidying.safe);
        if let Some(carried) = carried
            && let Err(error) = self.stores.remove_proven(&self.session.device, &carried)
        {
            tracing::warn!(role, %error, "an old store stays");
        }
        left
    }

    async fn recollect(&self) -> Result<(), VaultError> {
        match self.leftovers.are_to_be_recollected(&self.session)? {
            true => self.leftovers.recollect(&self.session).await,
            false => Ok(()),
        }
    }

    async fn remove_left(&self, trusted: bool) -> Option<Vec<OwnedDeviceId>> {
        let role = self.role.name();
        let tidying = &self.tidying;
        let may_go =
            |device: &OwnedDeviceId| tidying.safe && (!self.stores.has(device) || tidying.carried.contains(device));
        if tidying.safe
            && trusted
            && let Err(error) = self.recollect().await
        {
            tracing::warn!(role, %error, "devices of a former life are not recollected");
        }
        match self.leftovers.remove(&self.session, may_go).await {
            Ok(left) => Some(left),
            Err(error) => {
                tracing::warn!(role, %error, "devices left behind stay");
                None
            }
        }
    }
}

impl Secured {
    /// Whether trust and backup are as they should be.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Known(trust) if trust.cross_signing.is_none() && trust.backup.is_none())
    }
}

/// Compares the local account with what the server hands out, as long as the server is worth waiting for.
pub(super) async fn compare(
    server: &Server,
    session: &Session,
    stores: &Stores,
    open_stores: &mut OpenStores,
) -> Result<Compared, StoreError> {
    let deadline = Instant::now() + KEYS_PATIENCE;
    let asked = async || {
        let asked = server.device_keys(&session.token, &session.user, &session.device);
        let left = deadline.saturating_duration_since(Instant::now());
        let late = |_| KeysAnswer::Unknown(Duration::ZERO, "keys/query is not answered".to_owned());
        timeout(left, asked).await.unwrap_or_else(late)
    };
    let told = timeout(KEYS_PATIENCE, told_progress(server, session));
    let (local, mut answer, told) = join!(stores.local(&session.device, open_stores), asked(), told);
    let mut local = local?;
    if let (Local::Account { .. }, Ok(Some(told))) = (&local, told)
        && let Some(progress) = stores.progress(&session.device, open_stores).await?
        && progress.is_behind(&told)
    {
        tracing::warn!(?progress, ?told, "the crypto store is an older copy");
        stores.mark_outdated(&session.device)?;
        local = Local::Outdated;
    }
    let mut backoff = Backoff::default();
    loop {
        let (delay, why) = match answer {
            KeysAnswer::Keys(curve, ed) => return Ok(Compared::Known(continuity(&local, Some(&(curve, ed))))),
            KeysAnswer::None => return Ok(Compared::Known(continuity(&local, None))),
            KeysAnswer::Dead => return Ok(Compared::Dead),
            KeysAnswer::Unknown(delay, why) => (delay, why),
        };
        let pause = backoff.next(delay, chance());
        if Instant::now() + pause >= deadline {
            return Ok(Compared::Unknown(local, why));
        }
        sleep(pause).await;
        answer = asked().await;
    }
}

/// How far the device's store had come, as the account keeps it.
async fn told_progress(server: &Server, session: &Session) -> Option<Progress> {
    let kind = Progress::kind(&session.device);
    match server.account_data(&session.token, &session.user, &kind).await {
        Class::Done(content) => serde_json::from_value(content).ok(),
        _ => None,
    }
}

/// Lets the account keep how far the device's store has come, where that is not what was `told` before; answers what is
/// told now.
pub(super) async fn tell_progress(
    server: Server,
    session: Session,
    stores: Stores,
    told: Option<Progress>,
) -> Option<Progress> {
    let progress = stores
        .progress(&session.device, &mut OpenStores::default())
        .await
        .ok()
        .flatten();
    if progress.is_none() || progress == told {
        return told;
    }
    let kind = Progress::kind(&session.device);
    match server
        .set_account_data(&session.token, &session.user, &kind, &progress)
        .await
    {
        Class::Done(_) => progress,
        _ => told,
    }
}
