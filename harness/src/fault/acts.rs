//! What several faults do.

use std::time::Duration;

use reqwest::Method;

use super::Anyhow;
use crate::{
    client::Http,
    front_door::{Action, Bend, Entrance, Exchange, Matcher, Traffic},
    homeserver::Sessions,
    wait::TimedOut,
    world::World,
};

/// How long an outage lasts.
pub(super) const OUTAGE: Duration = Duration::from_secs(8);

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

/// Writes the password that works into the file.
pub(super) fn write_password(world: &World) -> Anyhow<()> {
    let account = world.approver();
    Ok(account.write_password(account.password())?)
}

/// Bends requests for the time of an outage; answers how many there were.
pub(super) fn bend_for_a_while(
    world: &World,
    matcher: Matcher,
    action: Action,
) -> futures_util::future::BoxFuture<'static, Anyhow<String>> {
    let bend: Bend = world.front_door.bend(matcher, action);
    Box::pin(async move {
        tokio::time::sleep(OUTAGE).await;
        match bend.fired() {
            0 => Err(format!("it did not fire: no {}", bend.description()).into()),
            fired => Ok(format!("{} ({fired} times)", bend.description())),
        }
    })
}

/// Waits for the bot to be told that its token is dead, and then for it to have another one that works.
///
/// A bot that has nothing to do learns it only when its long poll ends; before that, and until it has drawn its conclusion, `/ready`
/// still says that all is well, and nothing that a drill could judge has happened.
pub(super) fn met(world: &World) -> futures_util::future::BoxFuture<'static, Anyhow<String>> {
    let traffic = world.traffic().clone();
    let since = traffic.last_seq();
    let user = world.approver().user_id().to_owned();
    Box::pin(async move {
        let dead = wait_for(&traffic, "the bot to be told that its token is dead", |exchange| {
            exchange.seq > since && is_answered(exchange, 401) && !exchange.path.ends_with("/login")
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
