//! One folder for each device.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use matrix_sdk::{
    SqliteCryptoStore, SqliteStoreConfig,
    config::StoreConfig,
    ruma::{DeviceId, OwnedRoomId, OwnedUserId, UserId},
};
use matrix_sdk_crypto::{OlmMachine, olm::ExportedRoomKey, store::CryptoStore};

use super::{
    Escrow, Inherited, OpenStores, Prepared, StandbyStore, StoreError,
    damage::{DAMAGED, OUTDATED},
    databases::Databases,
    folder,
    siblings::lenient,
    standby_store::Site,
};
use crate::{
    account::Account,
    healing::{Local, Mark},
    secret::Secret,
    vault::{Predecessor, read, remove, write},
};

/// The database whose presence makes a folder a crypto store.
pub(super) const DATABASE: &str = "matrix-sdk-crypto.sqlite3";
/// The file of the vault that has the key of the stores.
pub(super) const STORE_KEY: &str = "store_key";
/// Whose store the folder is.
pub(super) const OWNER: &str = "owner";
/// Into which device's store this one's room keys were brought.
pub(super) const CARRIED_TO: &str = "carried-to";
/// The store was begun on a device whose own store is lost.
pub(super) const MAKESHIFT: &str = "makeshift";
/// The escrow files were brought into this store.
const FILLED: &str = "filled-from-escrow";

/// The stores of one identity.
#[derive(Clone, Debug)]
pub struct Stores {
    pub(super) role: Account,
    pub(super) user: OwnedUserId,
    pub(super) root: PathBuf,
    key_path: PathBuf,
    key: Secret,
    escrow: Escrow,
    predecessor: Option<Arc<dyn Predecessor>>,
}

impl Stores {
    /// The stores of this user under the data directory, with the key and escrow file of the identity's vault.
    ///
    /// # Errors
    ///
    /// When the folder of the stores or their key can neither be read nor made.
    pub fn new(role: Account, user: &UserId, vault: &crate::vault::Vault) -> Result<Self, StoreError> {
        let key = match vault.random(STORE_KEY) {
            Err(error) if error.is_damage() => {
                return Err(StoreError::Key {
                    path: vault.path(STORE_KEY),
                    reason: error.to_string(),
                });
            }
            key => key?,
        };
        let stores = Self {
            role,
            user: user.to_owned(),
            root: vault.directory().join("crypto"),
            key_path: vault.path(STORE_KEY),
            key,
            escrow: Escrow::new(vault)?,
            predecessor: vault.predecessor().cloned(),
        };
        stores.key_bytes()?;
        Ok(stores)
    }

    /// The escrow file.
    pub fn escrow(&self) -> &Escrow {
        &self.escrow
    }

    /// Begins to open the databases of a device, if it has any.
    ///
    /// # Errors
    ///
    /// When the store cannot be opened.
    pub async fn open_ahead(&self, device: &DeviceId, open_stores: &mut OpenStores) -> Result<(), StoreError> {
        match self.has(device) {
            true => self.begin(&self.folder(device), open_stores).await,
            false => Ok(()),
        }
    }

    /// The databases of a device, for its client.
    pub(super) async fn for_client(
        &self,
        device: &DeviceId,
        open_stores: &mut OpenStores,
    ) -> Result<StoreConfig, StoreError> {
        let folder = self.folder(device);
        match self.databases(&folder, open_stores)?.for_client().await {
            Ok(opened) => Ok(opened),
            Err(error)
                if self
                    .put_damaged_rooms_aside(&folder, &error.to_string(), open_stores)
                    .await? =>
            {
                let opened = self.databases(&folder, open_stores)?.for_client().await;
                opened.map_err(|error| StoreError::not_opened(&folder, &error))
            }
            Err(error) => Err(StoreError::not_opened(&folder, &error)),
        }
    }

