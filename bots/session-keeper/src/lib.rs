#![cfg_attr(feature = "sdk", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "sdk"), doc = "The decisions alone: no I/O, no clock.")]
#![cfg_attr(feature = "sdk", doc = include_str!("map.md"))]
#![warn(clippy::missing_errors_doc)]

mod account;
pub mod config;
#[cfg(feature = "sdk")]
pub mod crypto;
pub mod healing;
#[cfg(feature = "sdk")]
pub mod health;
#[cfg(feature = "sdk")]
pub mod identity;
#[cfg(feature = "sdk")]
mod keeper;
pub mod secret;
#[cfg(feature = "sdk")]
pub mod session;
#[cfg(feature = "sdk")]
pub mod vault;

pub use account::Account;
#[cfg(feature = "sdk")]
pub use keeper::{Builder, Keeper};
/// The version of matrix-sdk whose clients are handed out: take it from here, and the two never part.
#[cfg(feature = "sdk")]
pub use matrix_sdk;
