#![cfg_attr(feature = "sdk", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "sdk"), doc = "The decisions alone: no I/O, no clock.")]
#![cfg_attr(feature = "sdk", doc = include_str!("map.md"))]

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

#[cfg(feature = "sdk")]
pub use keeper::{Builder, Keeper};
