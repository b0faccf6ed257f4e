//! What an independently logged-in member sees.

use std::time::Duration;

use super::Finding;
use crate::client::{Peer, Trust};

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

/// Messages that could be read before can be read after.
pub async fn history(peer: &Peer, room: &str, event_ids: &[String]) -> Finding {
    const CHECK: &str = "history";
    let messages = match peer.history(room, 200).await {
        Ok(messages) => messages,
        Err(error) => return Finding::broken(CHECK, error.to_string()),
    };
    let missing: Vec<String> = event_ids
        .iter()
        .filter(|id| !messages.iter().any(|message| message.event_id == **id))
        .map(|id| format!("{id} cannot be read"))
        .collect();
    Finding::of(CHECK, &missing, format!("{} messages read", event_ids.len()))
}
