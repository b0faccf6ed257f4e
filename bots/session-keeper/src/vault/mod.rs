//! What must outlive a restart, as files of mode 0600 in the data directory.
//!
//! | file | content |
//! |---|---|
//! | `<stem>_session.json` | user, device and token of the session in use |
//! | `<stem>_devices.json` | the device id that a login is about to take, devices left behind, and all that were made here |
//! | `<stem>_unannounced` | there after a login on the saved device, until peers have been told that the device is there |
//! | `<stem>_identity` | the user that this identity is, where the operator did not name one |
//! | `<stem>_store_key` | the key of the stores in `crypto/` |
//! | `<stem>_escrow_passphrase` | opens `<stem>_room_keys.escrow` |
//! | `<stem>_recovery_key` | opens the account's secret storage, and so its cross-signing keys and key backup |
//! | `lock`, `<stem>.lock` | one process at a time |

mod file;
mod lock;
mod password;
mod predecessor;
mod secrets;
mod text;

pub use file::VaultError;
#[cfg(test)]
pub(crate) use file::faults;
pub(crate) use file::{put_aside, read, remove, sweep, write};
pub use lock::{DataDirLock, LockError};
pub use password::{PasswordSource, PasswordState};
pub use predecessor::{FirstSession, ForeignKeys, Predecessor};
pub use secrets::{Devices, LeftDevice, Saved, Vault};
pub use text::{TextError, decode};
