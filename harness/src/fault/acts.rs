//! What several faults do, to the account that the world [aims at](World::aim).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::Method;
use serde_json::json;

use super::{Error, Fired, Result};
use crate::{
    client::{Http, User},
    contract::Variable,
    front_door::{Action, Bend, Entrance, Exchange, Matcher, Traffic},
    history::{Event, Proof},
    homeserver::Sessions,
    wait::TimedOut,
    world::{BotAccount, World},
};

/// How long an outage lasts.
pub const OUTAGE: Duration = Duration::from_secs(8);

/// A homeserver on this machine that has not answered by then does not.
const UNANSWERED: Duration = Duration::from_millis(500);

/// Longer than the long poll of any client.
const UNTIL_MET: Duration = Duration::from_secs(60);

/// A password that is none.
pub const WRONG_PASSWORD: &str = "wrong-password-000000000000";

/// Something that looks like a token and is none.
pub const GARBAGE: &str = "syt_garbage_0000000000_000000";

/// Such a thing for the account that is hit. A bot may refuse to act as two with one token.
pub fn garbage(world: &World) -> String {
    match world.aim() {
        0 => GARBAGE.to_owned(),
        place => format!("{GARBAGE}{place}"),
    }
}

/// The token that the bot uses, or, before it has ever run, the one in its environment.
pub fn bot_token(world: &World) -> String {
    let account = world.account();
    let used = world.front_door.bot_token(account.user_id());
    used.unwrap_or_else(|| account.first.token().to_owned())
}

/// The device that the bot uses: the one behind its token.
pub fn bot_device(world: &World) -> String {
    device_of(world, world.account())
}

/// The device that an account of the bot's uses.
pub fn device_of(world: &World, account: &BotAccount) -> String {
    let token = world.front_door.bot_token(account.user_id());
    let used = token.and_then(|token| world.front_door.device_behind(&token));
    used.unwrap_or_else(|| account.first.device_id().to_owned())
}

/// The devices that an account of the bot's has ever used.
pub fn devices_of(world: &World, account: &BotAccount) -> BTreeSet<String> {
    let exchanges = world.traffic().snapshot();
    let used = exchanges.into_iter().filter_map(|exchange| exchange.who);
    let own = used.filter(|who| who.user_id == account.user_id());
    own.filter_map(|who| who.device_id)
        .chain([account.first.device_id().to_owned()])
        .collect()
}

/// Asks the homeserver, past the front door, whose token this is; the evidence that it is nobody's.
pub async fn is_dead(world: &World, what: &str, token: &str) -> Result<String> {
    let http = Http::new(world.homeserver.base_url());
    let path = "/_matrix/client/v3/account/whoami";
    let reply = http.send(Method::GET, path, Some(token), None).await?;
    match reply.status {
        401 => Ok(format!("whoami with {what} now says 401 {}", reply.body["errcode"])),
        status => Err(format!("whoami with {what} still says {status} {}", reply.body).into()),
    }
}

/// The operator resets the bot's password and logs its devices out. The password file is as before.
pub async fn reset_password(world: &mut World) -> Result<String> {
    let new = world.new_password();
    reset_to(world, &new).await
}

/// The same, with the new password in the file before any token dies: where the bot runs, it never tries the old one.
pub async fn reset_password_with_file(world: &mut World) -> Result<String> {
    let new = world.new_password();
    world.account().write_password(&new)?;
    reset_to(world, &new).await
}

async fn reset_to(world: &mut World, new: &str) -> Result<String> {
    let (token, localpart) = (bot_token(world), world.account().localpart().to_owned());
    let operator = world.homeserver.operator();
    operator.reset_password(&localpart, new, Sessions::LogOut).await?;
    world.account_mut().set_password(new);
    is_dead(world, "the bot's token", &token).await
}

