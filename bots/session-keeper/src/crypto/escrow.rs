//! The encrypted file of all room keys.

use std::{io::Cursor, path::PathBuf};

use matrix_sdk_crypto::{decrypt_room_key_export, encrypt_room_key_export, olm::ExportedRoomKey};

use super::stores::ids;
use crate::{
    secret::Secret,
    vault::{Vault, VaultError, read, write},
};

/// The passphrase is 32 random bytes: stretching it would add nothing but heat.
const ROUNDS: u32 = 1_000;

/// The file of the vault that has the passphrase.
const PASSPHRASE: &str = "escrow_passphrase";

/// The escrow file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EscrowError {
    /// It could not be read or written as a file.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It is there but does not open.
    #[error(
        "the room keys in {} cannot be opened with {}: restore that passphrase file, or move the escrow file away if \
         its keys are not needed",
        path.display(),
        passphrase.display()
    )]
    Closed {
        /// The escrow file.
        path: PathBuf,
        /// The passphrase file.
        passphrase: PathBuf,
    },
    /// The keys could not be encrypted.
    #[error("cannot encrypt the room keys for {}: {reason}", path.display())]
    Encrypt {
        /// The escrow file.
        path: PathBuf,
        /// What came back.
        reason: String,
    },
}

/// The escrow file of one identity, in the format that Matrix clients export and import.
#[derive(Clone, Debug)]
pub struct Escrow {
    path: PathBuf,
    passphrase_path: PathBuf,
    passphrase: Secret,
}

impl Escrow {
    /// The escrow of an identity.
    ///
    /// # Errors
    ///
    /// When the passphrase of the escrow can neither be read nor made.
    pub fn new(vault: &Vault) -> Result<Self, VaultError> {
        let passphrase = match vault.random(PASSPHRASE) {
            // The bot must not stand still for a copy of its keys: begin another one, and report that the old one does not open.
            Err(error) if error.is_damage() => {
                vault.put_aside(PASSPHRASE)?;
                vault.random(PASSPHRASE)?
            }
            passphrase => passphrase?,
        };
        Ok(Self {
            path: vault.path("room_keys.escrow"),
            passphrase_path: vault.path(PASSPHRASE),
            passphrase,
        })
    }

    /// The room keys in it; `None` where there is no file.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read, or its passphrase does not open it.
    pub fn read(&self) -> Result<Option<Vec<ExportedRoomKey>>, EscrowError> {
        let Some(text) = read(&self.path)? else { return Ok(None) };
        match decrypt_room_key_export(Cursor::new(text), self.passphrase.expose()) {
            Ok(keys) => Ok(Some(keys)),
            Err(_) => Err(EscrowError::Closed {
                path: self.path.clone(),
                passphrase: self.passphrase_path.clone(),
            }),
        }
    }

    /// Adds room keys, and gives back in `keys` what was in the file besides; nothing in it is ever dropped. A file that
    /// cannot be opened is left alone. Returns how many keys are in the file now.
    ///
    /// # Errors
    ///
    /// When what the file already holds cannot be read, or the new one cannot be written: the old one is left then.
    pub fn add(&self, keys: &mut Vec<ExportedRoomKey>) -> Result<usize, EscrowError> {
        let known = ids(keys);
        if let Some(before) = self.read()? {
            let in_file = ids(&before);
            keys.extend(
                before
                    .into_iter()
                    .filter(|key| !known.contains(&(key.room_id.clone(), key.session_id.clone()))),
            );
            if known.is_subset(&in_file) {
                return Ok(in_file.len());
            }
        }
        let text =
            encrypt_room_key_export(keys, self.passphrase.expose(), ROUNDS).map_err(|error| EscrowError::Encrypt {
                path: self.path.clone(),
                reason: error.to_string(),
            })?;
        write(&self.path, text.as_bytes())?;
        Ok(keys.len())
    }
}
