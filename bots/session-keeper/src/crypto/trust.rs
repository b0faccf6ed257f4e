//! Cross-signing, secret storage and key backup.

use matrix_sdk::{
    Client, Error,
    encryption::{recovery::RecoveryError, secret_storage::SecretStorageError},
    ruma::{
        UserId,
        api::client::uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier},
    },
};
use matrix_sdk_crypto::secret_storage::DecodeError;

use super::Inherited;
use crate::{
    config::Account,
    healing::Mark,
    health::Degraded,
    secret::Secret,
    vault::{Vault, VaultError},
};

/// How far the account's trust and history are on this device.
#[derive(Debug, Default)]
pub struct Trust {
    /// What is weaker, if anything.
    pub cross_signing: Option<Degraded>,
    /// What is weaker, if anything.
    pub backup: Option<Degraded>,
}

/// What kept [`secure`] from finding out.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A request failed; worth another try.
    #[error("cannot secure the account's encryption: {0}")]
    Request(#[from] Box<Error>),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl TrustError {
    /// The request that failed.
    pub fn request(&self) -> Option<&Error> {
        match self {
            Self::Request(error) => Some(error),
            Self::Vault(_) => None,
        }
    }
}

impl From<Error> for TrustError {
    fn from(error: Error) -> Self {
        Self::Request(Box::new(error))
    }
}

/// Makes this device a signed one, and history readable from it: makes the account's cross-signing identity, secret
/// storage and key backup at the first use, and recovers them with the vault's recovery key on a new device. Never
/// resets what somebody else made: that would break what peers have verified, or lose what only the old backup holds.
pub async fn secure(
    role: Account,
    client: &Client,
    user: &UserId,
    vault: &Vault,
    password: Option<&Secret>,
    inherited: &Inherited,
) -> Result<Trust, TrustError> {
    let work = Securing {
        role,
        client,
        user,
        vault,
        password,
    };
    client.encryption().wait_for_e2ee_initialization_tasks().await;
    let mut trust = Trust::default();
    let has_identity = client.encryption().request_user_identity(user).await?.is_some();
    if !has_identity {
        trust.cross_signing = work.make_identity().await?;
    }
    let mut recovered = Ok(());
    if !work.is_complete().await? {
        recovered = work.recover().await?;
        if recovered.is_err() && work.inherit(inherited).await? {
            recovered = Ok(());
        }
    }
    if !has_identity || work.has_private_keys().await {
        work.sign_own_device().await?;
    }
    if trust.cross_signing.is_none() && !work.device_is_signed().await? {
        trust.cross_signing = Some(work.unsigned(recovered.as_ref().err()));
    }
    trust.backup = work.ensure_backup(recovered.err()).await?;
    if trust.cross_signing.is_some() || trust.backup.is_some() {
        Mark::TrustDegraded.hit(role);
    }
    Ok(trust)
}

struct Securing<'a> {
    role: Account,
    client: &'a Client,
    user: &'a UserId,
    vault: &'a Vault,
    password: Option<&'a Secret>,
}

