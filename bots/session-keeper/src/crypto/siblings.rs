//! The stores of other devices beside that of the one in use.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use matrix_sdk::ruma::{DeviceId, OwnedDeviceId};

use super::{
    StoreError, Stores, folder,
    stores::{CARRIED_TO, DATABASE, OWNER},
};
use crate::{
    healing::Mark,
    vault::{VaultError, put_aside, read},
};

impl Stores {
    /// Removes the stores whose keys were carried into this device's store before this start, which has proven it healthy.
    ///
    /// # Errors
    ///
    /// When a store cannot be removed; it is tried again at the next start.
    pub fn remove_proven(&self, device: &DeviceId, carried_before: &BTreeSet<OwnedDeviceId>) -> Result<(), StoreError> {
        for sibling in self.siblings(&self.folder(device))? {
            if carried_before.contains(&folder::device(&sibling))
                && lenient(&sibling.join(CARRIED_TO))?.as_deref() == Some(device.as_str())
            {
                fs::remove_dir_all(&sibling).map_err(|error| VaultError::new("remove", &sibling, error))?;
                Mark::OldStoreRemoved.hit(self.role);
            }
        }
        Ok(())
    }

    /// The devices whose stores are marked as carried into this device's store.
    ///
    /// # Errors
    ///
    /// When the list of them cannot be read.
    pub fn carried_to(&self, device: &DeviceId) -> Result<BTreeSet<OwnedDeviceId>, StoreError> {
        let mut carried = BTreeSet::new();
        for sibling in self.siblings(&self.folder(device))? {
            if lenient(&sibling.join(CARRIED_TO))?.as_deref() == Some(device.as_str()) {
                carried.insert(folder::device(&sibling));
            }
        }
        Ok(carried)
    }

    pub(super) fn siblings(&self, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(VaultError::new("list", &self.root, error).into()),
        };
        let mut siblings = Vec::new();
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let ours = read(&path.join(OWNER))
                .ok()
                .flatten()
                .is_some_and(|owner| owner.trim() == self.user.as_str());
            if path != folder && ours && path.join(DATABASE).exists() {
                siblings.push(path);
            }
        }
        siblings.sort();
        Ok(siblings)
    }
}

/// A small file of a folder. One of no use counts as none: what it says is found out again.
pub(super) fn lenient(path: &Path) -> Result<Option<String>, VaultError> {
    match read(path) {
        Err(error) if error.is_damage() => {
            put_aside(path)?;
            Ok(None)
        }
        read => read,
    }
}
