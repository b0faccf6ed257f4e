use std::{
    any::{Any, TypeId},
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{BotAccount, Error, Ground, Result, Rooms, WorldOptions, names::Names, ping};
use crate::{
    artifacts::Artifacts,
    bot::{Bot, BotCommand, Ready},
    check::Witness,
    client::{Http, Peer, Registration, Reply, User},
    contract::{Contract, Readiness},
    front_door::{FrontDoor, Traffic},
    history::Event,
    homeserver::{Homeserver, Selection},
    run::{RunId, Scratch},
    secrets::Secrets,
};

/// How a test or drill ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything held.
    Passed,
    /// Something did not; what.
    Failed(String),
}

/// One bot under test. [`finish`](Self::finish) it; a world that is dropped unfinished counts as failed and keeps its artifacts.
pub struct World {
    /// The bot; made stopped.
    pub bot: Bot,
    /// The reverse proxy before homeserver and bot.
    pub front_door: FrontDoor,
    /// The homeserver.
    pub homeserver: Arc<dyn Homeserver>,
    /// Which homeserver it is, and why that one.
    pub selection: Selection,
    /// What is left behind.
    pub artifacts: Artifacts,
    /// The bot's accounts.
    pub accounts: Vec<BotAccount>,
    /// Those that faults hit, and the one that they hit now.
    hit: Vec<usize>,
    aim: usize,
    pub(super) owner: User,
    rooms: Rooms,
    /// What such a world knows besides, by its type.
    more: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    secrets: Secrets,
    names: Mutex<Names>,
    people: AtomicU32,
    tokens: Mutex<Vec<(String, String)>>,
    /// Encrypted messages that the bot could read once: room and event.
    memories: Mutex<Vec<(String, String)>>,
    /// Somebody with encryption who was there before the bot.
    pub(super) witness: Option<Box<dyn Witness>>,
    seed: u64,
    finished: bool,
    // Outside the artifacts: it is full of secrets.
    _data: Scratch,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("homeserver", &self.selection.why)
            .field("seed", &self.seed)
            .field("artifacts", &self.artifacts.folder())
            .finish_non_exhaustive()
    }
}

impl World {
    /// Starts a homeserver and builds on it the rooms that any bot can be spoken to in. The bot is not started.
    ///
    /// # Errors
    ///
    /// When any part cannot be had; the artifacts stay.
    pub async fn build(options: WorldOptions, contract: Arc<Contract>) -> Result<Self> {
        let command = BotCommand::of(&contract)?;
        Self::build_with(options, contract, command).await
    }

