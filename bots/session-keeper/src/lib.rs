//! Keeps one Matrix account's session alive under a matrix-sdk bot.

pub mod config;
pub mod crypto;
pub mod healing;
pub mod health;
pub mod identity;
pub mod secret;
pub mod session;
pub mod vault;