/// Removes what the account that is hit keeps its keys in; the bot is stopped.
///
/// # Errors
///
/// When there is nothing to lose, or it cannot be removed.
pub fn lose_stores(world: &World) -> Result<String> {
    let account = world.account();
    let store = account.state().crypto_store.as_ref();
    let store = store.ok_or("the contract names no place for the keys")?;
    // Where several accounts keep their keys in one folder, only those of this one are lost.
    let store = store.of_device(&bot_device(world));
    let found = store.found(world.bot.data_dir())?;
    let mut entries = 0;
    for path in &found {
        entries += if path.is_dir() { fs::read_dir(path)?.count() } else { 1 };
        remove(path)?;
    }
    match entries {
        0 => Err("there was no store to lose".into()),
        _ => Ok(format!("{store} with {entries} entries removed")),
    }
}

/// Removes a file, or a folder with all that is in it.
///
/// # Errors
///
/// When it cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    }
}

/// Loses everything in the data directory but what the operator wrote there, and the recovery key.
///
/// # Errors
///
/// When there was nothing to lose, or it cannot be removed.
pub fn lose_data(world: &World) -> Result<Fired> {
    let kept: Vec<PathBuf> = world
        .accounts
        .iter()
        .flat_map(|account| {
            [
                account.password_file(),
                account.kept(account.state().recovery_key.as_ref()),
            ]
        })
        .flatten()
        .collect();
    let removed = remove_all_but(world.bot.data_dir(), &kept)?;
    match removed.len() {
        0 => Err("there was nothing to lose".into()),
        _ => Ok(Fired::with(format!("removed {}", removed.join(", ")))),
    }
}

fn remove_all_but(folder: &Path, kept: &[PathBuf]) -> io::Result<Vec<String>> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if kept.contains(&path) {
            continue;
        }
        remove(&path)?;
        removed.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    removed.sort();
    Ok(removed)
}

/// Gives the bot this token with its environment, for the account that is hit, at its next start; answers the names of the variables.
///
/// # Errors
///
/// When its environment has no token.
pub fn give_token(world: &mut World, token: &str) -> Result<String> {
    let names = world.give(world.aim(), Variable::Token, token);
    match names.is_empty() {
        true => Err("the bot's environment has no token".into()),
        false => Ok(names.join(", ")),
    }
}

/// Logs in on the bot's device, past the front door, as another program would.
///
/// # Errors
///
/// When the homeserver refuses.
pub async fn log_in_on(world: &World, device: &str) -> Result<User> {
    let account = world.account();
    let base = world.homeserver.base_url();
    let rival = User::login(base, account.user_id(), account.password(), Some(device)).await?;
    world.front_door.knows(rival.token(), rival.user_id(), device);
    Ok(rival)
}

/// Bends that stay in force until the cure, each by the place of the account that it is about.
#[derive(Default)]
struct Kept(BTreeMap<usize, Bend>);

/// Keeps a bend in force until [`end_bend`].
pub fn keep_bend(world: &mut World, bend: Bend) {
    let mut kept = world.take::<Kept>().unwrap_or_default();
    kept.0.insert(world.aim(), bend);
    world.put(kept);
}

/// Ends the bend that was [kept](keep_bend) for the account that is hit; answers the number of requests that met it.
///
/// # Errors
///
/// When none did.
pub fn end_bend(world: &mut World) -> Result<u64> {
    let mut kept = world.take::<Kept>().unwrap_or_default();
    let fired = kept.0.remove(&world.aim()).map_or(0, |bend| bend.fired());
    world.put(kept);
    match fired {
        0 => Err("no request of the bot met it".into()),
        fired => Ok(fired),
    }
}

/// Renames a file out of the bot's sight.
pub fn put_away(path: &Path) -> io::Result<()> {
    fs::rename(path, away(path))
}

/// Undoes [`put_away`], whatever stands in the file's place by now.
pub fn put_back(path: &Path) -> io::Result<()> {
    fs::rename(away(path), path)
}

fn away(path: &Path) -> PathBuf {
    path.with_added_extension("away")
}

/// The bot's next question for device keys is answered as by a homeserver that has none for its device.
pub fn lose_device_keys(world: &World) -> Bend {
    let user = world.account().user_id();
    let query = Matcher::endpoint("POST", "/keys/query").from_bot().by(user).times(1);
    let none = json!({ "device_keys": { user: {} }, "failures": {} });
    world.front_door.bend(query, Action::json(200, &none))
}