    /// The same with another command than the contract or `KNOCKPROOF_BOT` name.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub async fn build_with(options: WorldOptions, contract: Arc<Contract>, command: BotCommand) -> Result<Self> {
        Ground::lay(options, contract, command).await?.furnish().await
    }

    pub(super) fn on(ground: Ground, rooms: Rooms) -> Result<Self> {
        let (contract, artifacts) = (ground.contract, ground.artifacts);
        let history = artifacts.history().clone();
        let data = Scratch::new(&RunId::current(), "bot").map_err(Error::io("make the bot's folder"))?;
        let log = artifacts.path("bot.log");
        let bot = Bot::new(contract.clone(), ground.command, data.path().to_owned(), log, history)?;
        let public = contract.public.iter().map(|path| path.as_str());
        ground.front_door.set_bot(bot.url().clone(), public);
        let accounts: Vec<BotAccount> = ground
            .identities
            .iter()
            .zip(ground.bots)
            .map(|(identity, first)| {
                BotAccount::new(&contract, identity, first, bot.data_dir(), ground.secrets.clone())
            })
            .collect();
        artifacts.note_with(
            "rooms made",
            json!({ "rooms": rooms.ids().collect::<Vec<_>>(), "front_door": ground.front_door.url(), "bot": bot.url() }),
        );
        let hit = hit(&accounts, &ground.options.hit)?;
        let mut world = Self {
            bot,
            front_door: ground.front_door,
            homeserver: ground.homeserver,
            selection: ground.selection,
            artifacts,
            accounts,
            aim: hit[0],
            hit,
            owner: ground.owner,
            rooms,
            more: HashMap::new(),
            secrets: ground.secrets,
            names: Mutex::new(ground.names),
            people: AtomicU32::new(0),
            tokens: Mutex::default(),
            memories: Mutex::default(),
            witness: None,
            seed: ground.options.seed,
            finished: false,
            _data: data,
        };
        world.fill(&ground.options.env)?;
        let subject = world.subject();
        world.artifacts.history().add(Event::Subject(subject));
        Ok(world)
    }

    /// What is known of the bot.
    pub fn contract(&self) -> &Arc<Contract> {
        self.bot.contract()
    }

    /// Lets something that this kind of world has go with it; it takes the place of one of the same type.
    pub fn put<T: Any + Send + Sync>(&mut self, thing: T) {
        self.more.insert(TypeId::of::<T>(), Box::new(thing));
    }

    /// What was [put](Self::put) there.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.more.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// What was [put](Self::put) there, which it is not any more.
    pub fn take<T: Any>(&mut self) -> Option<T> {
        let thing: Box<dyn Any> = self.more.remove(&TypeId::of::<T>())?;
        thing.downcast().ok().map(|thing| *thing)
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Who made the rooms and operates the bot, straight at the homeserver.
    pub fn owner(&self) -> &User {
        &self.owner
    }

    /// The rooms.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// The bot and people are in this room too.
    pub fn knows_room(&mut self, id: &str) {
        self.rooms.others.push(id.to_owned());
    }

    /// Every secret that must not stand in a log.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Everything that went through the front door.
    pub fn traffic(&self) -> &Traffic {
        self.front_door.traffic()
    }

    /// The account that faults hit.
    pub fn account(&self) -> &BotAccount {
        &self.accounts[self.aim]
    }

    /// The account that faults hit, to be changed.
    pub fn account_mut(&mut self) -> &mut BotAccount {
        &mut self.accounts[self.aim]
    }

    /// The account of a name, if the bot has it here.
    pub fn account_named(&self, name: &str) -> Option<&BotAccount> {
        self.accounts.iter().find(|account| account.name() == name)
    }

    /// The accounts that faults hit.
    pub fn accounts_hit(&self) -> impl Iterator<Item = &BotAccount> {
        self.hit.iter().map(|place| &self.accounts[*place])
    }

    /// The places, among [`accounts`](Self::accounts), of all that faults hit.
    pub fn hit(&self) -> &[usize] {
        &self.hit
    }

    /// The place of the account that faults hit now.
    pub fn aim(&self) -> usize {
        self.aim
    }

    /// Lets faults hit another of those that they hit.
    pub fn aim_at(&mut self, place: usize) {
        self.aim = place;
    }

    /// A password not used before.
    pub fn new_password(&self) -> String {
        let password = self.names.lock().unwrap_or_else(PoisonError::into_inner).password();
        self.secrets.add_given("a password", password.as_str());
        password
    }

    /// A text not used before, of letters and digits that need no encoding anywhere.
    pub fn new_text(&self, length: usize) -> String {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).text(length)
    }

    /// A localpart not used before.
    pub fn new_name(&self, hint: &str) -> String {
        let number = self.people.fetch_add(1, Ordering::SeqCst) + 1;
        let tail = self.names.lock().unwrap_or_else(PoisonError::into_inner).text(5);
        format!("{hint}-{number}-{tail}")
    }

    /// Registers somebody through the front door, with the hint as display name.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn new_user(&self, hint: &str) -> Result<User> {
        let (username, password) = (self.new_name(hint), self.new_password());
        let registration = Registration {
            username: &username,
            password: &password,
            registration_token: self.homeserver.registration_token(),
        };
        let user = User::register(self.front_door.url(), &registration).await?;
        user.set_display_name(hint).await?;
        let token = (user.user_id().to_owned(), user.token().to_owned());
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(token);
        self.artifacts.note(format!("{} registered", user.user_id()));
        Ok(user)
    }

    /// The user ids and tokens of everybody who is not the bot: the owner, and who came by [`new_user`](Self::new_user).
    pub(crate) fn people(&self) -> Vec<(String, String)> {
        let owner = (self.owner.user_id().to_owned(), self.owner.token().to_owned());
        let mut people = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone();
        people.push(owner);
        people
    }

    /// Notes an encrypted message of a room which the bot can read now: it must be readable ever after.
    pub fn remember(&self, room: &str, event_id: &str) {
        let memory = (room.to_owned(), event_id.to_owned());
        self.memories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(memory);
    }

    /// The messages that must be readable, each with its room.
    pub fn memories(&self) -> Vec<(String, String)> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A member with end-to-end encryption, logged in as this user on a device of its own.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn peer(&self, user: &User) -> Result<Peer> {
        Ok(Peer::login(self.front_door.url(), user.user_id(), user.password()).await?)
    }

    /// The owner with end-to-end encryption, on a device of its own: may command.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn owner_peer(&self) -> Result<Peer> {
        self.peer(&self.owner).await
    }

    /// Sends JSON to the front door as a browser does: `post("/pages/api", …)`.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        Ok(Http::new(self.front_door.url())
            .send(Method::POST, path, None, Some(body))
            .await?)
    }

    /// Starts the bot and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it is not in time.
    pub async fn start_bot(&mut self, patience: Duration) -> Result<()> {
        self.artifacts.note("bot starts");
        self.bot.start().await?;
        let ready = self.wait_ready(patience).await?;
        self.artifacts.note_with("bot ready", ready.body);
        Ok(())
    }

    /// Waits until the bot serves; one that shows it by answering is asked.
    ///
    /// # Errors
    ///
    /// When it is not in time, or ends.
    pub async fn wait_ready(&mut self, patience: Duration) -> Result<Ready> {
        if self.contract().ready == Readiness::Ping {
            let asked = tokio::time::Instant::now();
            ping::until_answered(self, patience).await?;
            return Ok(self.bot.wait_ready(patience.saturating_sub(asked.elapsed())).await?);
        }
        Ok(self.bot.wait_ready(patience).await?)
    }

    /// Ends everything. Answers where the artifacts are, if they are kept.
    ///
    /// # Errors
    ///
    /// When the artifacts cannot be written or removed.
    pub async fn finish(mut self, verdict: Verdict) -> Result<Option<PathBuf>> {
        self.finished = true;
        if let Err(error) = self.bot.stop().await {
            self.artifacts.note(format!("the bot did not end: {error}"));
        }
        self.artifacts.note(match &verdict {
            Verdict::Passed => "passed".to_owned(),
            Verdict::Failed(why) => format!("failed: {why}"),
        });
        let passed = verdict == Verdict::Passed;
        if !passed {
            self.artifacts.tell(&self.story());
        }
        // A frozen server could not end.
        let _ = self.homeserver.thaw().await;
        if let Err(error) = self.homeserver.stop().await {
            tracing::debug!(%error, "the homeserver had ended already");
        }
        self.artifacts.finish(passed).map_err(Error::io("remove the artifacts"))
    }

    /// What happened, for people: what was noted, the last requests, and where everything is.
    pub fn story(&self) -> String {
        // What cannot be read back cannot be told; where it is, is.
        let told = self.artifacts.history().record().unwrap_or_default();
        let last: Vec<String> = told
            .exchanges()
            .iter()
            .rev()
            .take(20)
            .rev()
            .map(|exchange| exchange.line())
            .collect();
        format!(
            "── {} · seed {} ──\n{}── last requests ──\n{}\n── everything is in {} ──\n",
            self.selection.why,
            self.seed,
            told.story(),
            last.join("\n"),
            self.artifacts.folder().display()
        )
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.finished {
            self.artifacts.note("dropped unfinished");
            self.artifacts.tell(&self.story());
        }
    }
}

/// The places of the accounts of these names; of none, the first.
fn hit(accounts: &[BotAccount], names: &[String]) -> Result<Vec<usize>> {
    if names.is_empty() {
        return Ok(vec![0]);
    }
    let place = |name: &String| {
        let found = accounts.iter().position(|account| account.name() == name);
        found.ok_or_else(|| Error::NoIdentity { name: name.clone() })
    };
    names.iter().map(place).collect()
}