    /// What the local store of a device says.
    ///
    /// # Errors
    ///
    /// When it cannot be told what is there. A store that is there and cannot be opened is an answer, not an error.
    pub async fn local(&self, device: &DeviceId, open_stores: &mut OpenStores) -> Result<Local, StoreError> {
        let folder = self.folder(device);
        if folder.join(MAKESHIFT).exists() {
            return Ok(Local::Makeshift);
        }
        if !folder.join(DATABASE).exists() {
            return Ok(Local::Missing);
        }
        if folder.join(DAMAGED).exists() {
            return Ok(Local::Unreadable);
        }
        if folder.join(OUTDATED).exists() {
            return Ok(Local::Outdated);
        }
        let account = match self.keys(&folder, open_stores).await {
            Ok(store) => store.load_account().await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        Ok(match account {
            Ok(Some(account)) if account.user_id() == self.user && account.device_id() == device => {
                let keys = account.identity_keys();
                Local::Account {
                    keys: (keys.curve25519.to_base64(), keys.ed25519.to_base64()),
                    published: account.shared(),
                }
            }
            Ok(None) => Local::Missing,
            Ok(Some(_)) => Local::Unreadable,
            Err(reason) => {
                tracing::warn!(role = self.role.name(), folder = %folder.display(), reason, "a store cannot be opened");
                Local::Unreadable
            }
        })
    }

    /// Makes the store of a device ready: brings in the escrow files if it is new, and the room keys of every older
    /// store of this user. The count is checked before an older store counts as carried over.
    ///
    /// # Errors
    ///
    /// When the store can neither be opened nor made, or what it was carried over from cannot be read.
    pub async fn prepare(
        &self,
        device: &DeviceId,
        standby: &mut StandbyStore,
        open_stores: &mut OpenStores,
    ) -> Result<Prepared, StoreError> {
        let folder = self.folder(device);
        let mut prepared = Prepared {
            fresh: !folder.join(DATABASE).exists(),
            ..Prepared::default()
        };
        if !folder.exists() {
            folder::make(&self.root)?;
            self.take_standby(&folder, standby).await;
        }
        folder::make(&folder)?;
        self.own(&folder)?;
        remove(&folder.join(CARRIED_TO))?;
        self.begin(&folder, open_stores).await?;
        let mut keys = Vec::new();
        if !folder.join(FILLED).exists() {
            self.take_escrows(&mut keys, &mut prepared);
        }
        let siblings = self.siblings(&folder)?;
        let stores = siblings.iter().map(|sibling| self.databases(sibling, open_stores));
        let secrets = Inherited::look_for(self.user.clone(), stores.collect::<Result<_, _>>()?);
        let carried = self
            .take_siblings(device, siblings, &mut keys, &mut prepared, open_stores)
            .await?;
        if !carried.is_empty() {
            // The escrow before the change of device: whatever happens now, the keys are in two places.
            match self.escrow.add(&mut keys) {
                Ok(_) => Mark::EscrowWritten.hit(self.role),
                Err(error) => prepared.escrow_unreadable = Some(error.to_string()),
            }
        }
        if !keys.is_empty() {
            self.import(device, &folder, keys, open_stores).await?;
        }
        for sibling in carried {
            Mark::KeysCarriedOver.hit(self.role);
            write(&sibling.join(CARRIED_TO), device.as_str().as_bytes())?;
            prepared.carried.insert(folder::device(&sibling));
        }
        if prepared.escrow_unreadable.is_none() && !folder.join(FILLED).exists() {
            write(&folder.join(FILLED), b"")?;
        }
        prepared.secrets = secrets.await.unwrap_or_default();
        Ok(prepared)
    }

    /// Whether a store of this device is there.
    pub fn has(&self, device: &DeviceId) -> bool {
        self.folder(device).join(DATABASE).exists()
    }

    /// All room keys of a device's store. May be called while the SDK has the store open: it only reads.
    ///
    /// # Errors
    ///
    /// When the store cannot be opened or read.
    pub async fn room_keys(
        &self,
        device: &DeviceId,
        open_stores: &mut OpenStores,
    ) -> Result<Vec<ExportedRoomKey>, StoreError> {
        self.room_keys_in(&self.folder(device), open_stores).await
    }

    /// Begins to make a store for a device that is not there yet.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn make_standby(&self, standby: &mut StandbyStore) -> Result<(), StoreError> {
        let folder = self.root.with_file_name("spare").join(self.role.name());
        standby.begin(Site {
            config: self.config_of(&folder, &self.key_bytes()?),
            folder,
            key: self.key.clone(),
        });
        Ok(())
    }

