use std::path::PathBuf;

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
