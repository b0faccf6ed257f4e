//! Knocking, and what follows in the vetting room. A lobby speaks the same phrases, so it is read here too.

use crate::community::InCommunity as _;
use harness::{
    client::User,
    step::{Failure, ensure, seen},
    world::World,
};
use serde_json::Value;

use super::{PATIENCE, Seen};
use crate::chat::{self, Challenge};

/// A stranger with an account of their own.
pub async fn register(world: &World, hint: &str) -> Seen<User> {
    let user = world.new_user(hint).await?;
    let evidence = user.user_id().to_owned();
    Ok((user, evidence))
}

/// Knocks on the space with a code as the reason.
pub async fn knock(world: &World, who: &User, code: &str) -> Seen {
    let room = who.knock(world.space(), code).await?;
    seen(format!("{} knocked on {room}", who.user_id()))
}

/// Waits for the invite to the vetting room.
pub async fn invited(world: &World, who: &User) -> Seen<String> {
    let what = format!("an invite for {} to a room that is not the space", who.user_id());
    let room = who.wait_invite(&what, PATIENCE, |room| room != world.space()).await?;
    Ok((room.clone(), room))
}

/// Joins a room invited to.
pub async fn joined(who: &User, room: &str) -> Seen {
    seen(format!("joined {}", who.join(room).await?))
}

/// Waits for the challenge.
pub async fn challenged(who: &User, room: &str) -> Seen<Challenge> {
    let body = heard(who, room, "a challenge", |body| Challenge::read(body).is_some()).await?;
    let challenge = Challenge::read(&body).ok_or_else(|| Failure::new(format!("no challenge: {body}")))?;
    let evidence = format!("about {:?} with {:?}", challenge.title, challenge.keyword);
    Ok((challenge, evidence))
}

/// From the knock to the challenge in one go; answers the room too.
pub async fn until_challenged(world: &World, who: &User) -> Result<(String, Challenge), Failure> {
    knock(world, who, world.knock_code()).await?;
    let (room, _) = invited(world, who).await?;
    joined(who, &room).await?;
    let (challenge, _) = challenged(who, &room).await?;
    Ok((room, challenge))
}

/// Sends an answer to the challenge.
pub async fn answered(who: &User, room: &str, text: &str) -> Seen {
    seen(who.say(room, text).await?)
}

/// Waits for the refusal that leaves `left` tries.
pub async fn not_yet(who: &User, room: &str, left: u32) -> Seen {
    let what = format!("`{}…` with {left} tries left", chat::NOT_YET);
    let body = heard(who, room, &what, |body| {
        body.contains(chat::NOT_YET) && chat::tries_left(body) == Some(left)
    })
    .await?;
    seen(body)
}

/// Sends the last text that does not pass and waits for the end of it: the words, and the bot gone from the room.
pub async fn out_of_tries(world: &World, who: &User, room: &str, text: &str) -> Seen {
    who.say(room, text).await?;
    let body = heard(who, room, chat::OUT_OF_TRIES, |body| body.contains(chat::OUT_OF_TRIES)).await?;
    let ((), left) = left_by_bots(world, who, room).await?;
    seen(format!("{body:?}; {left}"))
}

/// Waits until none of the bots is in a room.
pub async fn left_by_bots(world: &World, who: &User, room: &str) -> Seen {
    let bots = super::bot_ids(world);
    harness::wait::until(format!("the bots to leave {room}"), PATIENCE, || async {
        for bot in &bots {
            match who.membership(room, bot).await {
                Ok(membership) if membership == "leave" => {}
                Ok(membership) => return harness::wait::Poll::Pending(format!("{bot}: {membership}")),
                Err(error) => return harness::wait::Poll::Pending(error.to_string()),
            }
        }
        harness::wait::Poll::Ready(())
    })
    .await?;
    seen("no bot is left in it")
}

/// Waits for the invite to the space.
pub async fn invited_to_space(world: &World, who: &User) -> Seen {
    let what = format!("an invite for {} to the space", who.user_id());
    let room = who.wait_invite(&what, PATIENCE, |room| room == world.space()).await?;
    seen(format!("invited to {room}"))
}

/// Waits for the message that welcomes who passed, checks that it holds a signup link, and that the link's code is live.
pub async fn signup_link(world: &World, who: &User, room: &str) -> Seen {
    let body = welcome(who, room).await?;
    let code =
        chat::code_in_link(&body, "/signup").ok_or_else(|| Failure::new(format!("no signup link in {body:?}")))?;
    let reply = super::SignUp::with_code(world, "friend", &code).post(world).await?;
    ensure(reply.status == 200, || {
        format!("a signup with the code of the link answered {reply}")
    })?;
    seen(format!("its code admitted {}", reply.body["user_id"]))
}

