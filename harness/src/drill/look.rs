use std::time::Duration;

use super::{Result, memory};
use crate::{
    check::{self, Question, Snapshot},
    client::{PEERS, Peer},
    history::Event,
    world::{BotAccount, World},
};

/// How long the bot may take to answer a member.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks at a world in the end, through the eyes of a member who logged in independently; what is seen goes into the history, and so does
/// everything that can be told only when the bot has ended. Answers the look at the bot's accounts.
pub(super) async fn look(world: &mut World) -> Result<Snapshot> {
    let now = Snapshot::take(world, "after").await?;
    let contract = world.contract().clone();
    if PEERS && (contract.capabilities.encryption || contract.capabilities.cross_signing) {
        let member = world.owner_peer().await?;
        let history = world.artifacts.history();
        if let Some(room) = world.rooms().encrypted.as_deref() {
            for account in &world.accounts {
                converse(world, &member, room, account).await;
            }
        }
        if contract.capabilities.cross_signing {
            for account in &world.accounts {
                let named = now.device(account.name());
                let used = || world.traffic().device_in_use(account.user_id());
                let device = named.or_else(used).unwrap_or_default();
                history.add(check::look_at_trust(&member, account.user_id(), &device).await);
            }
        }
    }
    if !world.memories().is_empty() {
        for account in &world.accounts {
            let read = check::read_back(world, account, PATIENCE).await;
            world.artifacts.history().add(read);
        }
    }
    world.conclude().await?;
    Ok(now)
}

/// Asks an account what it answers to; of one that answers nothing, and keeps a key backup, that backup shows whether it can read.
async fn converse(world: &World, member: &Peer, room: &str, account: &BotAccount) {
    let (contract, history) = (world.contract(), world.artifacts.history());
    if let Some(question) = contract.ping_of(&account.identity).encrypted {
        let question = Question {
            room,
            words: &question.say,
            bot: account.user_id(),
            expected: &[&question.expect],
        };
        history.add(check::ask(member, question, PATIENCE).await);
    } else if contract.capabilities.encryption && contract.capabilities.backup {
        let heard = memory::hears(world, member, room, account).await;
        history.add(Event::Heard {
            user: account.user_id().to_owned(),
            heard: heard.map_err(|error| error.to_string()),
        });
    }
}