/// Starts a stopped bot so that it takes a new device, and waits until it is ready.
pub async fn take_new_device(world: &mut World) -> Result<String> {
    let before = bot_device(world);
    let bend = lose_device_keys(world);
    world.bot.start().await?;
    world.wait_ready(UNTIL_MET).await?;
    let after = bot_device(world);
    if bend.fired() == 0 || after == before {
        return Err(format!("the bot did not take a new device: it is on {after}").into());
    }
    Ok(format!("the bot went from {before} to {after}"))
}

/// Gives the bot the password that works: in the file, and with its environment at the next start.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_password(world: &mut World) -> Result<()> {
    let password = world.account().password().to_owned();
    world.account().write_password(&password)?;
    world.give(world.aim(), Variable::Password, &password);
    world.artifacts.history().add(Event::Operator {
        what: "gave the bot its password".to_owned(),
    });
    Ok(())
}

/// Asks the homeserver, past the front door, and demands that it is `down` (connections are refused) or `frozen` (nobody answers).
pub async fn is_away(world: &World, state: &str) -> Result<String> {
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
pub async fn wake(world: &World) -> Result<()> {
    world.owner().say(&world.rooms().quiet, "is anybody there?").await?;
    Ok(())
}

/// Waits for as long as an outage lasts. It is counted from the first request of the bot that meets it: a program that is slow to start would
/// sleep through it, and whoever met nothing has shown nothing.
pub fn outage(world: &World) -> futures_util::future::BoxFuture<'static, ()> {
    let traffic = world.traffic().clone();
    let over = traffic.over();
    let patience = world.contract().boot();
    Box::pin(async move {
        let bots = Matcher::any().from_bot();
        let meets = |exchange: &Exchange| bots.matches(exchange) && !over.contains(&exchange.seq);
        // Whoever does not come is told by what the fault counts in the end.
        let _met = traffic
            .wait_until("the bot to meet the outage", patience, |exchanges| {
                exchanges.iter().any(meets).then_some(())
            })
            .await;
        tokio::time::sleep(OUTAGE).await;
    })
}

/// Bends requests for the time of an outage; answers how many there were.
pub async fn bend_for_a_while(
    world: &World,
    matcher: Matcher,
    action: Action,
) -> Result<futures_util::future::BoxFuture<'static, Result<String>>> {
    let bend: Bend = world.front_door.bend(matcher, action);
    let outage = outage(world);
    wake(world).await?;
    Ok(Box::pin(async move {
        outage.await;
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
pub fn met(world: &World) -> futures_util::future::BoxFuture<'static, Result<String>> {
    let traffic = world.traffic().clone();
    let over = traffic.over();
    let user = world.account().user_id().to_owned();
    // Another token's 401 shows nothing: this one is the one that dies.
    let token = world.front_door.name_of(&bot_token(world));
    let proof = Proof::Refused { token: token.clone() };
    world.artifacts.history().add(Event::Demanded(proof));
    Box::pin(async move {
        let dead = wait_for(&traffic, "the bot to be told that its token is dead", |exchange| {
            !over.contains(&exchange.seq) && is_answered(exchange, 401) && exchange.token.as_ref() == Some(&token)
        });
        let dead = dead.await?;
        let alive = wait_for(&traffic, "the bot to have a token that works", |exchange| {
            let is_own = exchange.who.as_ref().is_some_and(|who| who.user_id == user);
            exchange.seq > dead.seq && is_own && is_answered(exchange, 200)
        });
        let alive = alive.await.map_err(Error::NeverHealed)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_kept_and_everything_else_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("crypto")).unwrap();
        for name in ["a_password", "a_recovery_key", "a_session.json"] {
            fs::write(path(name), "x").unwrap();
        }
        let removed = remove_all_but(folder.path(), &[path("a_password"), path("a_recovery_key")]).unwrap();
        assert_eq!(removed, ["a_session.json", "crypto"]);
        assert!(path("a_password").exists() && path("a_recovery_key").exists());
    }
}
