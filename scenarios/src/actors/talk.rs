//! Two members talk to each other in an encrypted room.

use harness::{
    client::{Http, Peer, User},
    wait::{self, Poll},
    world::World,
};
use reqwest::Method;

use super::{PATIENCE, Seen};
use crate::step::{Failure, Steps, Stop, ensure, seen};

/// The names of the steps of [`in_first_child`].
pub const STEPS: [&str; 4] = [
    "the second sees that the child room is encrypted",
    "the first sees that the child room is encrypted",
    "the first sends an encrypted message there",
    "the second decrypts it",
];

/// Two members of the space join its first child room, see its encryption, and the second reads what the first writes.
///
/// # Errors
/// [`Stop`] at the first step that fails.
pub async fn in_first_child(world: &World, steps: &mut Steps, first: &User, second: &User) -> Result<(), Stop> {
    let child = super::children(world).into_iter().next().unwrap_or_default();
    // Both have their keys before either joins, as people's clients do: continuwuity 26.7.3 does not tell that somebody who was invited
    // has got keys since.
    let (first, second) = (with_encryption(first), with_encryption(second));
    let (first, second) = futures_util::future::join(first, second).await;
    // Who writes joins last, and so is told of the reader in the list of members: continuwuity 26.7.3 may leave somebody else's join out
    // of a sync that is answered meanwhile.
    let second = steps.step(STEPS[0], sees_encryption(second, &child)).await?;
    let first = steps.step(STEPS[1], sees_encryption(first, &child)).await?;
    let text = format!("from {} to {}", first.user().user_id(), second.user().user_id());
    let sent = steps
        .step(STEPS[2], async {
            first.see_member(&child, second.user().user_id(), PATIENCE).await?;
            let sent = first.say(&child, &text).await?;
            Ok((sent.clone(), sent))
        })
        .await?;
    steps
        .step(STEPS[3], async {
            let what = format!("{sent} decrypted by {}", second.user().user_id());
            let received = second
                .wait_message(&child, &what, PATIENCE, |received| received.event_id == sent)
                .await?;
            ensure(received.body == text && received.encrypted, || {
                format!("received {received:?}")
            })?;
            seen(format!("{:?}, encrypted", received.body))
        })
        .await
}

/// The room is joined and encrypted in the client's eyes.
async fn sees_encryption(who: Result<Peer, Failure>, room: &str) -> Seen<Peer> {
    let peer = who?;
    peer.join(room).await?;
    // continuwuity 26.7.3 may answer the join before the room's state can be asked for.
    let encryption = wait::until("the room's encryption", PATIENCE, || async {
        match peer.user().state(room, "m.room.encryption", "").await {
            Err(error) if error.errcode() == "M_NOT_FOUND" => wait::Poll::Pending(error.to_string()),
            state => wait::Poll::Ready(state),
        }
    });
    let encryption = encryption.await??;
    ensure(encryption["algorithm"] == "m.megolm.v1.aes-sha2", || {
        format!("m.room.encryption is {encryption}")
    })?;
    Ok((peer, encryption["algorithm"].to_string()))
}

/// A client with encryption on the session of a plain one, which has never had keys.
///
/// # Errors
/// When the server refuses.
pub async fn with_encryption(who: &User) -> Result<Peer, Failure> {
    let session = User::from_session(who.base(), who.user_id(), who.device_id(), who.token(), who.password());
    Ok(Peer::with_session(session).await?)
}

/// Says something in an encrypted room which the bot reads, waits until the key to it is in the bot's backup, and has the world remember
/// it: from here on the bot's account must be able to read it, whatever happens. Answers the event's id.
///
/// # Errors
/// When it cannot be sent, or no key comes into the backup.
pub async fn remembered(world: &World, who: &Peer, room: &str, text: &str) -> Result<String, Failure> {
    // Else the key could be in the backup already, for an earlier message, and nothing would show that the bot has this one.
    who.change_room_key(room).await?;
    let said = who.say(room, text).await?;
    let event = format!("/_matrix/client/v3/rooms/{room}/event/{said}");
    let event = who.user().request(Method::GET, &event, None).await?;
    let session = event["content"]["session_id"].as_str();
    let session = session.ok_or_else(|| Failure::new(format!("{said} is not encrypted: {}", event["type"])))?;
    let what = "the bot to put the key of a message into its backup";
    let http = Http::new(world.homeserver.base_url());
    wait::until(what, PATIENCE * 2, || async {
        match backed_up(world, &http, room, session).await {
            Ok(true) => Poll::Ready(()),
            Ok(false) => Poll::Pending(format!("session {session} is not there")),
            Err(error) => Poll::Pending(error.to_string()),
        }
    })
    .await?;
    world.remember(room, &said);
    Ok(said)
}

/// Whether the key backup of the bot's account holds this session. The backup itself is asked: that some key went there says nothing of
/// this one.
async fn backed_up(world: &World, http: &Http, room: &str, session: &str) -> Result<bool, Failure> {
    let bot = world.front_door.bot_token(world.approver().user_id());
    let version = http.send(
        Method::GET,
        "/_matrix/client/v3/room_keys/version",
        bot.as_deref(),
        None,
    );
    let version = version.await?;
    let Some(version) = version.body["version"].as_str() else {
        return Err(Failure::new(format!("HTTP {} to room_keys/version", version.status)));
    };
    let keys = format!("/_matrix/client/v3/room_keys/keys/{room}?version={version}");
    let keys = http.send(Method::GET, &keys, bot.as_deref(), None).await?;
    Ok(keys.body["sessions"].get(session).is_some())
}
