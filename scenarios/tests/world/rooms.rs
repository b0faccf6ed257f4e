//! The community's rooms change under the running bot: it says what is missing as soon as it is, and goes on as soon as it is not.

use std::time::Duration;

use harness::{
    bot::Ready,
    client::User,
    front_door::{Action, Matcher},
    step::{Failure, ensure},
    world::{World, WorldOptions},
};
use reqwest::Method;
use scenarios::{
    actors::{SignUp, vetting},
    bot_build,
    community::{self, InCommunity as _},
};
use serde_json::json;

use libtest_mimic::Trial;

use crate::outside::{self, Outcome, Play, in_world, plays, say};

/// How long it may take to notice: a poll and a look, on a busy machine.
const NOTICE: Duration = Duration::from_secs(30);

/// The tests of suite `rooms`.
pub(crate) fn trials() -> Vec<Trial> {
    let plays: [Play; 8] = plays![
        played;
        lost_power_is_said_and_cleared_at_once,
        kicked_and_invited_back_it_serves,
        a_member_without_power_does_not_bring_it_back,
        banned_is_said,
        an_upgraded_space_is_named_with_its_replacement,
        a_child_room_that_it_is_kicked_from_is_weaker_not_down,
        a_signup_is_not_redirected,
        in_an_encrypted_room_of_its_own_it_speaks_encrypted,
    ];
    outside::trials("rooms", None, &plays)
}

/// Plays in a world whose bot serves, with less power in the space than its owner.
async fn played(name: &str, play: impl AsyncFnOnce(&mut World) -> Outcome) -> Outcome {
    bot_build::ensure(&mut |line| say(line)).await?;
    in_world(community::build(WorldOptions::from_env(name)?).await?, async |world| {
        world.start_bot(world.contract().boot()).await?;
        let bot = world.approver().user_id().to_owned();
        // Nobody else may take it from whoever has as much.
        let itself = itself(world);
        let rooms: Vec<String> = std::iter::once(world.space())
            .chain(world.children())
            .map(str::to_owned)
            .collect();
        for room in rooms {
            itself.give_power(&room, &bot, 50).await?;
        }
        play(world).await
    })
    .await
}

/// The bot's account with the bot's own token.
fn itself(world: &World) -> User {
    let account = world.approver();
    let token = world.front_door.bot_token(account.user_id());
    let token = token.as_deref().unwrap_or_else(|| account.first.token());
    User::from_session(world.homeserver.base_url(), account.user_id(), "", token, "")
}

/// The approver is said not to serve, with all these words; answers what was said.
async fn is_said(world: &mut World, words: &[&str]) -> Result<(), Failure> {
    let said = |ready: &Ready| {
        ready.identity("approver").is_some_and(|approver| {
            let text = format!("{} {}", approver.why, approver.next_step.as_deref().unwrap_or_default());
            approver.state == "needs_operator" && words.iter().all(|word| text.contains(word))
        })
    };
    let ready = world
        .bot
        .wait_until(&format!("/ready to say {words:?}"), NOTICE, said)
        .await?;
    ensure(ready.status == 503, || ready.line())?;
    say(&ready.line());
    Ok(())
}

/// Nothing is missing any more.
async fn is_well(world: &mut World) -> Outcome {
    let well = |ready: &Ready| {
        let approver = ready.identity("approver");
        ready.is_ok() && approver.is_some_and(|approver| approver.degraded.is_empty())
    };
    world.bot.wait_until("nothing to be missing", NOTICE, well).await?;
    Ok(())
}

async fn lost_power_is_said_and_cleared_at_once(world: &mut World) -> Outcome {
    let (space, bot) = (world.space().to_owned(), world.approver().user_id().to_owned());
    let before = world.owner().state(&space, "m.room.power_levels", "").await?;
    let mut levels = before.clone();
    levels["invite"] = 50.into();
    levels["users"][&bot] = 0.into();
    world
        .owner()
        .set_state(&space, "m.room.power_levels", "", &levels)
        .await?;
    is_said(world, &[&space, "may not invite (level 50)", "raise the power", &bot]).await?;
    world
        .owner()
        .set_state(&space, "m.room.power_levels", "", &before)
        .await?;
    is_well(world).await
}

async fn kicked_and_invited_back_it_serves(world: &mut World) -> Outcome {
    let (space, bot) = (world.space().to_owned(), world.approver().user_id().to_owned());
    act(world, "kick", &space, "by mistake").await?;
    let owner = world.owner().user_id().to_owned();
    is_said(world, &[&space, "kicked", &owner, "by mistake", "invite "]).await?;
    world.owner().invite(&space, &bot).await?;
    is_well(world).await?;
    let (knocker, _) = vetting::register(world, "knocker").await?;
    vetting::knock(world, &knocker, world.knock_code()).await?;
    vetting::until_challenged(world, &knocker).await?;
    Ok(())
}