/// The onboarding link in the welcoming message.
pub async fn onboarding_link(world: &World, who: &User, room: &str) -> Seen {
    let body = welcome(who, room).await?;
    let link = chat::onboarding_doc(&body).ok_or_else(|| Failure::new(format!("no onboarding link in {body:?}")))?;
    let wanted = world
        .bot
        .env()
        .get("LOBBY_WELCOME_DOC_URL")
        .cloned()
        .unwrap_or_default();
    ensure(link.as_str() == wanted, || {
        format!("the onboarding link is {link}, not {wanted}")
    })?;
    seen(link.to_string())
}

/// The message that welcomes, once it is there.
pub async fn welcome(who: &User, room: &str) -> Result<String, Failure> {
    heard(who, room, chat::PASSED, |body| body.contains(chat::PASSED)).await
}

/// Joins the space and sees it in one's own sync.
pub async fn space_joined(world: &World, who: &User) -> Seen {
    who.join(world.space()).await?;
    sees_joined(who, &[world.space().to_owned()]).await
}

/// The whole way of a stranger: knock, challenge, haiku, invite, space.
pub async fn whole_way(world: &World, who: &User) -> Seen {
    let (room, challenge) = until_challenged(world, who).await?;
    answered(who, &room, &challenge.haiku()).await?;
    invited_to_space(world, who).await?;
    space_joined(world, who).await
}

/// Waits until rooms are among the joined ones in somebody's own sync.
pub async fn sees_joined(who: &User, rooms: &[String]) -> Seen {
    let what = format!("{} joined rooms in the sync of {}", rooms.len(), who.user_id());
    who.sync_until(&what, PATIENCE, |answer| {
        let joined: Vec<&str> = answer.joined().collect();
        rooms.iter().all(|room| joined.contains(&room.as_str())).then_some(())
    })
    .await?;
    seen(rooms.join(", "))
}

/// A knock that must be met with silence.
///
/// Silence cannot be waited for, so a second stranger knocks after the first with a code that is live: the bot takes knocks in the
/// order of the space's timeline, and once the second has a vetting room the first has been dealt with.
pub async fn ignored(world: &World, code: &str) -> Seen {
    let stranger = world.new_user("ignored").await?;
    knock(world, &stranger, code).await?;
    let marker = world.new_user("marker").await?;
    knock(world, &marker, world.knock_code()).await?;
    invited(world, &marker).await?;
    let ((), evidence) = uninvited(&stranger).await?;
    seen(format!(
        "{evidence}, while {} who knocked later has a vetting room",
        marker.user_id()
    ))
}

/// Nobody has invited them to anything: not in their own sync, and the bot has not even tried.
async fn uninvited(who: &User) -> Seen {
    let sync = who.sync(None, std::time::Duration::ZERO).await?;
    let invites: Vec<&str> = sync.invited().collect();
    ensure(invites.is_empty(), || {
        format!("{} is invited to {invites:?}", who.user_id())
    })?;
    seen(format!("{} has no invite", who.user_id()))
}

/// Somebody who knocks twice has one vetting room.
pub async fn knocks_twice(world: &World) -> Seen {
    let who = world.new_user("eager").await?;
    knock(world, &who, world.knock_code()).await?;
    let (room, _) = invited(world, &who).await?;
    knock(world, &who, world.knock_code()).await?;
    let marker = world.new_user("marker").await?;
    knock(world, &marker, world.knock_code()).await?;
    invited(world, &marker).await?;
    let sync = who.sync(None, std::time::Duration::ZERO).await?;
    let invites: Vec<&str> = sync.invited().collect();
    ensure(invites == [room.as_str()], || {
        format!("invited to {invites:?}, wanted {room} alone")
    })?;
    seen(format!("one invite, to {room}"))
}

/// Goes without a display name, once the room shows it: Synapse answers first and tells the rooms afterwards.
pub async fn takes_off_name(who: &User, room: &str) -> Result<(), Failure> {
    who.set_display_name("").await?;
    let what = format!("{room} to show {} without a name", who.user_id());
    let shown = harness::wait::until(what, PATIENCE, || async {
        match who.state(room, "m.room.member", who.user_id()).await {
            Ok(member) if member["displayname"].as_str().is_none_or(str::is_empty) => harness::wait::Poll::Ready(()),
            Ok(member) => harness::wait::Poll::Pending(member.to_string()),
            Err(error) => harness::wait::Poll::Pending(error.to_string()),
        }
    });
    Ok(shown.await?)
}

/// Waits for a message of somebody else.
pub async fn heard(who: &User, room: &str, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String, Failure> {
    let text = |event: &Value| event["content"]["body"].as_str().unwrap_or_default().to_owned();
    let what = format!("{what} in {room} for {}", who.user_id());
    let event = who
        .wait_event(room, &what, PATIENCE, |event| {
            event["type"] == "m.room.message" && event["sender"] != who.user_id() && wanted(&text(event))
        })
        .await?;
    Ok(text(&event))
}
