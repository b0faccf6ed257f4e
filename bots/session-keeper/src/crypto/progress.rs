//! How far a device's store has come with its one-time keys.
//!
//! A store brought back from a backup would hand out keys a second time that were used already, and nobody's message opens
//! with them. Some homeservers refuse that; conduwuit and its kin replace the newer keys without a word. So the account
//! keeps, as its own datum, how far the device had come: a store that is behind is an older copy.

use matrix_sdk::ruma::DeviceId;
use matrix_sdk_crypto::store::CryptoStore;
use serde::{Deserialize, Serialize};

use super::{OpenStores, StoreError, Stores};

/// How far a store has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The fingerprint of the device whose store it is: a store begun anew has another.
    ed25519: String,
    /// How many one-time keys it has ever made.
    one_time_keys: u64,
}

impl Progress {
    /// The type of the account datum that keeps it for a device.
    pub fn kind(device: &DeviceId) -> String {
        format!("app.session-keeper.progress.{device}")
    }

    /// Whether a store that has come so far is an older copy of the one that had come as far as `told`.
    pub fn is_behind(&self, told: &Self) -> bool {
        self.ed25519 == told.ed25519 && self.one_time_keys < told.one_time_keys
    }
}

impl Stores {
    /// How far a device's store has come; `None` where there is no account in it.
    ///
    /// # Errors
    ///
    /// When the store cannot be opened or read.
    pub async fn progress(
        &self,
        device: &DeviceId,
        open_stores: &mut OpenStores,
    ) -> Result<Option<Progress>, StoreError> {
        let folder = self.folder(device);
        let failed = |reason: String| StoreError::Database {
            action: "read",
            folder: folder.clone(),
            reason,
        };
        let store = self.keys(&folder, open_stores).await?;
        let account = store.load_account().await.map_err(|error| failed(error.to_string()))?;
        let Some(account) = account else { return Ok(None) };
        let pickle = serde_json::to_value(&account.pickle().pickle).map_err(|error| failed(error.to_string()))?;
        let made = pickle
            .pointer("/one_time_keys/next_key_id")
            .and_then(serde_json::Value::as_u64);
        Ok(made.map(|one_time_keys| Progress {
            ed25519: account.identity_keys().ed25519.to_base64(),
            one_time_keys,
        }))
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::user_id;
    use matrix_sdk_crypto::OlmMachine;
    use rstest::rstest;
    use tempfile::TempDir;

    use super::*;
    use crate::{account::Account, crypto::StandbyStore, vault::Vault};

    const ACCOUNT: Account = Account::new("bot");

    fn progress(ed25519: &str, one_time_keys: u64) -> Progress {
        Progress {
            ed25519: ed25519.to_owned(),
            one_time_keys,
        }
    }

    #[rstest]
    #[case::same(progress("own", 50), false)]
    #[case::ahead(progress("own", 49), false)]
    #[case::behind(progress("own", 51), true)]
    #[case::begun_anew(progress("other", 51), false)]
    fn a_store_is_an_older_copy_or_not(#[case] told: Progress, #[case] behind: bool) {
        assert_eq!(progress("own", 50).is_behind(&told), behind);
    }

    /// The number comes out of the format in which the SDK keeps an account, which may change.
    #[tokio::test]
    async fn the_number_grows_with_the_keys_that_are_made() {
        let data = TempDir::new().unwrap();
        let user = user_id!("@bot:hs");
        let stores = Stores::new(ACCOUNT, user, &Vault::new(ACCOUNT, data.path())).unwrap();
        let (mut standby, mut open_stores) = (StandbyStore::default(), OpenStores::default());
        stores
            .prepare("DEVICE".into(), &mut standby, &mut open_stores)
            .await
            .unwrap();
        assert_eq!(stores.progress("DEVICE".into(), &mut open_stores).await.unwrap(), None);

        let folder = stores.folder("DEVICE".into());
        let store = stores.keys(&folder, &mut open_stores).await.unwrap();
        let machine = OlmMachine::with_store(user, "DEVICE".into(), store, None)
            .await
            .unwrap();
        machine.outgoing_requests().await.unwrap();
        let made = stores
            .progress("DEVICE".into(), &mut open_stores)
            .await
            .unwrap()
            .unwrap();
        assert!(made.one_time_keys > 0, "{made:?}");
        assert_eq!(made.ed25519, machine.identity_keys().ed25519.to_base64());
    }
}
