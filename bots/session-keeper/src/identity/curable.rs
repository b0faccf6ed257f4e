//! What the operator should do about trouble on this machine.

use crate::{
    crypto::{EscrowError, OpenError, StoreError, cure_of},
    vault::VaultError,
};

use super::IntakeError;

/// Trouble that may say how it is cured.
pub(super) trait Curable: std::error::Error {
    /// The exact step, where the trouble is about a certain file.
    fn cure(&self) -> Option<String>;
}

impl Curable for VaultError {
    fn cure(&self) -> Option<String> {
        Some(self.next_step())
    }
}

impl Curable for EscrowError {
    fn cure(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.cure(),
            _ => None,
        }
    }
}

impl Curable for StoreError {
    fn cure(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.cure(),
            Self::Key { path, .. } => Some(format!(
                "restore {} from a backup, or give the account's password: a new device with a new key is then taken",
                path.display()
            )),
            Self::Database { folder, reason, .. } => Some(cure_of(reason, folder).unwrap_or_else(|| {
                format!(
                    "see that {} can be read and written and that its disk has room left, or restore it from a backup",
                    folder.display()
                )
            })),
        }
    }
}

impl Curable for OpenError {
    fn cure(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.cure(),
            _ => None,
        }
    }
}

impl Curable for IntakeError {
    fn cure(&self) -> Option<String> {
        self.cure().map(str::to_owned)
    }
}
