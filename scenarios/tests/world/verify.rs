//! A person makes sure that they talk to the bot: a second client asks, both sides show emoji, and both have to say that they are the same.

use std::time::Duration;

use harness::{
    client::Peer,
    step::{Failure, ensure},
    wait::{self, Poll},
    world::{World, WorldOptions},
};
use matrix_sdk::{
    encryption::verification::{SasState, SasVerification, VerificationRequest, VerificationRequestState},
    ruma::{OwnedUserId, UserId, events::key::verification::VerificationMethod},
};
use scenarios::{
    bot_build,
    community::{self, InCommunity as _},
};

use libtest_mimic::Trial;

use crate::outside::{self, Outcome, Play, in_world, plays, say};

/// How long one side may take to hear the other, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the bot may want to be asked again.
const ASKED_AGAIN: usize = 3;

/// The tests of suite `verify`.
pub(crate) fn trials() -> Vec<Trial> {
    let plays: [Play; 3] = plays![
        played;
        an_admin_compares_emoji_in_a_terminal,
        an_admin_compares_emoji_in_the_command_room,
        a_stranger_is_declined,
    ];
    outside::trials("verify", None, &plays)
}

/// Plays in a world whose bot serves.
async fn played(name: &str, play: impl AsyncFnOnce(&mut World) -> Outcome) -> Outcome {
    bot_build::ensure(&mut |line| say(line)).await?;
    in_world(community::build(WorldOptions::from_env(name)?).await?, async |world| {
        world.start_bot(world.contract().boot()).await?;
        play(world).await
    })
    .await
}

/// As apps do it: in a direct chat that is opened for it.
async fn an_admin_compares_emoji_in_a_terminal(world: &mut World) -> Outcome {
    let owner = world.owner_peer().await?;
    owner.make_identity().await?;
    let bot = bot(world)?;
    let identity = wait::until("the bot's identity to be known", PATIENCE, || async {
        match owner.client().encryption().request_user_identity(&bot).await {
            Ok(Some(identity)) => Poll::Ready(identity),
            other => Poll::Pending(format!("{:?}", other.map(|identity| identity.is_some()))),
        }
    })
    .await?;
    let ask = async || {
        let methods = vec![VerificationMethod::SasV1];
        let request = identity.request_verification_with_methods(methods).await;
        request.map_err(told)
    };
    // The bot comes into the chat after it was asked, and a homeserver may not tell it what was said before, or tells it as something of old:
    // it wants to be asked again then, by somebody who sees it there.
    let mut request = ask().await?;
    for _ in 0..ASKED_AGAIN {
        if is_ready(&request).await? {
            break;
        }
        let chat = owner.client().get_dm_room(&bot);
        let chat = chat.ok_or_else(|| Failure::new("there is no direct chat with the bot"))?;
        owner
            .see_member(chat.room_id().as_str(), bot.as_str(), PATIENCE)
            .await?;
        request = ask().await?;
    }
    let sas = begun(&request).await?;
    let emoji = shown(&sas).await?;
    let text = until_asked(world, &["verify"], "--confirm").await?;
    ensure(text.contains(&emoji), || {
        format!("the app shows {emoji}, the terminal {text}")
    })?;
    ensure(!sas.is_done(), || "it is done before anybody has compared".to_owned())?;

    sas.confirm().await.map_err(told)?;
    let text = until_asked(world, &["verify", "--confirm"], "verified").await?;
    say(&text);
    let verified = wait::until("the bot to be verified", PATIENCE, || async {
        let identity = owner.client().encryption().get_user_identity(&bot).await;
        match identity {
            Ok(Some(identity)) if identity.is_verified() => Poll::Ready(()),
            _ => Poll::Pending(format!("{:?}", sas.state())),
        }
    });
    Ok(verified.await?)
}

/// From device to device, and with words in the command room; what differs is said to differ.
async fn an_admin_compares_emoji_in_the_command_room(world: &mut World) -> Outcome {
    let owner = world.owner_peer().await?;
    let request = from_device_to_device(world, &owner).await?;
    let sas = begun(&request).await?;
    let emoji = shown(&sas).await?;
    let room = world.admin_room().to_owned();
    let text = answer_to(&owner, &room, "!verify", &bot(world)?, &emoji).await?;
    say(&text);
    answer_to(&owner, &room, "!verify no", &bot(world)?, "denied").await?;
    let cancelled = wait::until("the bot to cancel", PATIENCE, || async {
        match sas.state() {
            SasState::Cancelled(info) => Poll::Ready(info.cancel_code().as_str().to_owned()),
            other => Poll::Pending(format!("{other:?}")),
        }
    });
    let code = cancelled.await?;
    ensure(code == "m.mismatched_sas" || code == "m.key_mismatch", || code.clone())
}

