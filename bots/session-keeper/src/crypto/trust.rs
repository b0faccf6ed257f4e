//! Cross-signing, secret storage and key backup.

use matrix_sdk::{
    Client, Error,
    encryption::{recovery::RecoveryError, secret_storage::SecretStorageError},
    ruma::{
        UserId,
        api::client::{backup::get_latest_backup_info, uiaa::AuthData},
    },
};
use matrix_sdk_crypto::{secret_storage::DecodeError, types::SecretsBundle};
use serde_json::{Value, json};
use vodozemac::{Ed25519PublicKey, Ed25519SecretKey};

use super::Inherited;
use crate::{
    account::Account,
    config::Wording,
    healing::Mark,
    health::Degraded,
    secret::Secret,
    session::uia::{self, Demand},
    vault::{Vault, VaultError},
};

/// How far the account's trust and history are on this device.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Trust {
    /// What is weaker, if anything.
    pub cross_signing: Option<Degraded>,
    /// What is weaker, if anything.
    pub backup: Option<Degraded>,
}

/// What kept [`Securing::secure`] from finding out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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

/// What came of making a cross-signing identity.
struct Made {
    result: Result<(), Error>,
    /// What the server demands first, as it came.
    demanded: Option<Value>,
}

impl Made {
    async fn of(client: &Client, auth: &Value) -> Self {
        let auth = serde_json::from_value::<AuthData>(auth.clone()).ok();
        let result = client.encryption().bootstrap_cross_signing(auth).await;
        let info = result.as_ref().err().and_then(Error::as_uiaa_response);
        let demanded = info.and_then(|info| serde_json::to_value(info).ok());
        Self { result, demanded }
    }

    fn demand(&self) -> Option<Demand<'_>> {
        let body = self.demanded.as_ref()?;
        let errcode = body["errcode"].as_str().unwrap_or_default();
        Some(Demand { errcode, body })
    }
}

/// How closely [`Securing::secure`] looks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Depth {
    /// Only at what this device knows: what an identity needs before it serves.
    Known,
    /// Also whether the server still agrees: somebody may have changed the recovery key, or deleted or replaced the backup.
    Server {
        /// The version of the backup that this device writes to.
        backup: Option<String>,
    },
}

/// What it takes to see to an account's trust and backup.
pub struct Securing<'a> {
    /// Which account, for the log.
    pub role: Account,
    /// Its client.
    pub client: &'a Client,
    /// Who it is.
    pub user: &'a UserId,
    /// Where the recovery key lies.
    pub vault: &'a Vault,
    /// The password, where there is one that may be tried.
    pub password: Option<&'a Secret>,
    /// What an older device's store has of the account's secrets.
    pub inherited: &'a Inherited,
    /// How the operator is told what to do.
    pub wording: &'a Wording,
}

