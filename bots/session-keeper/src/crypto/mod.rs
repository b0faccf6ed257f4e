//! The end-to-end encryption of an identity: its stores, keys and trust.
//!
//! - [`Stores`]: one folder for each device under `crypto/`, what the local account is, and how room keys get from one
//!   device's store into the next;
//! - [`Spare`]: a store made ahead, so that a new device does not have to wait for its databases;
//! - [`Shelf`]: the databases that stay open while a device is made ready;
//! - [`Escrow`]: the encrypted file of all room keys;
//! - `trust`: cross-signing, secret storage and key backup.
//!
//! Nothing here destroys keys: an older store is removed only when a later start has proven the newer one, and not at
//! all while the escrow file or the older store cannot be read.

mod client;
mod databases;
mod escrow;
mod folder;
mod inherited;
mod shelf;
mod spare;
mod stores;
mod trust;

pub use client::{OpenError, Position, open};
pub use escrow::{Escrow, EscrowError};
pub use inherited::Inherited;
pub use shelf::Shelf;
pub use spare::Spare;
pub use stores::{Prepared, StoreError, Stores};
pub use trust::{Trust, TrustError, secure};