async fn a_member_without_power_does_not_bring_it_back(world: &mut World) -> Outcome {
    let (space, bot) = (world.space().to_owned(), world.approver().user_id().to_owned());
    let (member, _) = vetting::register(world, "member").await?;
    world.owner().invite(&space, member.user_id()).await?;
    member.join(&space).await?;
    act(world, "kick", &space, "").await?;
    is_said(world, &[&space, "kicked"]).await?;
    member.invite(&space, &bot).await?;
    is_said(world, &[&space, member.user_id(), "has not the power"]).await?;
    let membership = world.owner().membership(&space, &bot).await?;
    ensure(membership == "invite", || format!("it is {membership}"))
}

async fn banned_is_said(world: &mut World) -> Outcome {
    let space = world.space().to_owned();
    act(world, "ban", &space, "too loud").await?;
    is_said(world, &[&space, "banned", "too loud", "unban"]).await
}

async fn an_upgraded_space_is_named_with_its_replacement(world: &mut World) -> Outcome {
    let space = world.space().to_owned();
    let content = json!({ "body": "moved", "replacement_room": "!newspace:elsewhere.example" });
    world
        .owner()
        .set_state(&space, "m.room.tombstone", "", &content)
        .await?;
    is_said(world, &[&space, "replaced by !newspace:elsewhere.example", "SPACE_ID"]).await
}

async fn a_child_room_that_it_is_kicked_from_is_weaker_not_down(world: &mut World) -> Outcome {
    let bot = world.approver().user_id().to_owned();
    let child = world.children().next().map(str::to_owned);
    let child = child.ok_or_else(|| Failure::new("the world has no child room"))?;
    act(world, "kick", &child, "").await?;
    let noted = |ready: &Ready| {
        let approver = ready.identity("approver");
        approver.is_some_and(|approver| approver.state == "ok" && approver.note(&[&child]).is_some())
    };
    world
        .bot
        .wait_until("the child room to be noted", NOTICE, noted)
        .await?;
    world.owner().invite(&child, &bot).await?;
    is_well(world).await
}

async fn a_signup_is_not_redirected(world: &mut World) -> Outcome {
    let elsewhere = wiremock::MockServer::start().await;
    let target = format!("{}/_matrix/client/v3/register", elsewhere.uri());
    let redirect = Action::Reply {
        status: 307,
        headers: vec![("location".to_owned(), target)],
        body: String::new(),
    };
    let bend = world
        .front_door
        .bend(Matcher::endpoint("POST", "/register").from_bot(), redirect);
    let form = SignUp::new(world, "moved");
    let reply = form.post(world).await?;
    ensure(reply.status == 503 && reply.body["error"] == "redirected", || {
        reply.to_string()
    })?;
    let asked = elsewhere.received_requests().await.unwrap_or_default();
    ensure(asked.is_empty(), || "the other host was asked".to_owned())?;
    drop(bend);
    let reply = form.post(world).await?;
    ensure(reply.status == 200, || reply.to_string())
}

/// Some servers encrypt every room, those too that the bot makes in the clear.
async fn in_an_encrypted_room_of_its_own_it_speaks_encrypted(world: &mut World) -> Outcome {
    let (knocker, _) = vetting::register(world, "knocker").await?;
    let (room, challenge) = vetting::until_challenged(world, &knocker).await?;
    let algorithm = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    itself(world)
        .set_state(&room, "m.room.encryption", "", &algorithm)
        .await?;
    let peer = world.peer(&knocker).await?;
    let bot = world.approver().user_id().to_owned();
    peer.see_member(&room, &bot, NOTICE).await?;
    peer.say(&room, &challenge.haiku()).await?;
    let welcome = peer
        .wait_message(&room, "the welcome", NOTICE, |message| {
            message.sender == bot && message.body.contains(scenarios::chat::PASSED)
        })
        .await?;
    ensure(welcome.encrypted, || format!("it came in the clear: {}", welcome.body))
}

/// The owner does something to the bot's membership.
async fn act(world: &World, verb: &str, room: &str, reason: &str) -> Outcome {
    let path = format!("/_matrix/client/v3/rooms/{room}/{verb}");
    let body = json!({ "user_id": world.approver().user_id(), "reason": reason });
    world.owner().request(Method::POST, &path, Some(&body)).await?;
    Ok(())
}
