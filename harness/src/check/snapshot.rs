use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    bot::Ready,
    client::Http,
    history::Event,
    world::{Result, World},
};

/// How the world is at one time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The number of the last exchange before.
    pub seq: u64,
    /// All devices of the bot's accounts, by user id, as the operator sees them.
    pub devices: BTreeMap<String, BTreeSet<String>>,
    /// The public master key of each of the bot's accounts which has one, by user id: what peers have verified.
    pub master_keys: BTreeMap<String, String>,
    /// What the bot said of itself; `None` while it is stopped.
    pub ready: Option<Ready>,
    /// Whether the tokens of other people live, by user id.
    pub people: BTreeMap<String, bool>,
}

/// A room as somebody who is or was in it sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoomRecord {
    /// Its id.
    pub id: String,
    /// Whose eyes these are.
    pub by: String,
    /// Its events, oldest first. Of an encrypted message that could be decrypted, the content has its words as `body`.
    pub events: Vec<Value>,
    /// The ids of the bot's messages that could not be decrypted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

impl Snapshot {
    /// Looks at everything, past the front door; what is seen goes into the history under this name: `before`, `needing` or `after`.
    ///
    /// # Errors
    ///
    /// When the homeserver does not answer.
    pub async fn take(world: &World, when: &str) -> Result<Self> {
        let mut snapshot = Self {
            seq: world.traffic().last_seq(),
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
        world.artifacts.history().add(Event::Look {
            when: when.to_owned(),
            snapshot: Box::new(snapshot.clone()),
        });
        Ok(snapshot)
    }

    /// The device of an identity, as the bot itself names it.
    pub fn device(&self, name: &str) -> Option<String> {
        self.ready.as_ref()?.identity(name)?.device_id.clone()
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
