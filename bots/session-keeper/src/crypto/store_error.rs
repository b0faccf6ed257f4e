use std::path::{Path, PathBuf};

use matrix_sdk::ClientBuildError;

use crate::vault::VaultError;

/// A store that could not be worked with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The key of the stores is not what this program makes.
    #[error("the key of the crypto stores in {} cannot be used: {reason}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database.
    #[error("cannot {action} the crypto store in {}: {reason}", folder.display())]
    Database {
        /// What was tried.
        action: &'static str,
        /// Where.
        folder: PathBuf,
        /// What came back.
        reason: String,
    },
}

impl StoreError {
    pub(super) fn not_opened(folder: &Path, error: &ClientBuildError) -> Self {
        Self::Database {
            action: "open",
            folder: folder.into(),
            reason: error.to_string(),
        }
    }
}
