//! What several faults do.

use std::{collections::BTreeSet, fs, io, path::PathBuf};

use harness::{fault::acts::devices_of, world::World};
use serde_json::Value;

use crate::chat::Challenge;

/// The file of that name of the account that is hit.
pub(super) fn file(world: &World, name: &str) -> PathBuf {
    let stem = world.account().localpart().replace('-', "_");
    world.bot.data_dir().join(format!("{stem}_{name}"))
}

/// The stores of keys of all devices, but those that the other accounts have worked on.
pub(super) fn stores(world: &World) -> io::Result<Vec<PathBuf>> {
    let others = world
        .accounts
        .iter()
        .filter(|other| other.name() != world.account().name());
    let others: BTreeSet<String> = others.flat_map(|other| devices_of(world, other)).collect();
    let mut stores = Vec::new();
    for store in fs::read_dir(folder(world))? {
        let store = store?.path();
        // What stands behind a dot is not the device's.
        let device = store.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let device = device.split('.').next().unwrap_or_default();
        if !others.contains(device) {
            stores.push(store);
        }
    }
    Ok(stores)
}

/// The store of a device whose id needs no escaping.
pub(super) fn store_of(world: &World, device: &str) -> PathBuf {
    folder(world).join(device)
}

/// The folder with a store of keys for each device.
fn folder(world: &World) -> PathBuf {
    world.bot.data_dir().join("crypto")
}

/// Whether an event is the bot's challenge.
pub(super) fn is_challenge(event: &Value) -> bool {
    let body = event["content"]["body"].as_str();
    body.is_some_and(|body| Challenge::read(body).is_some())
}
