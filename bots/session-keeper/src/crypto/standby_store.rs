//! A store made ahead of its device.
//!
//! Making a device's databases takes longer than all else that the bot itself does in a heal. So one set is made while
//! there is nothing to do, and waits for the device that will need it. It lasts as long as the process: what an earlier
//! one left behind may belong to another key or another version of the SDK, and is made anew.

use std::{fs, path::PathBuf};

use matrix_sdk::SqliteStoreConfig;
use tokio::task::JoinHandle;

use super::{StoreError, databases::Databases, folder};
use crate::{secret::Secret, vault::VaultError};

/// Where it is made, and how it is opened.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// Not among the devices' own.
    pub(super) folder: PathBuf,
    /// With the folder and the key of the stores.
    pub(super) config: SqliteStoreConfig,
    /// The key, to be told from another one.
    pub(super) key: Secret,
}

/// A store that is being made, or waits, or is not there.
#[derive(Debug, Default)]
pub struct StandbyStore(Option<JoinHandle<Result<Site, StoreError>>>);

impl StandbyStore {
    /// Begins to make one, unless there is one.
    pub(super) fn begin(&mut self, site: Site) {
        self.0.get_or_insert_with(|| tokio::spawn(make(site)));
    }

    /// The folder of the one there is, if the key is still this one. The caller moves it away.
    pub(super) async fn take(&mut self, key: &Secret) -> Option<PathBuf> {
        let site = match self.0.take()?.await {
            Ok(Ok(site)) => site,
            Ok(Err(error)) => {
                tracing::warn!(%error, "there is no store made ahead");
                return None;
            }
            Err(_) => return None,
        };
        (site.key == *key).then_some(site.folder)
    }
}

async fn make(site: Site) -> Result<Site, StoreError> {
    if site.folder.exists() {
        fs::remove_dir_all(&site.folder).map_err(|error| VaultError::new("remove", &site.folder, error))?;
    }
    folder::make(&site.folder)?;
    Databases::new(site.config.clone())
        .for_client()
        .await
        .map_err(|error| StoreError::Database {
            action: "make",
            folder: site.folder.clone(),
            reason: error.to_string(),
        })?;
    Ok(site)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use matrix_sdk::ruma::user_id;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        account::Account,
        crypto::{OpenStores, Prepared, Stores},
        vault::{Vault, write},
    };

    const BOT: Account = Account::new("bot");

    fn stores(data: &Path) -> Stores {
        Stores::new(BOT, user_id!("@bot:hs"), &Vault::new(BOT, data)).unwrap()
    }

    fn names(data: &Path) -> Vec<String> {
        let entries = fs::read_dir(data.join("crypto")).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// One that is there already, with a file in it to be known by.
    async fn marked(data: &Path) -> StandbyStore {
        let mut standby = StandbyStore::default();
        stores(data).make_standby(&mut standby).unwrap();
        while !standby.0.as_ref().unwrap().is_finished() {
            tokio::task::yield_now().await;
        }
        write(&data.join("spare/bot/made-ahead"), b"").unwrap();
        standby
    }

    fn is_marked(data: &Path, device: &str) -> bool {
        data.join("crypto").join(device).join("made-ahead").exists()
    }

    /// Prepares a device, and reads its keys, of which there are none.
    async fn prepare(data: &Path, device: &str, standby: &mut StandbyStore) -> Prepared {
        let (stores, mut open_stores) = (stores(data), OpenStores::default());
        let prepared = stores.prepare(device.into(), standby, &mut open_stores).await.unwrap();
        assert!(
            stores
                .room_keys(device.into(), &mut open_stores)
                .await
                .unwrap()
                .is_empty()
        );
        prepared
    }

    #[tokio::test]
    async fn a_new_device_gets_the_store_made_ahead_and_works_with_it() {
        let data = TempDir::new().unwrap();
        let mut standby = marked(data.path()).await;
        assert!(prepare(data.path(), "FIRST", &mut standby).await.fresh);
        assert_eq!(names(data.path()), ["FIRST"]);
        assert!(is_marked(data.path(), "FIRST"));
        assert!(stores(data.path()).has("FIRST".into()));

        // It serves one device; the next has none until another is made.
        prepare(data.path(), "SECOND", &mut standby).await;
        assert!(!is_marked(data.path(), "SECOND"));
    }

    #[tokio::test]
    async fn a_store_that_another_process_left_behind_is_made_anew() {
        let data = TempDir::new().unwrap();
        let left = data.path().join("spare/bot/matrix-sdk-crypto.sqlite3");
        write(&left, b"of another version").unwrap();
        let mut standby = StandbyStore::default();
        stores(data.path()).make_standby(&mut standby).unwrap();
        prepare(data.path(), "FIRST", &mut standby).await;
    }

    #[tokio::test]
    async fn a_store_of_another_key_is_not_taken() {
        let data = TempDir::new().unwrap();
        let mut standby = marked(data.path()).await;
        let vault = Vault::new(BOT, data.path());
        write(&vault.path("store_key"), "ab".repeat(32).as_bytes()).unwrap();
        prepare(data.path(), "FIRST", &mut standby).await;
        assert!(!is_marked(data.path(), "FIRST"));
    }

    #[tokio::test]
    async fn without_it_a_device_makes_do() {
        let data = TempDir::new().unwrap();
        let mut standby = marked(data.path()).await;
        // Made, and then lost with the directory.
        fs::remove_dir_all(data.path().join("spare/bot")).unwrap();
        assert!(prepare(data.path(), "FIRST", &mut standby).await.fresh);
        assert_eq!(names(data.path()), ["FIRST"]);
    }
}