impl std::fmt::Debug for Securing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Securing")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Securing<'_> {
    /// Makes this device a signed one, and history readable from it: makes the account's cross-signing identity, secret
    /// storage and key backup at the first use, and recovers them with the vault's recovery key on a new device. Never
    /// resets what somebody else made: that would break what peers have verified, or lose what only the old backup holds.
    ///
    /// # Errors
    ///
    /// When the homeserver does not answer, or the vault cannot be used: nothing is known then.
    pub async fn secure(&self, depth: &Depth) -> Result<Trust, TrustError> {
        let encryption = self.client.encryption();
        encryption.wait_for_e2ee_initialization_tasks().await;
        let mut trust = Trust::default();
        let has_identity = encryption.request_user_identity(self.user).await?.is_some();
        if !has_identity {
            trust.cross_signing = self.make_identity().await?;
        }
        let changed = match depth {
            Depth::Known => None,
            Depth::Server { backup } => self.compare_with_the_server(backup.as_deref()).await?,
        };
        let mut recovered = Ok(());
        if !self.is_complete().await? {
            recovered = self.recover().await?;
            if recovered.is_err() && self.inherit().await? {
                recovered = Ok(());
            }
        }
        if !has_identity || self.has_private_keys().await {
            self.sign_own_device().await?;
        }
        if trust.cross_signing.is_none() && !self.device_is_signed().await? {
            trust.cross_signing = Some(self.unsigned(recovered.as_ref().err()));
        }
        trust.backup = match changed {
            Some(why) => Some(self.no_backup(why)),
            None => self.ensure_backup(recovered.err()).await?,
        };
        if trust.cross_signing.is_some() || trust.backup.is_some() {
            Mark::TrustDegraded.hit(self.role);
        }
        Ok(trust)
    }

    async fn make_identity(&self) -> Result<Option<Degraded>, TrustError> {
        let stage = |name: &str| match (name, self.password) {
            ("m.login.password", Some(password)) => Some(json!({
                "type": name,
                "identifier": { "type": "m.id.user", "user": self.user },
                "password": password.expose(),
            })),
            _ => None,
        };
        let ask = async |body: Value| Made::of(self.client, &body["auth"]).await;
        let made = uia::walk(json!({}), stage, ask, Made::demand).await;
        if made.demanded.is_some() && self.password.is_none() {
            return Ok(Some(Degraded {
                what: "other people's clients show the device as unverified: the server wants the password to set \
                       up cross-signing"
                    .to_owned(),
                cure: format!("give the password of {}", self.user),
            }));
        }
        made.result?;
        Mark::CrossSigningMade.hit(self.role);
        Ok(None)
    }

    /// `Ok(Err(why))`: it is settled that the recovery key does not help.
    async fn recover(&self) -> Result<Result<(), String>, TrustError> {
        let path = self.vault.path("recovery_key");
        let key = match self.vault.recovery_key() {
            Ok(Some(key)) => key,
            Ok(None) => return Ok(Err(format!("there is no recovery key in {}", path.display()))),
            Err(error) if error.is_damage() => return Ok(Err(error.to_string())),
            Err(error) => return Err(error.into()),
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
    async fn inherit(&self) -> Result<bool, TrustError> {
        let Some(mut secrets) = self.inherited.0.clone() else {
            return Ok(false);
        };
        let encryption = self.client.encryption();
        let identity = encryption.get_user_identity(self.user).await.map_err(Error::from)?;
        let master = identity
            .as_ref()
            .and_then(|identity| identity.master_key().get_first_key());
        // Whoever reset the identity meant it: the older one must not come back, and the SDK would let it.
        if !has_master_key(&secrets, master) {
            tracing::warn!(
                role = self.role.name(),
                "the older store has another cross-signing identity than the account: it is not taken over"
            );
            return Ok(false);
        }
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

    /// Whether somebody has changed what the vault and this device know of: says how. What was only deleted is made again.
    async fn compare_with_the_server(&self, ours: Option<&str>) -> Result<Option<String>, TrustError> {
        if let Some(why) = self.key_does_not_open().await? {
            return Ok(Some(why));
        }
        let backups = self.client.encryption().backups();
        let Some(ours) = ours else { return Ok(None) };
        if !backups.are_enabled().await {
            return Ok(None);
        }
        match self.backup_version().await? {
            Some(version) if version == ours => Ok(None),
            None => {
                tracing::warn!(
                    role = self.role.name(),
                    "the key backup is gone from the server: another is made"
                );
                backups.disable().await?;
                Ok(None)
            }
            Some(version) => {
                // Its key may be where the recovery key opens it.
                self.recover().await?.ok();
                Ok(Some(format!(
                    "another key backup (version {version}) has taken the place of the one that this device writes to"
                )))
            }
        }
    }

    /// Why the recovery key in the vault does not open the account's secret storage, where there are both.
    async fn key_does_not_open(&self) -> Result<Option<String>, TrustError> {
        let Ok(Some(key)) = self.vault.recovery_key() else {
            return Ok(None);
        };
        let opened = self
            .client
            .encryption()
            .secret_storage()
            .open_secret_store(key.expose())
            .await;
        match opened {
            Ok(_) | Err(SecretStorageError::MissingKeyInfo { .. }) => Ok(None),
            Err(SecretStorageError::Sdk(error)) => Err(error.into()),
            Err(SecretStorageError::SecretStorageKey(DecodeError::Mac(_))) => Ok(Some(format!(
                "somebody has changed the account's recovery key: the one in {} does not open its secret storage",
                self.vault.path("recovery_key").display()
            ))),
            // No key at all: nobody's work is undone by making another, where everything it opened is at hand.
            Err(SecretStorageError::SecretStorageKey(_)) if self.has_private_keys().await => {
                self.vault.put_aside("recovery_key")?;
                Ok(None)
            }
            Err(error) => Ok(Some(format!(
                "the recovery key in {} does not open the account's secret storage: {error}",
                self.vault.path("recovery_key").display()
            ))),
        }
    }

    /// The version of the account's key backup on the server.
    async fn backup_version(&self) -> Result<Option<String>, TrustError> {
        match self.client.send(get_latest_backup_info::v3::Request::new()).await {
            Ok(info) => Ok(Some(info.version)),
            Err(error)
                if error
                    .as_client_api_error()
                    .is_some_and(|error| error.status_code == 404) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::from(error).into()),
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
        if !self.has_private_keys().await {
            return Ok(Some(self.no_backup(
                not_recovered.unwrap_or_else(|| "the cross-signing keys are not here".to_owned()),
            )));
        }
        let has_key = match self.vault.recovery_key() {
            Ok(key) => key.is_some(),
            // What it opened is at hand, so another key can be made.
            Err(error) if error.is_damage() => {
                self.vault.put_aside("recovery_key")?;
                false
            }
            Err(error) => return Err(error.into()),
        };
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
                "put the recovery key of {} into {} (mode 0600) and {}",
                self.user,
                self.vault.path("recovery_key").display(),
                self.wording.restart
            ),
        }
    }

    fn unsigned(&self, why: Option<&String>) -> Degraded {
        Degraded {
            what: format!(
                "other people's clients show the device as unverified{}",
                why.map_or_else(String::new, |why| format!(": {why}"))
            ),
            cure: format!(
                "put the recovery key of {} into {} (mode 0600) and {}",
                self.user,
                self.vault.path("recovery_key").display(),
                self.wording.restart
            ),
        }
    }
}

/// Whether the private master key among the secrets is the one whose public part the account shows.
fn has_master_key(secrets: &SecretsBundle, public: Option<Ed25519PublicKey>) -> bool {
    let private = Ed25519SecretKey::from_base64(&secrets.cross_signing.master_key);
    private.is_ok_and(|private| Some(private.public_key()) == public)
}

fn kind(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Mac(_) => "it is another key",
        _ => "it is not a recovery key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(master: &Ed25519SecretKey) -> SecretsBundle {
        let other = Ed25519SecretKey::new().to_base64();
        serde_json::from_value(serde_json::json!({
            "cross_signing": {
                "master_key": master.to_base64(), "user_signing_key": other, "self_signing_key": other,
            },
        }))
        .unwrap()
    }

    #[test]
    fn only_the_identity_that_the_account_shows_is_taken_over() {
        let (old, new) = (Ed25519SecretKey::new(), Ed25519SecretKey::new());
        assert!(has_master_key(&secrets(&old), Some(old.public_key())));
        assert!(!has_master_key(&secrets(&old), Some(new.public_key())));
        assert!(!has_master_key(&secrets(&old), None));
    }
}
