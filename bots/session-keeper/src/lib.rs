#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! - [`Keeper`] and [`Builder`]: the front, as above;
//! - [`identity`]: the task behind it, for a program that brings an [`Intake`](identity::Intake) of its own;
//! - [`health`]: how the account is;
//! - [`healing`]: the decisions, without I/O;
//! - [`session`], [`vault`], [`crypto`]: what carries them out, for tools that look at an account from outside;
//! - [`config`]: everything that one account needs, and what kept it before.

pub mod config;
pub mod crypto;
pub mod healing;
pub mod health;
pub mod identity;
mod keeper;
pub mod secret;
pub mod session;
pub mod vault;

pub use keeper::{Builder, Keeper};
