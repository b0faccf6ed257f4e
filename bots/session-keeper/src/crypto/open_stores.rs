//! The databases in use while a device is made ready.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use matrix_sdk::SqliteStoreConfig;

use super::databases::Databases;

/// A device is looked at, its keys are carried over, and a client is opened on it: here the databases stay open from one
/// to the next. They can also be opened ahead, while the homeserver is waited for. They are for one attempt: files may
/// be another's by the next one.
#[derive(Debug, Default)]
pub struct OpenStores(HashMap<PathBuf, Arc<Databases>>);

impl OpenStores {
    /// The databases in a folder.
    pub(super) fn databases(&mut self, folder: &Path, config: SqliteStoreConfig) -> Arc<Databases> {
        let databases = self.0.entry(folder.to_owned());
        Arc::clone(databases.or_insert_with(|| Arc::new(Databases::new(config))))
    }

    /// Lets go of those of a folder, which is about to be moved.
    pub(super) fn forget(&mut self, folder: &Path) {
        self.0.remove(folder);
    }
}