impl Securing<'_> {
    async fn make_identity(&self) -> Result<Option<Degraded>, TrustError> {
        let encryption = self.client.encryption();
        let Err(error) = encryption.bootstrap_cross_signing(None).await else {
            Mark::CrossSigningMade.hit(self.role);
            return Ok(None);
        };
        let Some(info) = error.as_uiaa_response() else {
            return Err(error.into());
        };
        let Some(password) = self.password else {
            return Ok(Some(Degraded {
                what:
                    "other people's clients show the bot's device as unverified: the server wants the password to set \
                       up cross-signing"
                        .to_owned(),
                cure: format!("write the password of {} into its password file", self.user),
            }));
        };
        let mut auth = Password::new(
            UserIdentifier::Matrix(MatrixUserIdentifier::new(self.user.to_string())),
            password.expose().to_owned(),
        );
        auth.session.clone_from(&info.session);
        encryption
            .bootstrap_cross_signing(Some(AuthData::Password(auth)))
            .await?;
        Mark::CrossSigningMade.hit(self.role);
        Ok(None)
    }

    /// `Ok(Err(why))`: it is settled that the recovery key does not help.
    async fn recover(&self) -> Result<Result<(), String>, TrustError> {
        let path = self.vault.path("recovery_key");
        let Some(key) = self.vault.recovery_key()? else {
            return Ok(Err(format!("there is no recovery key in {}", path.display())));
        };
        match self.client.encryption().recovery().recover(key.expose()).await {
            Ok(()) => {
                Mark::Recovered.hit(self.role);
                Ok(Ok(()))
            }
            Err(RecoveryError::Sdk(error)) => Err(error.into()),
            Err(RecoveryError::SecretStorage(SecretStorageError::Sdk(error))) => Err(error.into()),
            Err(RecoveryError::SecretStorage(SecretStorageError::MissingKeyInfo { .. })) => {
                Ok(Err("the account has no secret storage".to_owned()))
            }
            Err(RecoveryError::SecretStorage(SecretStorageError::SecretStorageKey(error))) => Ok(Err(format!(
                "the recovery key in {} does not open the account's secret storage ({})",
                path.display(),
                kind(&error)
            ))),
            Err(error) => Ok(Err(format!("the account's secret storage does not help: {error}"))),
        }
    }

    /// Takes over what an older device's store has: the way where the recovery key is lost, or the account's secret storage
    /// (some homeservers clear it when an account is deactivated).
    async fn inherit(&self, inherited: &Inherited) -> Result<bool, TrustError> {
        let Some(mut secrets) = inherited.0.clone() else {
            return Ok(false);
        };
        let encryption = self.client.encryption();
        // The backup may have been cleared too: with the key to one that is gone, no other would be made.
        if !encryption.backups().fetch_exists_on_server().await? {
            secrets.backup = None;
        }
        match encryption.import_secrets_bundle(&secrets).await {
            Ok(()) => {
                Mark::TrustInherited.hit(self.role);
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(role = self.role.name(), %error, "the secrets of the older store do not help");
                Ok(false)
            }
        }
    }

    /// Signs the device where it is not, and once more after a login on it: where a deleted device logs in again and its old keys
    /// are served again, conduwuit tells nobody, and whoever asked in between encrypts for it no more. A signature is news.
    async fn sign_own_device(&self) -> Result<(), TrustError> {
        let unannounced = self.vault.is_unannounced();
        if !unannounced && self.device_is_signed().await? {
            return Ok(());
        }
        let Some(device) = self.client.encryption().get_own_device().await.map_err(Error::from)? else {
            return Ok(());
        };
        match device.verify().await {
            Ok(()) if unannounced => {
                self.vault.set_announced()?;
                Mark::DeviceAnnounced.hit(self.role);
            }
            Ok(()) => {}
            Err(error) => tracing::warn!(role = self.role.name(), %error, "the own device could not be signed"),
        }
        Ok(())
    }

    async fn device_is_signed(&self) -> Result<bool, TrustError> {
        // The signature counts when the server hands it out.
        self.client.encryption().request_user_identity(self.user).await?;
        let device = self.client.encryption().get_own_device().await.map_err(Error::from)?;
        Ok(device.is_some_and(|device| device.is_cross_signed_by_owner()))
    }

    async fn has_private_keys(&self) -> bool {
        self.client
            .encryption()
            .cross_signing_status()
            .await
            .is_some_and(|status| status.is_complete())
    }

    async fn is_complete(&self) -> Result<bool, TrustError> {
        Ok(self.has_private_keys().await && self.client.encryption().backups().are_enabled().await)
    }

    /// Sees to it that room keys go to the server's backup and that the vault can open it.
    async fn ensure_backup(&self, not_recovered: Option<String>) -> Result<Option<Degraded>, TrustError> {
        let encryption = self.client.encryption();
        let (backups, recovery) = (encryption.backups(), encryption.recovery());
        let enabled = backups.are_enabled().await;
        let has_key = self.vault.recovery_key()?.is_some();
        if !self.has_private_keys().await {
            return Ok(Some(self.no_backup(
                not_recovered.unwrap_or_else(|| "the cross-signing keys are not here".to_owned()),
            )));
        }
        let has_storage = encryption.secret_storage().is_enabled().await?;
        if enabled && has_key && has_storage {
            return Ok(None);
        }
        if !enabled && backups.fetch_exists_on_server().await? {
            // Somebody made it, and it may hold what nothing else holds: it is not replaced.
            let why = not_recovered.unwrap_or_else(|| "the recovery key does not open it".to_owned());
            return Ok(Some(
                self.no_backup(format!("there is a key backup on the server, but {why}")),
            ));
        }
        // Everything is at hand here, so a new key can take the place of one that is lost. Should the process end
        // before the key is in the vault, the next start comes here again.
        let made = if enabled {
            recovery.reset_key().await
        } else {
            recovery.enable().await
        };
        match made {
            Ok(key) => {
                self.vault.save_recovery_key(&Secret::new(key))?;
                Mark::RecoveryMade.hit(self.role);
                Ok(None)
            }
            Err(RecoveryError::Sdk(error)) => Err(error.into()),
            Err(RecoveryError::SecretStorage(SecretStorageError::Sdk(error))) => Err(error.into()),
            Err(error) => Ok(Some(self.no_backup(error.to_string()))),
        }
    }

    fn no_backup(&self, why: String) -> Degraded {
        Degraded {
            what: format!("encrypted history would not survive the loss of the data directory: {why}"),
            cure: format!(
                "put the recovery key of {} into {} (mode 0600) and restart",
                self.user,
                self.vault.path("recovery_key").display()
            ),
        }
    }

    fn unsigned(&self, why: Option<&String>) -> Degraded {
        Degraded {
            what: format!(
                "other people's clients show the bot's device as unverified{}",
                why.map_or_else(String::new, |why| format!(": {why}"))
            ),
            cure: format!(
                "put the recovery key of {} into {} (mode 0600) and restart",
                self.user,
                self.vault.path("recovery_key").display()
            ),
        }
    }
}

fn kind(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Mac(_) => "it is another key",
        _ => "it is not a recovery key",
    }
}
