//! The secrets of one identity.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use matrix_sdk::ruma::{OwnedDeviceId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use super::{
    file::{VaultError, prove_writable, put_aside, read, remove, write},
    predecessor::{FirstSession, Predecessor},
};
use crate::{account::Account, secret::Secret};

const SESSION: &str = "session.json";
const DEVICES: &str = "devices.json";
const IDENTITY: &str = "identity";
/// The file that says that peers may think the device gone.
const UNANNOUNCED: &str = "unannounced";

/// What is known of the session in use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The user, unless another program made the session and does not tell it.
    pub user: Option<OwnedUserId>,
    /// The device; a token of another program may come without it.
    pub device: Option<OwnedDeviceId>,
    /// The token.
    pub token: Option<Secret>,
    /// What makes another one when it has expired, where the server gave that.
    pub refresh: Option<Secret>,
    /// Whether this came from the account's [`Predecessor`].
    pub is_first: bool,
}

/// Devices that are not in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Devices {
    /// The id that a login on a new device takes. It is written before the login, so that a crash before the answer is
    /// saved leaves no device that nobody knows of: the next login takes the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<OwnedDeviceId>,
    /// Devices left behind that are still to be logged out.
    #[serde(default)]
    pub left: Vec<LeftDevice>,
    /// Devices that logins with this data directory have made, or were about to make. Only they, and devices that were in
    /// use here, are ever removed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub made: BTreeSet<OwnedDeviceId>,
    /// The device from which it was looked whether any of them is still there that nothing else speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_from: Option<OwnedDeviceId>,
    /// The device of a former life of this data directory for which it was looked then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_for: Option<OwnedDeviceId>,
}

impl Devices {
    /// No login is to take the pending id any more. The homeserver may have made the device, though its answer was lost: it is left behind,
    /// and looked for there.
    pub(crate) fn abandon_pending(&mut self) {
        if let Some(device) = self.pending.take()
            && self.left.iter().all(|left| left.device != device)
        {
            self.left.push(LeftDevice { device, token: None });
        }
    }
}

/// A device left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftDevice {
    /// Which.
    pub device: OwnedDeviceId,
    /// Its token, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_secret")]
    pub token: Option<Secret>,
}

#[derive(Serialize, Deserialize)]
struct SessionFile {
    user_id: OwnedUserId,
    device_id: OwnedDeviceId,
    access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_secret")]
    refresh_token: Option<Secret>,
}

/// The files of one identity.
#[derive(Clone, Debug)]
pub struct Vault {
    role: Account,
    directory: PathBuf,
    predecessor: Option<Arc<dyn Predecessor>>,
}

impl Vault {
    /// The vault of an identity in the data directory.
    pub fn new(role: Account, data_dir: &Path) -> Self {
        Self {
            role,
            directory: data_dir.to_owned(),
            predecessor: None,
        }
    }

    /// The same vault, of an account that another program kept before.
    pub fn after(self, predecessor: Arc<dyn Predecessor>) -> Self {
        Self {
            predecessor: Some(predecessor),
            ..self
        }
    }

    /// What kept the account before.
    pub fn predecessor(&self) -> Option<&Arc<dyn Predecessor>> {
        self.predecessor.as_ref()
    }

