//! What a program says of the account that is to be kept.

mod account;
#[cfg(feature = "sdk")]
mod identity;
#[cfg(feature = "sdk")]
mod predecessor;
mod wording;

pub use account::Account;
#[cfg(feature = "sdk")]
pub use identity::IdentityConfig;
#[cfg(feature = "sdk")]
pub use predecessor::{FirstSession, ForeignKeys, Predecessor};
pub use wording::Wording;
