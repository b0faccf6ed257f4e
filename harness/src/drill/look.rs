use std::time::Duration;

use super::Result;
use crate::{
    check::{self, Question, Snapshot},
    client::PEERS,
    world::World,
};

/// How long the bot may take to answer a member.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks at a world in the end, through the eyes of a member who logged in independently; what is seen goes into the history, and so does
/// everything that can be told only when the bot has ended. Answers the look at the bot's accounts.
pub(super) async fn look(world: &mut World) -> Result<Snapshot> {
    let now = Snapshot::take(world, "after").await?;
    let contract = world.contract().clone();
    let encrypted = contract.ping.encrypted.as_ref().zip(world.rooms().encrypted.as_deref());
    if PEERS && (encrypted.is_some() || contract.capabilities.cross_signing) {
        let member = world.owner_peer().await?;
        let history = world.artifacts.history();
        if let Some((question, room)) = encrypted {
            let question = Question {
                room,
                words: &question.say,
                bot: world.accounts[0].user_id(),
                expected: &[&question.expect],
            };
            history.add(check::ask(&member, question, PATIENCE).await);
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
        let read = check::read_back(world, PATIENCE).await;
        world.artifacts.history().add(read);
    }
    world.conclude().await?;
    Ok(now)
}