    /// The path of a file of this identity: `<stem>_<name>`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{}_{name}", self.role.file_stem()))
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The saved session: ours, else the predecessor's. A session file that nobody can make sense of is put aside, not
    /// fatal: the password can make another.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn session(&self) -> Result<Option<Saved>, VaultError> {
        if let Some(saved) = self.own_session()? {
            return Ok(Some(saved));
        }
        let first = self.predecessor.as_ref().map_or(Ok(None), |old| old.session())?;
        Ok(first.map(|FirstSession { device, token }| Saved {
            user: None,
            device,
            token,
            refresh: None,
            is_first: true,
        }))
    }

    fn own_session(&self) -> Result<Option<Saved>, VaultError> {
        let Some(text) = self.read_or_put_aside(SESSION)? else {
            return Ok(None);
        };
        let Ok(file) = serde_json::from_str::<SessionFile>(&text) else {
            self.put_aside(SESSION)?;
            return Ok(None);
        };
        Ok(Some(Saved {
            user: Some(file.user_id),
            device: Some(file.device_id).filter(|device| !device.as_str().is_empty()),
            token: Some(Secret::new(file.access_token)),
            refresh: file.refresh_token,
            is_first: false,
        }))
    }

    /// Saves a session without a refresh token; on the disk when this returns.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; the former one is left then.
    pub fn save_session(&self, user: &UserId, device: &OwnedDeviceId, token: &Secret) -> Result<(), VaultError> {
        self.save_refreshable(user, device, token, None)
    }

    /// Saves a session; on the disk when this returns.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; the former one is left then.
    pub fn save_refreshable(
        &self,
        user: &UserId,
        device: &OwnedDeviceId,
        token: &Secret,
        refresh: Option<&Secret>,
    ) -> Result<(), VaultError> {
        let file = SessionFile {
            user_id: user.to_owned(),
            device_id: device.clone(),
            access_token: token.expose().to_owned(),
            refresh_token: refresh.cloned(),
        };
        self.write_json(SESSION, &file)
    }

    /// Proves that a session, and what else is written after a login, could be saved now: a login whose token cannot be
    /// kept must not be made.
    ///
    /// # Errors
    ///
    /// When nothing can be written: no token may be made then.
    pub fn prove_writable(&self) -> Result<(), VaultError> {
        [SESSION, DEVICES, IDENTITY]
            .iter()
            .try_for_each(|name| prove_writable(&self.path(name)))
    }

    /// Puts the saved session aside: it is another user's, or of no use.
    ///
    /// # Errors
    ///
    /// When the file cannot be moved.
    pub fn put_session_aside(&self) -> Result<(), VaultError> {
        self.put_aside(SESSION)
    }

    /// Where a session file that was of no use was put aside, if one ever was.
    pub fn session_aside(&self) -> Option<PathBuf> {
        let mut path = self.path(SESSION).into_os_string();
        path.push(".put-aside");
        Some(PathBuf::from(path)).filter(|path| path.exists())
    }

    /// Devices that are not in use.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn devices(&self) -> Result<Devices, VaultError> {
        let Some(text) = self.read_or_put_aside(DEVICES)? else {
            return Ok(Devices::default());
        };
        match serde_json::from_str(&text) {
            Ok(devices) => Ok(devices),
            Err(_) => {
                self.put_aside(DEVICES)?;
                Ok(Devices::default())
            }
        }
    }

    /// Saves them.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; the former one is left then.
    pub fn save_devices(&self, devices: &Devices) -> Result<(), VaultError> {
        self.write_json(DEVICES, devices)
    }

    /// The user that this identity is, as remembered. A file that names none is an error: somebody was remembered, and
    /// nobody else's token may be taken for theirs.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn identity(&self) -> Result<Option<OwnedUserId>, VaultError> {
        let path = self.path(IDENTITY);
        let Some(text) = read(&path)? else { return Ok(None) };
        match UserId::parse(text.trim()) {
            Ok(user) => Ok(Some(user)),
            Err(_) => Err(VaultError::new(
                "read",
                &path,
                std::io::Error::new(std::io::ErrorKind::InvalidData, "it names no user"),
            )),
        }
    }

    /// Remembers the user that this identity is.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; the former one is left then.
    pub fn save_identity(&self, user: &UserId) -> Result<(), VaultError> {
        write(&self.path(IDENTITY), format!("{user}\n").as_bytes())
    }

    /// The recovery key (or passphrase) of the account's secret storage.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn recovery_key(&self) -> Result<Option<Secret>, VaultError> {
        let text = read(&self.path("recovery_key"))?;
        Ok(text
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .map(Secret::new))
    }

    /// Saves the recovery key.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; the former one is left then.
    pub fn save_recovery_key(&self, key: &Secret) -> Result<(), VaultError> {
        write(&self.path("recovery_key"), format!("{}\n", key.expose()).as_bytes())
    }

    /// Notes, before a login on the saved device, that peers may think the device gone: it may have been deleted, and they asked
    /// for the keys while it was.
    ///
    /// # Errors
    ///
    /// When the mark cannot be written.
    pub fn set_unannounced(&self) -> Result<(), VaultError> {
        match self.is_unannounced() {
            // Whatever is there says it already.
            true => Ok(()),
            false => write(&self.path(UNANNOUNCED), b""),
        }
    }

    /// Whether peers may think the device gone.
    pub fn is_unannounced(&self) -> bool {
        self.path(UNANNOUNCED).exists()
    }

    /// Peers have been told.
    ///
    /// # Errors
    ///
    /// When the mark cannot be removed.
    pub fn set_announced(&self) -> Result<(), VaultError> {
        remove(&self.path(UNANNOUNCED))
    }

    /// A random secret of 32 bytes as hexadecimal, made at the first use and the same from then on.
    ///
    /// # Errors
    ///
    /// When the file can neither be read nor written, or the system gives no random bytes.
    pub fn random(&self, name: &str) -> Result<Secret, VaultError> {
        let path = self.path(name);
        if let Some(text) = read(&path)?
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
        {
            return Ok(Secret::new(text));
        }
        let secret = random_hex().map_err(|error| VaultError::new("make", &path, error))?;
        write(&path, format!("{}\n", secret.expose()).as_bytes())?;
        Ok(secret)
    }

    /// Removes a file of this identity.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be removed.
    pub fn forget(&self, name: &str) -> Result<(), VaultError> {
        remove(&self.path(name))
    }

    /// Puts a file of this identity aside, beside where it was.
    ///
    /// # Errors
    ///
    /// When the file cannot be moved.
    pub fn put_aside(&self, name: &str) -> Result<(), VaultError> {
        let path = self.path(name);
        let aside = put_aside(&path)?;
        tracing::warn!(role = self.role.name(), path = %path.display(), aside = %aside.display(), "put a file aside");
        Ok(())
    }

    /// Reads a file that can be had again, so that one of no use is put aside and counts as none.
    fn read_or_put_aside(&self, name: &str) -> Result<Option<String>, VaultError> {
        match read(&self.path(name)) {
            Err(error) if error.is_damage() => self.put_aside(name).map(|()| None),
            read => read,
        }
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), VaultError> {
        let path = self.path(name);
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| VaultError::new("write", &path, std::io::Error::other(error)))?;
        write(&path, text.as_bytes())
    }
}

fn random_hex() -> std::io::Result<Secret> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(Secret::new(
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    ))
}

mod optional_secret {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::secret::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}
