//! What a program says of the account that is to be kept.

#[cfg(feature = "sdk")]
mod identity;
mod wording;

#[cfg(feature = "sdk")]
pub use identity::IdentityConfig;
pub use wording::Wording;
