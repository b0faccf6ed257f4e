//! What kept an account before.

use std::fmt;

use matrix_sdk::ruma::OwnedDeviceId;
use matrix_sdk_crypto::olm::ExportedRoomKey;

use super::VaultError;
use crate::secret::Secret;

/// Another program that kept the account before, and whose session and room keys are taken over. Nothing of it is ever
/// changed.
pub trait Predecessor: fmt::Debug + Send + Sync {
    /// Its session. Asked for where there is no saved session yet.
    ///
    /// # Errors
    ///
    /// When what it left cannot be read; the heal is then tried again.
    fn session(&self) -> Result<Option<FirstSession>, VaultError>;

    /// Its room keys, which go into each new device's store; `None` where it left none.
    ///
    /// # Errors
    ///
    /// With the reason, naming the file, when it left some that cannot be read. While they cannot, no old device or
    /// store is removed.
    fn room_keys(&self) -> Result<Option<ForeignKeys>, String>;
}

/// A session that another program made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FirstSession {
    /// The device; a token may come without it.
    pub device: Option<OwnedDeviceId>,
    /// The token.
    pub token: Option<Secret>,
}

impl FirstSession {
    /// A session of this device with this token, as far as they are known.
    pub const fn new(device: Option<OwnedDeviceId>, token: Option<Secret>) -> Self {
        Self { device, token }
    }
}

/// Room keys that another program kept.
#[derive(Default)]
#[non_exhaustive]
pub struct ForeignKeys {
    /// Those that could be read.
    pub keys: Vec<ExportedRoomKey>,
    /// How many could not.
    pub unreadable: usize,
}

impl ForeignKeys {
    /// These keys, besides so many that could not be read.
    pub const fn new(keys: Vec<ExportedRoomKey>, unreadable: usize) -> Self {
        Self { keys, unreadable }
    }
}

impl fmt::Debug for ForeignKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForeignKeys({} and {} unreadable)", self.keys.len(), self.unreadable)
    }
}
