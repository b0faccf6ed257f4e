//! What several faults do.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::Anyhow;
use crate::{
    client::Http,
    front_door::{Action, Bend, Entrance, Exchange, Matcher, Traffic},
    history::{Event, Proof},
    homeserver::Sessions,
    wait::TimedOut,
    world::World,
};

/// How long an outage lasts.
pub(super) const OUTAGE: Duration = Duration::from_secs(8);

/// A homeserver on this machine that has not answered by then does not.
const UNANSWERED: Duration = Duration::from_millis(500);

/// Longer than the long poll of any client.
const UNTIL_MET: Duration = Duration::from_secs(60);

/// Something that looks like a token and is none.
pub(super) const GARBAGE: &str = "syt_garbage_0000000000_000000";

/// The token that the bot uses, or, before it has ever run, the one in its environment.
pub(super) fn bot_token(world: &World) -> String {
    let account = world.approver();
    let used = world.front_door.bot_token(account.user_id());
    used.unwrap_or_else(|| account.first.token().to_owned())
}

/// The device that the bot uses: the one behind its token.
pub(super) fn bot_device(world: &World) -> String {
    let device = world.front_door.device_behind(&bot_token(world));
    device.unwrap_or_else(|| world.approver().first.device_id().to_owned())
}

/// Asks the homeserver, past the front door, whose token this is; the evidence that it is nobody's.
pub(super) async fn is_dead(world: &World, what: &str, token: &str) -> Anyhow<String> {
    let http = Http::new(world.homeserver.base_url());
    let path = "/_matrix/client/v3/account/whoami";
    let reply = http.send(Method::GET, path, Some(token), None).await?;
    match reply.status {
        401 => Ok(format!("whoami with {what} now says 401 {}", reply.body["errcode"])),
        status => Err(format!("whoami with {what} still says {status} {}", reply.body).into()),
    }
}

/// The operator resets the bot's password and logs its devices out. The password file is as before.
pub(super) async fn reset_password(world: &mut World) -> Anyhow<String> {
    let (token, new) = (bot_token(world), world.new_password());
    let localpart = world.approver().localpart().to_owned();
    world
        .homeserver
        .operator()
        .reset_password(&localpart, &new, Sessions::LogOut)
        .await?;
    world.approver_mut().set_password(&new);
    is_dead(world, "the bot's token", &token).await
}

/// The same, with the new password in the file before any token dies: where the bot runs, it never tries the old one.
pub(super) async fn reset_password_with_file(world: &mut World) -> Anyhow<String> {
    let (token, new) = (bot_token(world), world.new_password());
    let localpart = world.approver().localpart().to_owned();
    world.approver().write_password(&new)?;
    world
        .homeserver
        .operator()
        .reset_password(&localpart, &new, Sessions::LogOut)
        .await?;
    world.approver_mut().set_password(&new);
    is_dead(world, "the bot's token", &token).await
}

/// The folder with the stores of the keys.
pub(super) const CRYPTO: &str = "crypto";

/// Removes the folder with the bot's keys; the bot is stopped.
pub(super) fn lose_stores(world: &World) -> Anyhow<String> {
    let folder = world.bot.data_dir().join(CRYPTO);
    let stores = fs::read_dir(&folder)?.count();
    if stores == 0 {
        return Err("there was no store to lose".into());
    }
    fs::remove_dir_all(&folder)?;
    Ok(format!("{CRYPTO}/ with {stores} entries removed"))
}

/// Renames a file out of the bot's sight.
pub(super) fn put_away(path: &Path) -> io::Result<()> {
    fs::rename(path, away(path))
}

/// Undoes [`put_away`], whatever stands in the file's place by now.
pub(super) fn put_back(path: &Path) -> io::Result<()> {
    fs::rename(away(path), path)
}

fn away(path: &Path) -> PathBuf {
    path.with_added_extension("away")
}

/// The bot's next question for device keys is answered as by a homeserver that has none for its device.
pub(super) fn lose_device_keys(world: &World) -> Bend {
    let query = Matcher::endpoint("POST", "/keys/query").from_bot().times(1);
    let none = json!({ "device_keys": { world.approver().user_id(): {} }, "failures": {} });
    world.front_door.bend(query, Action::json(200, &none))
}

/// Starts a stopped bot so that it takes a new device, and waits until it is ready.
pub(super) async fn take_new_device(world: &mut World) -> Anyhow<String> {
    let before = bot_device(world);
    let bend = lose_device_keys(world);
    world.bot.start()?;
    world.bot.wait_ready(UNTIL_MET).await?;
    let after = bot_device(world);
    if bend.fired() == 0 || after == before {
        return Err(format!("the bot did not take a new device: it is on {after}").into());
    }
    Ok(format!("the bot went from {before} to {after}"))
}

