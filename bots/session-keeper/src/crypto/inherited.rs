//! What a new device takes over from an older one besides room keys.

use std::{fmt, sync::Arc};

use matrix_sdk::ruma::{OwnedUserId, UserId};
use matrix_sdk_crypto::{OlmMachine, store::CryptoStore, types::SecretsBundle};
use tokio::task::JoinHandle;

use super::databases::Databases;

/// The private cross-signing keys and the key of the backup, out of an older device's store.
#[derive(Default)]
pub struct Inherited(pub(super) Option<SecretsBundle>);

impl fmt::Debug for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Inherited(…)"
        } else {
            "Inherited"
        })
    }
}

impl Inherited {
    /// Begins to look for them in these stores.
    pub(super) fn look_for(user: OwnedUserId, stores: Vec<Arc<Databases>>) -> JoinHandle<Self> {
        tokio::spawn(async move {
            for store in stores {
                if let Some(secrets) = secrets_in(&store, &user).await {
                    return Self(Some(secrets));
                }
            }
            Self::default()
        })
    }
}

/// The account's secrets in an older store, if it can be opened and has all of them.
async fn secrets_in(store: &Databases, user: &UserId) -> Option<SecretsBundle> {
    let keys = store.keys().await.ok()?;
    let account = keys.load_account().await.ok()??;
    let machine = OlmMachine::with_store(user, account.device_id(), keys, None)
        .await
        .ok()?;
    machine.store().export_secrets_bundle().await.ok()
}
