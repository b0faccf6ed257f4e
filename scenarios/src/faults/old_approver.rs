//! What the approver that the bot replaces did before it, and left.

use std::time::Duration;

use futures_util::future::BoxFuture;
use harness::{
    client::{Peer, User},
    fault::{Error, Result},
    world::World,
};
use matrix_sdk_crypto::decrypt_room_key_export;
use serde_json::{Value, json};

use crate::community::InCommunity as _;

/// How long a message may take to be read.
const PATIENCE: Duration = Duration::from_secs(20);
/// Of an export that lives for a moment in a folder of its own.
const PASSPHRASE: &str = "for a moment";

/// What it left.
pub(super) struct Left {
    /// Its escrow of room keys, as it wrote them.
    pub(super) escrow: Value,
    /// How many keys are in it.
    pub(super) keys: usize,
}

/// Lets the old approver work on the bot's first session: its device keys are published, and it has read a message in the command room.
pub(super) async fn worked_here(world: &World) -> Result<Left> {
    let first = &world.account().first;
    let session = User::from_session(
        first.base(),
        first.user_id(),
        first.device_id(),
        first.token(),
        first.password(),
    );
    let old = Peer::with_session(session).await?;
    let owner = world.owner_peer().await?;
    let room = world.admin_room();
    // Both must know each other's devices before a key can be shared.
    let text = "said while the old approver worked here";
    let said = owner.say(room, text).await?;
    old.wait_message(room, "the old approver to read a message", PATIENCE, |message| {
        message.event_id == said
    })
    .await?;
    let keys = exported(&old).await?;
    world.remember(room, &said);
    Ok(Left {
        keys: keys.len(),
        escrow: Value::Array(keys),
    })
}

/// The room keys of a client in the shape of the old approver's file.
///
/// Boxed: the SDK's future is so deep that each future around it would cost the compiler half a minute.
fn exported(peer: &Peer) -> BoxFuture<'_, Result<Vec<Value>>> {
    Box::pin(async move {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("keys");
        peer.client()
            .encryption()
            .export_room_keys(path.clone(), PASSPHRASE, |_| true)
            .await
            .map_err(Error::other)?;
        let keys = decrypt_room_key_export(std::fs::File::open(&path)?, PASSPHRASE).map_err(Error::other)?;
        let entries = keys.into_iter().map(|key| {
            let key = serde_json::to_value(&key)?;
            Ok(json!({
                "room_id": key["room_id"],
                "sender_key": key["sender_key"],
                "signing_key": key["sender_claimed_keys"]["ed25519"],
                "session_id": key["session_id"],
                "session_key": key["session_key"],
            }))
        });
        let entries: Vec<Value> = entries.collect::<Result<_, serde_json::Error>>()?;
        if entries.is_empty() {
            return Err("the old approver has no room key to leave".into());
        }
        Ok(entries)
    })
}
