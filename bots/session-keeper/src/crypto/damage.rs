//! Stores and files that are of no use any more.

use std::{
    fs,
    path::{Path, PathBuf},
};

use matrix_sdk::ruma::DeviceId;
use matrix_sdk_crypto::store::CryptoStore;

use super::{
    OpenStores, StoreError, Stores, folder,
    stores::{MAKESHIFT, STORE_KEY},
};
use crate::vault::{Vault, VaultError, put_aside, write};

/// The database of rooms: all in it can be had again from the homeserver.
const ROOMS: &str = "matrix-sdk-state.sqlite3";
/// Found out while it was in use: the store is of an earlier time than the server's record.
pub(super) const OUTDATED: &str = "outdated";
/// Found out while it was in use: the database of keys is damaged.
pub(super) const DAMAGED: &str = "damaged";

/// Whether the reason of a database's failure is what is in its file, and not the disk or the rights.
pub fn is_damage(reason: &str) -> bool {
    ["malformed", "not a database", "cipher", "decrypt"]
        .iter()
        .any(|sign| reason.to_ascii_lowercase().contains(sign))
}

/// What the operator should do where a database in `folder` fails for a reason that lies on this machine. SQLite's own words are looked
/// for: the SDK's errors keep nothing else of it.
pub fn cure_of(reason: &str, folder: &Path) -> Option<String> {
    let (reason, folder) = (reason.to_ascii_lowercase(), folder.display());
    let says = |words: &[&str]| words.iter().any(|words| reason.contains(words));
    if says(&["disk is full", "no space left", "quota exceeded"]) {
        Some(format!("make room on the disk of {folder}"))
    } else if says(&["readonly database", "read-only file system"]) {
        Some(format!(
            "let the user of this process write {folder} and all in it, or mount its file system writable"
        ))
    } else if says(&["unable to open database file", "permission denied"]) {
        Some(format!(
            "see that {folder} is a directory in which the user of this process can make, read and write files"
        ))
    } else if says(&["disk i/o error", "input/output error"]) {
        Some(format!("see what is wrong with the disk of {folder}"))
    } else if says(&["database is locked", "database is busy"]) {
        Some(format!("end the other program that has a database in {folder} open"))
    } else {
        None
    }
}

impl Stores {
    /// Puts a key of the stores aside that cannot be used: another is made, which opens none of the old stores.
    ///
    /// # Errors
    ///
    /// When the key file cannot be moved.
    pub fn put_key_aside(vault: &Vault) -> Result<(), StoreError> {
        Ok(vault.put_aside(STORE_KEY)?)
    }

    /// Moves a store that cannot be opened out of the way; it is never removed.
    ///
    /// # Errors
    ///
    /// When the store cannot be moved; it is left where it is then.
    pub fn put_aside(&self, device: &DeviceId, open_stores: &mut OpenStores) -> Result<(), StoreError> {
        let folder = self.folder(device);
        open_stores.forget(&folder);
        let aside = (1_u32..)
            .map(|n| folder.with_file_name(format!("{}.unreadable-{n}", folder::file_name(&folder))))
            .find(|path| !path.exists())
            .unwrap_or_else(|| folder.with_extension("unreadable"));
        fs::rename(&folder, &aside).map_err(|error| VaultError::new("put aside", &folder, error).into())
    }

    /// Writes down, before a store is begun on a device whose own store is lost, that it is only a makeshift: as soon as
    /// there is a password, a new device takes its place.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or marked.
    pub fn begin_makeshift(&self, device: &DeviceId) -> Result<(), StoreError> {
        let folder = self.folder(device);
        folder::make(&folder)?;
        Ok(write(&folder.join(MAKESHIFT), b"")?)
    }

    /// Writes down that the database of keys is damaged although it opens, so that the next start takes another.
    ///
    /// # Errors
    ///
    /// When the mark cannot be written.
    pub fn mark_damaged(&self, device: &DeviceId) -> Result<(), StoreError> {
        Ok(write(&self.folder(device).join(DAMAGED), b"")?)
    }

    /// Writes down that the store is of an earlier time than the server's record, so that the next start takes another.
    ///
    /// # Errors
    ///
    /// When the mark cannot be written.
    pub fn mark_outdated(&self, device: &DeviceId) -> Result<(), StoreError> {
        Ok(write(&self.folder(device).join(OUTDATED), b"")?)
    }

    /// Puts the database of rooms aside, which is damaged although it opens: another is filled from the homeserver. Nobody
    /// may have it open.
    ///
    /// # Errors
    ///
    /// When the database of rooms cannot be moved.
    pub fn put_rooms_aside(&self, device: &DeviceId) -> Result<(), StoreError> {
        put_rooms_aside(&self.folder(device))
    }

    /// Where the databases of a folder do not open for this reason: puts that of rooms aside if it alone is the trouble.
    pub(super) async fn put_damaged_rooms_aside(
        &self,
        folder: &Path,
        reason: &str,
        open_stores: &mut OpenStores,
    ) -> Result<bool, StoreError> {
        if !(is_damage(reason) || folder.join(ROOMS).is_dir()) || self.keys(folder, open_stores).await.is_err() {
            return Ok(false);
        }
        tracing::warn!(folder = %folder.display(), reason, "the database of rooms is damaged: another is made");
        open_stores.forget(folder);
        put_rooms_aside(folder)?;
        Ok(true)
    }

    /// The version of the key backup that a device writes to, as far as its store knows.
    ///
    /// # Errors
    ///
    /// When the store cannot be opened or read.
    pub async fn backup_version(
        &self,
        device: &DeviceId,
        open_stores: &mut OpenStores,
    ) -> Result<Option<String>, StoreError> {
        let folder = self.folder(device);
        let keys = self.keys(&folder, open_stores).await?.load_backup_keys().await;
        match keys {
            Ok(keys) => Ok(keys.backup_version),
            Err(error) => Err(StoreError::Database {
                action: "read",
                folder,
                reason: error.to_string(),
            }),
        }
    }
}

/// With what SQLite keeps beside it.
fn put_rooms_aside(folder: &Path) -> Result<(), StoreError> {
    for ending in ["", "-wal", "-shm"] {
        let path: PathBuf = folder.join(format!("{ROOMS}{ending}"));
        if path.symlink_metadata().is_ok() {
            put_aside(&path)?;
        }
    }
    Ok(())
}
