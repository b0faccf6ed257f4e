//! Looks through the eyes of members who logged in independently; what they see goes into the history.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::BoxFuture;

use super::{Finding, member};
use crate::{
    client::{Error, Peer, Trust},
    history::Event,
    wait::{self, Poll},
    world::{BotAccount, World},
};

/// What a bot is asked, and words any of which its answer must hold.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Where; an encrypted room.
    pub room: &'a str,
    /// What is said.
    pub words: &'a str,
    /// Whose answer counts.
    pub bot: &'a str,
    /// Any of these must be in it.
    pub expected: &'a [&'a str],
}

/// Asks something in an encrypted room and waits for an answer of the bot's that this member's device can decrypt: the proof that the bot
/// is not silently deaf.
pub async fn ask(peer: &Peer, question: Question<'_>, patience: Duration) -> Event {
    let answer = async {
        let asked = peer.say(question.room, question.words).await;
        let asked = asked.map_err(|error| format!("{:?} could not be said: {error}", question.words))?;
        // Events are ordered by the room, not by clocks: the answer stands after the question.
        let what = format!("a decrypted answer to {:?}", question.words);
        let answer = peer.wait_answer(question.room, &asked, &what, patience, |message| {
            message.sender == question.bot
        });
        let answer = answer.await.map_err(|error| error.to_string())?;
        Ok((answer.encrypted, answer.body))
    };
    Event::RoundTrip {
        user: question.bot.to_owned(),
        expected: question.expected.iter().map(|word| (*word).to_owned()).collect(),
        answer: answer.await,
    }
}

/// What a member's client makes of the bot's device.
pub async fn look_at_trust(peer: &Peer, bot: &str, device: &str) -> Event {
    let trust = match peer.trust(bot, device).await {
        Ok(Trust::Signed) => Ok("signed".to_owned()),
        Ok(Trust::Unsigned) => Ok("unsigned".to_owned()),
        Ok(Trust::Unknown) => Ok("unknown".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Event::Trust {
        user: bot.to_owned(),
        device: device.to_owned(),
        trust,
    }
}

/// Whether what an account of the bot's could read before it can read now: a client that has nothing but the password and the recovery key
/// that the bot keeps decrypts every message that the world remembers.
pub fn read_back<'w>(world: &'w World, account: &'w BotAccount, patience: Duration) -> BoxFuture<'w, Event> {
    Box::pin(async move {
        let memories = world.memories();
        let read = readable(world, account, &memories, patience).await;
        Event::Readable {
            user: account.user_id().to_owned(),
            wanted: memories.len(),
            read: read.map(|()| memories.len()),
        }
    })
}

/// What such a look shows.
pub fn history(looked: &Event) -> Finding {
    member::looked(looked).unwrap_or_else(|| Finding::broken("history-readable", "nobody looked"))
}

async fn readable(
    world: &World,
    account: &BotAccount,
    wanted: &[(String, String)],
    patience: Duration,
) -> Result<(), String> {
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
