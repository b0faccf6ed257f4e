//! The bot is killed at one instant of its traffic: the homeserver has done what it was asked, and the bot never learns of it.

use std::time::Duration;

use futures_util::future::BoxFuture;
use harness::{
    client::User,
    fault::{Expectation, Fault, Fired, Moment, Result},
    front_door::{Matcher, Point},
    world::World,
};
use serde_json::Value;

use super::acts::is_challenge;
use crate::{chat::Challenge, community::InCommunity as _};

/// How long the bot may take to come to the instant, or to finish what it was killed at.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the bot had just asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Room,
    Message,
    Invite,
}

pub(super) fn faults() -> [Fault; 3] {
    [
        (
            Kind::Room,
            "bot-killed-after-room",
            "the bot is killed after the reply to POST /createRoom, before it sees it, and started again",
        ),
        (
            Kind::Message,
            "bot-killed-after-send",
            "the bot is killed after the reply to PUT …/send, before it sees it, and started again",
        ),
        (
            Kind::Invite,
            "bot-killed-after-invite",
            "the bot is killed after the reply to POST …/invite, before it sees it, and started again",
        ),
    ]
    .map(|(kind, name, summary)| {
        Fault::new(name, summary, &[Moment::WhileRunning, Moment::InTheMiddle])
            .helped_by_the_bot()
            .expecting(|_| Expectation::unharmed().within(60))
            .injected(move |world| Box::pin(killed_after(world, kind)))
    })
}

/// In the vetting of a stranger who comes for it.
async fn killed_after(world: &mut World, kind: Kind) -> Result<Fired> {
    let (method, endpoint) = match kind {
        Kind::Room => ("POST", "/createRoom"),
        Kind::Message => ("PUT", "/rooms/*/send/*/*"),
        Kind::Invite => ("POST", "/rooms/*/invite"),
    };
    let request = Matcher::endpoint(method, endpoint).from_bot();
    let stranger = world.new_user("unlucky").await?;
    let gate = if kind == Kind::Invite {
        let (room, challenge) = challenged(world, &stranger).await?;
        let gate = world.front_door.gate(request, Point::AfterReply);
        stranger.say(&room, &challenge.haiku()).await?;
        gate
    } else {
        let gate = world.front_door.gate(request, Point::AfterReply);
        stranger.knock(world.space(), world.knock_code()).await?;
        gate
    };
    let held = gate.reached(PATIENCE).await?;
    world.bot.kill().await?;
    gate.open();
    world.bot.start().await?;
    let space = world.space().to_owned();
    let bot = world.account().user_id().to_owned();
    let once: BoxFuture<'static, Result<String>> = match kind {
        Kind::Room | Kind::Message => Box::pin(challenged_once(stranger, space, bot)),
        Kind::Invite => Box::pin(welcomed_once(stranger, space, bot)),
    };
    Ok(Fired::with(format!("killed while {} was held", held.line())).going_on(once))
}

/// From the knock to the challenge; answers the room and the challenge's text.
async fn challenged(world: &World, stranger: &User) -> Result<(String, Challenge)> {
    stranger.knock(world.space(), world.knock_code()).await?;
    into_vetting(stranger, world.space()).await
}

async fn into_vetting(stranger: &User, space: &str) -> Result<(String, Challenge)> {
    let room = stranger
        .wait_invite("the vetting room", PATIENCE, |room| room != space)
        .await?;
    stranger.join(&room).await?;
    let event = stranger
        .wait_event(&room, "the challenge", PATIENCE, is_challenge)
        .await?;
    let body = event["content"]["body"].as_str().unwrap_or_default();
    let challenge = Challenge::read(body).ok_or_else(|| format!("no challenge: {body:?}"))?;
    Ok((room, challenge))
}

/// The stranger is in one vetting room with one challenge. The answer to a try comes after everything that the bot had to say before it,
/// so whatever is said twice has been said by then.
async fn challenged_once(stranger: User, space: String, bot: String) -> Result<String> {
    let (room, _) = into_vetting(&stranger, &space).await?;
    stranger.say(&room, "no haiku at all").await?;
    stranger
        .wait_event(&room, "the answer to a try", PATIENCE, |event| says(event, "not yet"))
        .await?;
    // A homeserver may answer a first sync from its cache: what came since is in the one after it.
    let first = stranger.sync(None, Duration::ZERO).await?;
    let then = stranger.sync(Some(first.next_batch()), Duration::ZERO).await?;
    let invited = first.invited().chain(then.invited());
    let others: Vec<&str> = invited.filter(|invited| *invited != room).collect();
    if !others.is_empty() {
        return Err(format!("{} is also invited to {others:?}", stranger.user_id()).into());
    }
    let events = stranger.messages(&room, 100).await?;
    let challenges = events
        .iter()
        .filter(|event| event["sender"] == bot.as_str() && is_challenge(event))
        .count();
    match challenges {
        1 => Ok(format!("{} has one vetting room and one challenge", stranger.user_id())),
        count => Err(format!("{count} challenges in {room}").into()),
    }
}

/// The stranger is invited to the space and welcomed, once. The welcome comes after all invites.
async fn welcomed_once(stranger: User, space: String, bot: String) -> Result<String> {
    stranger
        .wait_invite("the space", PATIENCE, |invited| invited == space)
        .await?;
    let rooms = stranger.joined_rooms().await?;
    let room = rooms.first().ok_or("the stranger is in no vetting room")?;
    stranger
        .wait_event(room, "the welcome", PATIENCE, |event| says(event, "invited you to"))
        .await?;
    stranger.join(&space).await?;
    let events = stranger.messages(&space, 100).await?;
    let invites = events.iter().filter(|event| {
        event["sender"] == bot.as_str()
            && event["state_key"] == stranger.user_id()
            && event["content"]["membership"] == "invite"
    });
    let invites = invites.count();
    let events = stranger.messages(room, 100).await?;
    let welcomes = events.iter().filter(|event| says(event, "invited you to")).count();
    match (invites, welcomes) {
        (1, 1) => Ok(format!("{} was invited and welcomed once", stranger.user_id())),
        _ => Err(format!("{invites} invites to the space, {welcomes} welcomes").into()),
    }
}

fn says(event: &Value, words: &str) -> bool {
    event["content"]["body"]
        .as_str()
        .is_some_and(|body| body.contains(words))
}
