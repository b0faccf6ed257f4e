//! The end-to-end encryption of an identity: its stores, keys and trust.
//!
//! - [`Stores`]: one folder for each device under `crypto/`, what the local account is, and how room keys get from one
//!   device's store into the next;
//! - [`StandbyStore`]: a store made ahead, so that a new device does not have to wait for its databases;
//! - [`OpenStores`]: the databases that stay open while a device is made ready;
//! - [`Progress`]: by which a store that came back from a backup is known;
//! - [`Escrow`]: the encrypted file of all room keys;
//! - `trust`: cross-signing, secret storage and key backup.
//!
//! Nothing here destroys keys: an older store is removed only when a later start has proven the newer one, and not at
//! all while the escrow file or the older store cannot be read.

mod client;
mod damage;
mod databases;
mod escrow;
mod folder;
mod inherited;
mod open_stores;
mod prepared;
mod progress;
mod siblings;
mod standby_store;
mod store_error;
mod stores;
mod trust;

pub use client::{OpenError, Position, open};
pub use damage::{cure_of, is_damage};
pub use escrow::{Escrow, EscrowError};
pub use inherited::Inherited;
pub use open_stores::OpenStores;
pub use prepared::Prepared;
pub use progress::Progress;
pub use standby_store::StandbyStore;
pub use store_error::StoreError;
pub use stores::Stores;
pub use trust::{Depth, Securing, Trust, TrustError};