    /// Makes the store that was made ahead this folder; where there is none, the databases are made when they are opened.
    async fn take_standby(&self, folder: &Path, standby: &mut StandbyStore) {
        let Some(made) = standby.take(&self.key).await else {
            return;
        };
        match fs::rename(&made, folder) {
            Ok(()) => Mark::StandbyStoreTaken.hit(self.role),
            Err(error) => {
                tracing::warn!(role = self.role.name(), folder = %made.display(), %error, "the store made ahead is gone");
            }
        }
    }

    /// Writes down whose store the folder is, where it does not say so already.
    fn own(&self, folder: &Path) -> Result<(), StoreError> {
        let (path, user) = (folder.join(OWNER), self.user.as_str());
        if lenient(&path)?.as_deref() != Some(user) {
            write(&path, user.as_bytes())?;
        }
        Ok(())
    }

    fn take_escrows(&self, keys: &mut Vec<ExportedRoomKey>, prepared: &mut Prepared) {
        match self.escrow.read() {
            Ok(Some(found)) => {
                Mark::EscrowImported.hit(self.role);
                keys.extend(found);
            }
            Ok(None) => {}
            Err(error) => {
                Mark::EscrowUnreadable.hit(self.role);
                prepared.escrow_unreadable = Some(error.to_string());
            }
        }
        match self.predecessor.as_ref().map_or(Ok(None), |old| old.room_keys()) {
            Ok(Some(old)) => {
                Mark::PredecessorKeysImported.hit(self.role);
                tracing::info!(
                    keys = old.keys.len(),
                    unreadable = old.unreadable,
                    "read the room keys of the account's former program"
                );
                keys.extend(old.keys);
            }
            Ok(None) => {}
            Err(reason) => {
                Mark::EscrowUnreadable.hit(self.role);
                prepared.escrow_unreadable = Some(reason);
            }
        }
    }

    /// Reads the room keys of the older stores that were not carried over yet; answers which were read.
    async fn take_siblings(
        &self,
        device: &DeviceId,
        siblings: Vec<PathBuf>,
        keys: &mut Vec<ExportedRoomKey>,
        prepared: &mut Prepared,
        open_stores: &mut OpenStores,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let mut carried = Vec::new();
        for sibling in siblings {
            if lenient(&sibling.join(CARRIED_TO))?.as_deref() == Some(device.as_str()) {
                prepared.carried.insert(folder::device(&sibling));
                continue;
            }
            match self.room_keys_in(&sibling, open_stores).await {
                Ok(found) => {
                    keys.extend(found);
                    carried.push(sibling);
                }
                Err(error) => {
                    Mark::KeysNotCarried.hit(self.role);
                    prepared.kept.push((sibling, error.to_string()));
                }
            }
        }
        Ok(carried)
    }

