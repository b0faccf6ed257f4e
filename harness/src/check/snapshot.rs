use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use crate::{
    bot::Ready,
    client::{Http, User},
    world::{Result, World},
};

/// How many of a room's last events are looked at.
const EVENTS: u32 = 300;

/// How the world is at one time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// The number of the last exchange before.
    pub seq: u64,
    /// Milliseconds on the clock of the artifacts.
    pub at_ms: u64,
    /// All devices of the bot's accounts, by user id, as the operator sees them.
    pub devices: BTreeMap<String, BTreeSet<String>>,
    /// The public master key of each of the bot's accounts which has one, by user id: what peers have verified.
    pub master_keys: BTreeMap<String, String>,
    /// What `/ready` answered; `None` while the bot is stopped.
    pub ready: Option<Ready>,
    /// Whether the tokens of other people live, by user id.
    pub people: BTreeMap<String, bool>,
    /// The rooms that the bot is in, with their last events.
    pub rooms: Vec<RoomRecord>,
}

/// A room as the bot's account sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RoomRecord {
    /// Its id.
    pub id: String,
    /// Its events, oldest first.
    pub events: Vec<Value>,
}

impl Snapshot {
    /// Looks at everything, past the front door.
    ///
    /// # Errors
    ///
    /// When the homeserver does not answer.
    pub async fn take(world: &World) -> Result<Self> {
        let mut snapshot = Self {
            seq: world.traffic().last_seq(),
            at_ms: u64::try_from(world.artifacts.began().elapsed().as_millis()).unwrap_or(u64::MAX),
            ready: world.bot.ready().await.ok(),
            ..Self::default()
        };
        for account in &world.accounts {
            let devices = world.homeserver.operator().devices(account.localpart()).await;
            // A deactivated account has none, and some servers do not list it any more.
            snapshot.devices.insert(
                account.user_id().to_owned(),
                devices.unwrap_or_default().into_iter().collect(),
            );
        }
        for (user, token) in world.people() {
            let http = Http::new(world.homeserver.base_url());
            let path = "/_matrix/client/v3/account/whoami";
            let reply = http.send(Method::GET, path, Some(&token), None).await?;
            snapshot.people.insert(user, reply.status == 200);
        }
        snapshot.master_keys = master_keys(world).await?;
        snapshot.rooms = rooms_of_bot(world).await;
        Ok(snapshot)
    }

    /// The device of an identity, as `/ready` names it.
    pub fn device(&self, role: &str) -> Option<String> {
        self.ready.as_ref()?.identity(role)?.device_id
    }
}

async fn master_keys(world: &World) -> Result<BTreeMap<String, String>> {
    let users: Vec<&str> = world.accounts.iter().map(|account| account.user_id()).collect();
    let answer = world.owner().query_keys(&users).await?;
    let key = |user: &&str| {
        let keys = answer["master_keys"][*user]["keys"].as_object()?;
        let (_, key) = keys.iter().next()?;
        Some(((*user).to_owned(), key.as_str()?.to_owned()))
    };
    Ok(users.iter().filter_map(key).collect())
}

/// Read with the bot's own token; while that is dead there is nothing to see.
async fn rooms_of_bot(world: &World) -> Vec<RoomRecord> {
    let mut records = Vec::new();
    for account in &world.accounts {
        let token = world.front_door.bot_token(account.user_id());
        let Some(token) = token else { continue };
        let bot = User::from_session(world.homeserver.base_url(), account.user_id(), "", &token, "");
        for id in bot.joined_rooms().await.unwrap_or_default() {
            let mut events = bot.messages(&id, EVENTS).await.unwrap_or_default();
            events.reverse();
            records.push(RoomRecord { id, events });
        }
    }
    records
}
