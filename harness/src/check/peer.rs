//! What an independently logged-in member sees.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::BoxFuture;

use super::Finding;
use crate::{
    client::{Error, Peer, Trust},
    wait::{self, Poll},
    world::World,
};

/// Sends a command in an encrypted room and waits for an answer of the bot's that this member's device can decrypt: the proof that the
/// bot is not silently deaf.
pub async fn encrypted_round_trip(peer: &Peer, room: &str, bot: &str, patience: Duration) -> Finding {
    const CHECK: &str = "encrypted-round-trip";
    let asked = match peer.say(room, "!help").await {
        Ok(event) => event,
        Err(error) => return Finding::broken(CHECK, format!("!help could not be sent: {error}")),
    };
    // Events are ordered by the room, not by clocks: the answer stands after the question.
    let answer = peer
        .wait_answer(room, &asked, "a decrypted answer to !help", patience, |message| {
            message.sender == bot
        })
        .await;
    match answer {
        Ok(answer) if !answer.encrypted => {
            Finding::broken(CHECK, format!("the answer came in cleartext: {:?}", answer.body))
        }
        Ok(answer) if !answer.body.contains("!help") && !answer.body.contains("!mint") => {
            Finding::broken(CHECK, format!("the answer names no command: {:?}", answer.body))
        }
        Ok(answer) => Finding::holds(
            CHECK,
            format!("decrypted {:?}", answer.body.lines().next().unwrap_or_default()),
        ),
        Err(error) => Finding::broken(CHECK, error.to_string()),
    }
}

/// The bot's device is signed by the bot's own cross-signing identity.
pub async fn trust(peer: &Peer, bot: &str, device: &str) -> Finding {
    const CHECK: &str = "trust";
    match peer.trust(bot, device).await {
        Ok(Trust::Signed) => Finding::holds(CHECK, format!("{device} of {bot} is signed")),
        Ok(trust) => Finding::broken(CHECK, format!("{device} of {bot} is {trust:?}")),
        Err(error) => Finding::broken(CHECK, error.to_string()),
    }
}

/// What the bot's account could read before it can read after: a client that has nothing but the password and the recovery key of the
/// bot's vault decrypts every message that the world remembers.
pub fn history(world: &World, patience: Duration) -> BoxFuture<'_, Finding> {
    const CHECK: &str = "history";
    Box::pin(async move {
        let memories = world.memories();
        if memories.is_empty() {
            return Finding::broken(CHECK, "no message was sent before that could be looked for");
        }
        match readable(world, &memories, patience).await {
            Ok(()) => Finding::holds(CHECK, format!("{} messages read from the key backup", memories.len())),
            Err(why) => Finding::broken(CHECK, why),
        }
    })
}

async fn readable(world: &World, wanted: &[(String, String)], patience: Duration) -> Result<(), String> {
    let account = world.approver();
    let said = |error: Error| error.to_string();
    let reader = Peer::login(world.homeserver.base_url(), account.user_id(), account.password());
    let reader = reader.await.map_err(said)?;
    let outcome = async {
        let key = account.recovery_key().map_err(|error| error.to_string())?;
        reader.recover(&key).await.map_err(said)?;
        let rooms: BTreeSet<&String> = wanted.iter().map(|(room, _)| room).collect();
        for room in rooms {
            let here = wanted.iter().filter(|(other, _)| other == room);
            let here: Vec<&String> = here.map(|(_, event)| event).collect();
            reads(&reader, room, &here, patience).await?;
        }
        Ok(())
    };
    let outcome = outcome.await;
    // This device is nobody's: it must not be there for the next look at the account.
    reader.user().logout().await.map_err(said)?;
    outcome
}

/// Waits until the client reads all of them. Keys go to the backup a little later than the messages come.
async fn reads(reader: &Peer, room: &str, wanted: &[&String], patience: Duration) -> Result<(), String> {
    let what = format!("{} messages of {room} to be readable from the key backup", wanted.len());
    let read = wait::until(what, patience, || async {
        let looked = async {
            reader.fetch_backed_up_keys(room).await?;
            reader.history(room, 200).await
        };
        match looked.await {
            Ok(messages) => {
                let missing = wanted
                    .iter()
                    .filter(|id| !messages.iter().any(|message| message.event_id == ***id));
                match missing.count() {
                    0 => Poll::Ready(()),
                    missing => Poll::Pending(format!("{missing} cannot be read")),
                }
            }
            Err(error) => Poll::Pending(error.to_string()),
        }
    });
    read.await.map_err(|timed_out| timed_out.to_string())
}