async fn a_stranger_is_declined(world: &mut World) -> Outcome {
    let stranger = world.new_user("stranger").await?;
    let peer = world.peer(&stranger).await?;
    for _ in 0..2 {
        let request = from_device_to_device(world, &peer).await?;
        wait::until("the bot to decline", PATIENCE, || async {
            match request.state() {
                VerificationRequestState::Cancelled(_) => Poll::Ready(()),
                other => Poll::Pending(format!("{other:?}")),
            }
        })
        .await?;
    }
    let log = world.bot.log_text();
    let said = log.lines().filter(|line| line.contains("is declined")).count();
    ensure(said == 1, || format!("it is said {said} times"))?;
    let text = asked(world, &["verify"]).await?;
    ensure(text.contains("nobody is verifying"), || text.clone())
}

fn told(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

fn bot(world: &World) -> Result<OwnedUserId, Failure> {
    UserId::parse(world.approver().user_id()).map_err(told)
}

async fn from_device_to_device(world: &World, peer: &Peer) -> Result<VerificationRequest, Failure> {
    let bot = bot(world)?;
    let encryption = peer.client().encryption();
    // It asks the homeserver for the bot's keys.
    encryption.request_user_identity(&bot).await.map_err(told)?;
    let devices = encryption.get_user_devices(&bot).await.map_err(told)?;
    let device = devices.devices().next();
    let device = device.ok_or_else(|| Failure::new("the bot has no device"))?;
    let methods = vec![VerificationMethod::SasV1];
    device.request_verification_with_methods(methods).await.map_err(told)
}

/// Whether the bot goes along; otherwise it wants to be asked again.
async fn is_ready(request: &VerificationRequest) -> Result<bool, Failure> {
    let answered = wait::until("the bot to answer", PATIENCE, || async {
        match request.state() {
            VerificationRequestState::Created { .. } => Poll::Pending("no answer".to_owned()),
            VerificationRequestState::Cancelled(info) => {
                say(info.reason());
                Poll::Ready(false)
            }
            _ => Poll::Ready(true),
        }
    });
    Ok(answered.await?)
}

/// Waits until the bot is ready, and begins.
async fn begun(request: &VerificationRequest) -> Result<SasVerification, Failure> {
    ensure(is_ready(request).await?, || {
        "the bot wants to be asked again".to_owned()
    })?;
    let sas = request.start_sas().await.map_err(told)?;
    sas.ok_or_else(|| Failure::new("the bot cannot compare emoji"))
}

/// Waits for the emoji; answers their line as the bot writes it.
async fn shown(sas: &SasVerification) -> Result<String, Failure> {
    let emoji = wait::until("emoji", PATIENCE, || async {
        match sas.emoji() {
            Some(emoji) => Poll::Ready(emoji),
            None => Poll::Pending(format!("{:?}", sas.state())),
        }
    })
    .await?;
    let emoji = emoji
        .iter()
        .map(|emoji| format!("{} {}", emoji.symbol, emoji.description));
    Ok(emoji.collect::<Vec<_>>().join(" · "))
}

async fn asked(world: &World, words: &[&str]) -> Result<String, Failure> {
    let output = world.bot.ask(words).await?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Asks the command until it says so.
async fn until_asked(world: &World, words: &[&str], wanted: &str) -> Result<String, Failure> {
    let said = wait::until(format!("{words:?} to say {wanted}"), PATIENCE, || async {
        match asked(world, words).await {
            Ok(text) if text.contains(wanted) => Poll::Ready(text),
            Ok(text) => Poll::Pending(text),
            Err(error) => Poll::Pending(error.to_string()),
        }
    });
    Ok(said.await?)
}

/// What the bot answers in a room, which has to contain `wanted`.
async fn answer_to(who: &Peer, room: &str, command: &str, bot: &UserId, wanted: &str) -> Result<String, Failure> {
    who.say(room, command).await?;
    let what = format!("the answer to {command}");
    let answer = who.wait_message(room, &what, PATIENCE, |message| {
        message.sender == bot.as_str() && message.body.contains(wanted)
    });
    Ok(answer.await?.body)
}
