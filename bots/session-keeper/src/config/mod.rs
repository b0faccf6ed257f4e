//! What a program says of the account that is to be kept.

mod account;
mod predecessor;

pub use account::{Account, IdentityConfig};
pub use predecessor::{FirstSession, ForeignKeys, Predecessor};
