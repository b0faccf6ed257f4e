//! What the bot does with a room as a whole, seen at the front door.

use harness::{
    front_door::{Entrance, Exchange},
    step::Failure,
    world::World,
};

use super::PATIENCE;

/// Waits until the bot, after exchange number `since`, has asked to leave a room: it has dealt with the room's end by then.
///
/// # Errors
/// When it does not.
pub async fn left_by_bot(world: &World, room: &str, since: u64) -> Result<String, Failure> {
    asked_by_bot(world, room, "leave", since).await
}

/// Waits until the bot has asked to forget a room, and was answered: it holds nothing of it any more.
///
/// # Errors
/// When it does not.
pub async fn forgotten_by_bot(world: &World, room: &str) -> Result<String, Failure> {
    asked_by_bot(world, room, "forget", 0).await
}

async fn asked_by_bot(world: &World, room: &str, what: &str, since: u64) -> Result<String, Failure> {
    let asked = |exchange: &&Exchange| {
        let path = exchange
            .path
            .replace("%21", "!")
            .replace("%3A", ":")
            .replace("%24", "$");
        exchange.seq > since
            && exchange.entrance == Entrance::Bot
            && exchange.is_over()
            && path.ends_with(&format!("/rooms/{room}/{what}"))
    };
    let wanted = format!("the bot to {what} the room {room}");
    let found = world.traffic().wait_until(&wanted, PATIENCE * 4, |exchanges| {
        exchanges.iter().find(asked).map(Exchange::line)
    });
    Ok(found.await?)
}
