//! Something said to the bot, and its answer.

use std::time::Duration;

use serde_json::Value;

use super::{Error, Result, Rooms, World};
use crate::{
    client::{Peer, Received, User},
    contract::{Ping, Question},
    wait::{self, Poll, TimedOut},
};

/// How long an answer may take before the question is asked again: a bot may pass over what was said before its first sync.
const ONCE: Duration = Duration::from_secs(3);

impl World {
    /// Asks the bot what its contract says, in the room without encryption if it can be asked there, else in the one with encryption, and
    /// waits for the answer; answers its words.
    ///
    /// # Errors
    ///
    /// When the contract has no ping that fits a room here, the bot does not answer in time, or it does not run or ends meanwhile.
    pub async fn ping(&mut self, patience: Duration) -> Result<String> {
        let ping = self.contract().ping.clone();
        let bots = self.accounts.iter().map(|account| account.user_id().to_owned());
        let bots: Vec<String> = bots.collect();
        match (ping, self.rooms().clone()) {
            (
                Ping {
                    plain: Some(question), ..
                },
                Rooms { plain: Some(room), .. },
            ) => {
                let what = format!("the bot to answer {:?} in {room}", question.say);
                let asking = ping_plain(&self.owner, &bots, &room, &question, &what, patience);
                self.bot.while_running(&what, asking).await?
            }
            (
                Ping {
                    encrypted: Some(question),
                    ..
                },
                Rooms {
                    encrypted: Some(room), ..
                },
            ) => {
                let what = format!("an encrypted answer to {:?} in {room}", question.say);
                let asker = self.owner_peer().await?;
                let asking = ping_encrypted(&asker, &bots, &room, &question, &what, patience);
                self.bot.while_running(&what, asking).await?
            }
            _ => Err(Error::NoPing),
        }
    }
}

async fn ping_plain(
    owner: &User,
    bots: &[String],
    room: &str,
    question: &Question,
    what: &str,
    patience: Duration,
) -> Result<String> {
    let asked = owner.say(room, &question.say).await?;
    let answer = |event: &Value| {
        let words = event["content"]["body"].as_str()?;
        let is_bots = bots.iter().any(|bot| event["sender"] == bot.as_str());
        (is_bots && words.contains(&question.expect)).then(|| words.to_owned())
    };
    let answered = wait::until(what, patience, || async {
        match owner.messages(room, 50).await {
            // Newest first: everything before the question's place is newer than it.
            Ok(events) => {
                let newer = events.iter().take_while(|event| event["event_id"] != asked.as_str());
                let found = newer.filter_map(answer).last();
                found.map_or_else(|| Poll::Pending("no answer".to_owned()), Poll::Ready)
            }
            Err(error) => Poll::Pending(error.to_string()),
        }
    });
    Ok(answered.await?)
}

async fn ping_encrypted(
    asker: &Peer,
    bots: &[String],
    room: &str,
    question: &Question,
    what: &str,
    patience: Duration,
) -> Result<String> {
    let asked = asker.say(room, &question.say).await?;
    let is_answer = |message: &Received| {
        let is_bots = bots.contains(&message.sender);
        is_bots && message.encrypted && message.body.contains(&question.expect)
    };
    let answer = asker.wait_answer(room, &asked, what, patience, is_answer).await?;
    Ok(answer.body)
}

/// Asks again and again until the bot answers: that shows that it serves.
pub(super) async fn until_answered(world: &mut World, patience: Duration) -> Result<()> {
    let began = tokio::time::Instant::now();
    loop {
        // One that has ended answers nobody.
        if !world.bot.is_running() {
            return Ok(());
        }
        let left = patience.saturating_sub(began.elapsed());
        match world.ping(ONCE.min(left)).await {
            Ok(_) => {
                world.bot.has_answered();
                return Ok(());
            }
            Err(Error::TimedOut(_) | Error::Client(_)) if !left.is_zero() => {}
            Err(Error::TimedOut(timed_out)) => {
                return Err(Error::TimedOut(TimedOut {
                    waited: began.elapsed(),
                    ..timed_out
                }));
            }
            Err(error) => return Err(error),
        }
    }
}
