//! What people's clients do with the secrets of their account: its recovery, its key backup, its cross-signing identity.

use futures_util::FutureExt as _;
use matrix_sdk::{
    encryption::CrossSigningResetAuthType,
    ruma::api::client::uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier},
};

use super::{Error, Peer, Result};

impl Peer {
    /// Makes secret storage and a key backup, into which this device's room keys go from here on; answers the recovery key.
    ///
    /// # Errors
    ///
    /// When the account has a backup that this device cannot use, or the server refuses.
    pub async fn make_recovery(&self) -> Result<String> {
        async move {
            let made = self.client().encryption().recovery().enable().await;
            made.map_err(|error| Error::sdk("make secret storage and a key backup", error))
        }
        .boxed()
        .await
    }

    /// Deletes the key backup, with every key that is in it.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn delete_backup(&self) -> Result<()> {
        async move {
            let deleted = self.client().encryption().backups().disable_and_delete().await;
            deleted.map_err(|error| Error::sdk("delete the key backup", error))
        }
        .boxed()
        .await
    }

    /// Makes another cross-signing identity in place of the account's own, and secret storage for it; answers the new recovery key.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn make_another_identity(&self) -> Result<String> {
        async move {
            let failed = |error: matrix_sdk::Error| Error::sdk("make another cross-signing identity", error);
            let encryption = self.client().encryption();
            if let Some(handle) = encryption.reset_cross_signing().await.map_err(failed)? {
                let user = MatrixUserIdentifier::new(self.user().user_id().to_owned());
                let mut auth = Password::new(UserIdentifier::Matrix(user), self.user().password().to_owned());
                if let CrossSigningResetAuthType::Uiaa(asked) = handle.auth_type() {
                    auth.session.clone_from(&asked.session);
                }
                handle.auth(Some(AuthData::Password(auth))).await.map_err(failed)?;
            }
            let made = encryption.recovery().reset_key().await;
            made.map_err(|error| Error::sdk("make secret storage anew", error))
        }
        .boxed()
        .await
    }
}