    async fn import(
        &self,
        device: &DeviceId,
        folder: &Path,
        keys: Vec<ExportedRoomKey>,
        open_stores: &mut OpenStores,
    ) -> Result<(), StoreError> {
        let failed = |reason: String| StoreError::Database {
            action: "bring keys into",
            folder: folder.into(),
            reason,
        };
        let wanted = ids(&keys);
        let store = self.keys(folder, open_stores).await?;
        let machine = OlmMachine::with_store(&self.user, device, store, None)
            .await
            .map_err(|error| failed(error.to_string()))?;
        machine
            .store()
            .import_exported_room_keys(keys, |_, _| {})
            .await
            .map_err(|error| failed(error.to_string()))?;
        let present = ids(&machine
            .store()
            .export_room_keys(|_| true)
            .await
            .map_err(|error| failed(error.to_string()))?);
        let missing = wanted.difference(&present).count();
        if missing > 0 {
            return Err(failed(format!("{missing} of {} keys did not arrive", wanted.len())));
        }
        tracing::info!(role = self.role.name(), %device, keys = wanted.len(), "room keys were brought into the store");
        Ok(())
    }

    async fn room_keys_in(
        &self,
        folder: &Path,
        open_stores: &mut OpenStores,
    ) -> Result<Vec<ExportedRoomKey>, StoreError> {
        let store = self.keys(folder, open_stores).await?;
        let sessions = store
            .get_inbound_group_sessions()
            .await
            .map_err(|error| StoreError::Database {
                action: "read",
                folder: folder.into(),
                reason: error.to_string(),
            })?;
        let mut keys = Vec::with_capacity(sessions.len());
        for session in sessions {
            keys.push(session.export().await);
        }
        Ok(keys)
    }

    /// The database of keys in a folder.
    pub(super) async fn keys(
        &self,
        folder: &Path,
        open_stores: &mut OpenStores,
    ) -> Result<SqliteCryptoStore, StoreError> {
        let opened = self.databases(folder, open_stores)?.keys().await;
        opened.map_err(|error| StoreError::not_opened(folder, &error))
    }

    /// Begins to open what is in a folder. Whoever needs it waits for it, and sees what went wrong.
    async fn begin(&self, folder: &Path, open_stores: &mut OpenStores) -> Result<(), StoreError> {
        let databases = self.databases(folder, open_stores)?;
        tokio::spawn(async move { databases.for_client().await.is_ok() });
        // What is spawned last waits for its own worker, even where another has nothing to do.
        tokio::task::yield_now().await;
        Ok(())
    }

    pub(super) fn databases(&self, folder: &Path, open_stores: &mut OpenStores) -> Result<Arc<Databases>, StoreError> {
        Ok(open_stores.databases(folder, self.config_of(folder, &self.key_bytes()?)))
    }

    fn config_of(&self, folder: &Path, key: &[u8; 32]) -> SqliteStoreConfig {
        // A key instead of a passphrase: the key is random already, and four derivations of 200,000 rounds are most of
        // the time that a start takes.
        SqliteStoreConfig::with_low_memory_config(folder).key(Some(key))
    }

    fn key_bytes(&self) -> Result<[u8; 32], StoreError> {
        let text = self.key.expose();
        let digits = (0..32).map(|i| {
            text.get(2 * i..2 * i + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        });
        let bytes = digits.collect::<Option<Vec<_>>>().filter(|_| text.len() == 64);
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| StoreError::Key {
                path: self.key_path.clone(),
                reason: "it is not 64 hexadecimal digits".to_owned(),
            })
    }

    /// `crypto/<device id>`; should the other identity have a device of the same id, with this role's name behind.
    pub(super) fn folder(&self, device: &DeviceId) -> PathBuf {
        let name = folder::name(device);
        let folder = self.root.join(&name);
        match read(&folder.join(OWNER)) {
            Ok(Some(owner)) if owner.trim() != self.user.as_str() => {
                self.root.join(format!("{name}.{}", self.role.name()))
            }
            _ => folder,
        }
    }
}

/// What tells one room key from another.
pub(super) fn ids(keys: &[ExportedRoomKey]) -> BTreeSet<(OwnedRoomId, String)> {
    keys.iter()
        .map(|key| (key.room_id.clone(), key.session_id.clone()))
        .collect()
}
