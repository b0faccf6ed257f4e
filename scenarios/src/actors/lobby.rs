//! Coming in through a public lobby.

use crate::community::InCommunity as _;
use harness::{
    client::User,
    step::{Failure, ensure, seen},
    world::World,
};
use serde_json::json;

use super::{Seen, post_json, vetting};
use crate::chat::{self, Challenge};

/// A lobby that was opened.
#[derive(Clone, Debug)]
pub struct Lobby {
    /// Its room.
    pub room: String,
    /// Its alias.
    pub alias: String,
}

/// What a lobby said first to a member.
#[derive(Clone, Debug)]
pub enum Greeting {
    /// That they are in already.
    AlreadyIn(String),
    /// A challenge.
    Challenge(Challenge),
}

/// `/join/api` refuses a code with 403 `invalid_code`.
pub async fn refused(world: &World, code: &str) -> Seen {
    let reply = post_json(world, "/join/api", &json!({"code": code})).await?;
    ensure(reply.status == 403 && reply.body["error"] == "invalid_code", || {
        reply.to_string()
    })?;
    seen(reply.to_string())
}

/// `/join/api` opens a lobby, and its link is made of its alias.
pub async fn opened(world: &World) -> Seen<Lobby> {
    let reply = post_json(world, "/join/api", &json!({"code": world.knock_code()})).await?;
    ensure(reply.status == 200, || reply.to_string())?;
    let text = |key: &str| {
        let value = reply.body[key].as_str().filter(|value| !value.is_empty());
        value
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("no {key} in {reply}")))
    };
    let lobby = Lobby {
        room: text("room_id")?,
        alias: text("alias")?,
    };
    let (url, _, _) = (text("url")?, text("title")?, text("keyword")?);
    let encoded = lobby.alias.replace('#', "%23").replace(':', "%3A");
    ensure(url == format!("https://matrix.to/#/{encoded}"), || {
        format!("the link of {} is {url}", lobby.alias)
    })?;
    let evidence = format!("{} in {} ms", lobby.alias, reply.took.as_millis());
    Ok((lobby, evidence))
}

/// Joins a lobby by its alias.
pub async fn entered(who: &User, lobby: &Lobby) -> Seen {
    let room = who.join(&lobby.alias).await?;
    ensure(room == lobby.room, || {
        format!("{} leads to {room}, not to {}", lobby.alias, lobby.room)
    })?;
    seen(format!("{} joined {}", who.user_id(), lobby.alias))
}

/// Waits for what a lobby says first.
pub async fn greeted(who: &User, lobby: &Lobby) -> Seen<Greeting> {
    let read = |body: &str| {
        let challenge = Challenge::read(body).map(Greeting::Challenge);
        challenge.or_else(|| {
            body.contains(chat::ALREADY_IN)
                .then(|| Greeting::AlreadyIn(body.to_owned()))
        })
    };
    let body = vetting::heard(who, &lobby.room, "a greeting", |body| read(body).is_some()).await?;
    let greeting = read(&body).ok_or_else(|| Failure::new(format!("no greeting: {body}")))?;
    Ok((greeting, body))
}

/// Waits until a member is told that they are in already, answering the challenge where one is asked.
pub async fn already_in(who: &User, lobby: &Lobby, greeting: Greeting) -> Seen {
    let body = match greeting {
        Greeting::AlreadyIn(body) => body,
        Greeting::Challenge(challenge) => {
            who.say(&lobby.room, &challenge.haiku()).await?;
            vetting::heard(who, &lobby.room, chat::ALREADY_IN, |body| {
                body.contains(chat::ALREADY_IN)
            })
            .await?
        }
    };
    seen(body)
}

/// They are a member as before, and no invite replaced that.
pub async fn still_member(world: &World, who: &User) -> Seen {
    let membership = world.owner().membership(world.space(), who.user_id()).await?;
    ensure(membership == "join", || format!("the membership is {membership}"))?;
    let sync = who.sync(None, std::time::Duration::ZERO).await?;
    let invites: Vec<&str> = sync.invited().filter(|room| *room == world.space()).collect();
    ensure(invites.is_empty(), || format!("invited to {invites:?}"))?;
    seen("a member, no invite")
}

/// Waits until the bot has left a lobby.
pub async fn left_by_bot(world: &World, who: &User, lobby: &Lobby) -> Seen {
    vetting::left_by_bots(world, who, &lobby.room).await
}
