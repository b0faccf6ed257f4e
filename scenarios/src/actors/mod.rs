//! What people do and what they must see: the parts that scenarios put together.
//!
//! Each function that looks for something answers what it found and the evidence, in the shape that
//! [`Steps::step`](harness::step::Steps::step) takes.

pub mod commands;
mod http;
pub mod lobby;
pub mod notes;
pub mod old_lobbies;
pub mod rooms;
pub mod space;
pub mod talk;
pub mod vetting;
mod world;

use std::time::Duration;

pub use http::{SignUp, post_json, post_patiently, post_raw};
pub use world::{add_code, bot_ids, children};

use harness::step::Failure;

/// How long the bot may take to answer a person.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What a step answers: what the scenario goes on with, and the evidence.
pub type Seen<T = ()> = Result<(T, String), Failure>;