/// Whether an event is the bot's challenge.
pub(super) fn is_challenge(event: &Value) -> bool {
    let body = event["content"]["body"].as_str();
    body.is_some_and(|body| body.contains("write a 3-line haiku about: "))
}

/// A haiku that passes the challenge in `message`.
pub(super) fn haiku(message: &str) -> Anyhow<String> {
    let behind = message.split_once("include the word \"").map(|(_, behind)| behind);
    let keyword = behind.and_then(|behind| behind.split('"').next());
    let keyword = keyword.ok_or_else(|| format!("no keyword in {message:?}"))?;
    Ok(format!(
        "somebody knocks twice\n{keyword} waits by the old door\nthe lock turns at last"
    ))
}

/// Writes the password that works into the file.
pub(super) fn write_password(world: &World) -> Anyhow<()> {
    let account = world.approver();
    account.write_password(account.password())?;
    world.artifacts.history().add(Event::Operator {
        what: "wrote the password into the file".to_owned(),
    });
    Ok(())
}

/// Asks the homeserver, past the front door, and demands that it is `down` (connections are refused) or `frozen` (nobody answers).
pub(super) async fn is_away(world: &World, state: &str) -> Anyhow<String> {
    let history = world.artifacts.history();
    history.add(Event::Demanded(Proof::Homeserver {
        state: state.to_owned(),
    }));
    let http = Http::new(world.homeserver.base_url());
    let asked = http.send(Method::GET, "/_matrix/client/versions", None, None);
    let found = match tokio::time::timeout(UNANSWERED, asked).await {
        Ok(Ok(reply)) => return Err(format!("the homeserver is not {state}: it answers {}", reply.status).into()),
        Ok(Err(_)) => "down",
        Err(_) => "frozen",
    };
    history.add(Event::Homeserver {
        state: found.to_owned(),
    });
    match found == state {
        true => Ok(format!("the homeserver was asked and is {state}")),
        false => Err(format!("the homeserver is {found}, not {state}").into()),
    }
}

/// Ends the long poll of a bot that has nothing to do, so that its next request comes now. A message in a room that it hears and does not
/// care about: a homeserver need not wake anybody for less, where the bot's filter leaves it out.
pub(super) async fn wake(world: &World) -> Anyhow<()> {
    let room = world.child("bot-noise").ok_or("the community has no room for noise")?;
    world.owner().say(room, "is anybody there?").await?;
    Ok(())
}

/// Bends requests for the time of an outage; answers how many there were.
pub(super) async fn bend_for_a_while(
    world: &World,
    matcher: Matcher,
    action: Action,
) -> Anyhow<futures_util::future::BoxFuture<'static, Anyhow<String>>> {
    let bend: Bend = world.front_door.bend(matcher, action);
    wake(world).await?;
    Ok(Box::pin(async move {
        tokio::time::sleep(OUTAGE).await;
        match bend.fired() {
            0 => Err(format!("it did not fire: no {}", bend.description()).into()),
            fired => Ok(format!("{} ({fired} times)", bend.description())),
        }
    }))
}

/// Waits for the bot to be told that its token is dead, and then for it to have another one that works.
///
/// A bot that has nothing to do learns it only when its long poll ends; before that, and until it has drawn its conclusion, `/ready`
/// still says that all is well, and nothing that a drill could judge has happened.
pub(super) fn met(world: &World) -> futures_util::future::BoxFuture<'static, Anyhow<String>> {
    let traffic = world.traffic().clone();
    let since = traffic.last_seq();
    let user = world.approver().user_id().to_owned();
    // Another token's 401 shows nothing: this one is the one that dies.
    let token = world.front_door.name_of(&bot_token(world));
    let proof = Proof::Refused { token: token.clone() };
    world.artifacts.history().add(Event::Demanded(proof));
    Box::pin(async move {
        let dead = wait_for(&traffic, "the bot to be told that its token is dead", |exchange| {
            exchange.seq > since && is_answered(exchange, 401) && exchange.token.as_ref() == Some(&token)
        });
        let dead = dead.await?;
        let alive = wait_for(&traffic, "the bot to have a token that works", |exchange| {
            let is_own = exchange.who.as_ref().is_some_and(|who| who.user_id == user);
            exchange.seq > dead.seq && is_own && is_answered(exchange, 200)
        });
        let alive = alive.await?;
        Ok(format!("met in {}, over with {}", dead.line(), alive.line()))
    })
}

fn is_answered(exchange: &Exchange, status: u16) -> bool {
    exchange.entrance == Entrance::Bot && exchange.status == Some(status)
}

async fn wait_for(traffic: &Traffic, what: &str, wanted: impl Fn(&Exchange) -> bool) -> Result<Exchange, TimedOut> {
    let found = |exchanges: &[Exchange]| exchanges.iter().find(|exchange| wanted(exchange)).cloned();
    traffic.wait_until(what, UNTIL_MET, found).await
}
