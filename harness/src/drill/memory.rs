//! What the bot can read and must be able to read ever after.

use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Method;

use super::{Error, Result};
use crate::{
    client::{Http, PEERS, Peer},
    wait::{self, Poll},
    world::{BotAccount, World},
};

/// How long a key may take to come into the backup.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says something in the encrypted room, and waits until the bot can read it for ever. A bot that keeps no key backup is not asked for it.
pub(super) async fn remember(world: &World) -> Result<()> {
    let contract = world.contract();
    let room = world.rooms().encrypted.clone();
    let Some(room) = room.filter(|_| PEERS && contract.capabilities.backup && contract.capabilities.encryption) else {
        return Ok(());
    };
    let owner = world.owner_peer().await?;
    remembered(world, &owner, &room, "remember this").await.map(drop)
}

/// Says something in an encrypted room which the bot reads, waits until each of its accounts has the key to it in its backup, and has the
/// world remember it: from here on they must be able to read it, whatever happens. Answers the event's id.
///
/// # Errors
///
/// When it cannot be sent, or no key comes into the backup.
pub fn remembered<'a>(world: &'a World, who: &'a Peer, room: &'a str, text: &'a str) -> BoxFuture<'a, Result<String>> {
    // Boxed: the compiler cannot see through the SDK's futures at any depth.
    Box::pin(async move {
        let (said, session) = say_with_new_key(who, room, text).await?;
        for account in &world.accounts {
            reaches_backup(world, account, room, &session).await?;
        }
        world.remember(room, &said);
        Ok(said)
    })
}

/// Whether an account can read what is said to it now: the key to a message comes into its backup.
///
/// # Errors
///
/// When the message cannot be sent, or its key does not come.
pub(super) async fn hears(world: &World, who: &Peer, room: &str, account: &BotAccount) -> Result<()> {
    let (_, session) = say_with_new_key(who, room, "can you hear this").await?;
    reaches_backup(world, account, room, &session).await
}

/// Answers the ids of the event and of the session that its key is of. Of an older key it could be in the backup already, for an earlier
/// message, and nothing would show that the bot has this one.
async fn say_with_new_key(who: &Peer, room: &str, text: &str) -> Result<(String, String)> {
    who.change_room_key(room).await?;
    let said = who.say(room, text).await?;
    let event = format!("/_matrix/client/v3/rooms/{room}/event/{said}");
    let event = who.user().request(Method::GET, &event, None).await?;
    match event["content"]["session_id"].as_str() {
        Some(session) => Ok((said, session.to_owned())),
        None => Err(Error::Cleartext {
            event: said,
            room: room.to_owned(),
            kind: event["type"].to_string(),
        }),
    }
}

async fn reaches_backup(world: &World, account: &BotAccount, room: &str, session: &str) -> Result<()> {
    let what = format!("{} to put the key of a message into its backup", account.user_id());
    let http = Http::new(world.homeserver.base_url());
    let reached = wait::until(what, PATIENCE, || async {
        match backed_up(world, &http, account, room, session).await {
            Ok(Ok(true)) => Poll::Ready(()),
            Ok(Ok(false)) => Poll::Pending(format!("session {session} is not there")),
            Ok(Err(why)) => Poll::Pending(why),
            Err(error) => Poll::Pending(error.to_string()),
        }
    });
    Ok(reached.await?)
}

/// Whether the key backup of an account holds this session. The backup itself is asked: that some key went there says nothing of this one.
async fn backed_up(
    world: &World,
    http: &Http,
    account: &BotAccount,
    room: &str,
    session: &str,
) -> Result<Result<bool, String>, crate::client::Error> {
    let bot = world.front_door.bot_token(account.user_id());
    let version = "/_matrix/client/v3/room_keys/version";
    let version = http.send(Method::GET, version, bot.as_deref(), None).await?;
    let Some(number) = version.body["version"].as_str() else {
        return Ok(Err(format!("HTTP {} to room_keys/version", version.status)));
    };
    let keys = format!("/_matrix/client/v3/room_keys/keys/{room}?version={number}");
    let keys = http.send(Method::GET, &keys, bot.as_deref(), None).await?;
    Ok(Ok(keys.body["sessions"].get(session).is_some()))
}
