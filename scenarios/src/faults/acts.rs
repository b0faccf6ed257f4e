//! What several faults do.

use std::path::PathBuf;

use harness::world::World;
use serde_json::Value;

use crate::{chat::Challenge, community::InCommunity as _};

/// The file of the approver's with that name.
pub(super) fn file(world: &World, name: &str) -> PathBuf {
    let stem = world.approver().localpart().replace('-', "_");
    world.bot.data_dir().join(format!("{stem}_{name}"))
}

/// The folder with a store of keys for each device.
pub(super) fn stores(world: &World) -> PathBuf {
    world.bot.data_dir().join("crypto")
}

/// The store of a device whose id needs no escaping.
pub(super) fn store_of(world: &World, device: &str) -> PathBuf {
    stores(world).join(device)
}

/// Whether an event is the bot's challenge.
pub(super) fn is_challenge(event: &Value) -> bool {
    let body = event["content"]["body"].as_str();
    body.is_some_and(|body| Challenge::read(body).is_some())
}
