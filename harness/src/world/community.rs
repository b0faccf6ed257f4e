use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use knockproof_wikipedia::Wikipedia;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    BotAccount, Error, Result, Role, Rooms, WorldOptions,
    names::Names,
    setup::{self, Codes},
};
use crate::{
    artifacts::Artifacts,
    bot::{Bot, BotCommand},
    check::Witness,
    client::{Http, Peer, Registration, Reply, User},
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

/// One community under test. [`finish`](Self::finish) it; a world that is dropped unfinished counts as failed and keeps its artifacts.
pub struct World {
    /// The bot; made stopped.
    pub bot: Bot,
    /// The reverse proxy before homeserver and bot.
    pub front_door: FrontDoor,
    /// The homeserver.
    pub homeserver: Arc<dyn Homeserver>,
    /// Which homeserver it is, and why that one.
    pub selection: Selection,
    /// Where challenges come from.
    pub wikipedia: Wikipedia,
    /// What is left behind.
    pub artifacts: Artifacts,
    /// The bot's accounts.
    pub accounts: Vec<BotAccount>,
    owner: User,
    rooms: Rooms,
    codes: Codes,
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
    /// Starts a homeserver and builds the community on it. The bot is not started.
    ///
    /// # Errors
    ///
    /// When any part cannot be had; the artifacts stay.
    pub async fn build(options: WorldOptions) -> Result<Self> {
        Self::build_with(options, BotCommand::from_env()?).await
    }

    /// The same with another bot than `KNOCKPROOF_BOT` names.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub async fn build_with(options: WorldOptions, command: BotCommand) -> Result<Self> {
        let artifacts = match &options.artifacts {
            Some(artifacts) => artifacts.clone(),
            None => Artifacts::for_test(&options.name, Secrets::default()).map_err(Error::io("make the artifacts"))?,
        };
        let secrets = artifacts.secrets().clone();
        let replay = options
            .replay
            .clone()
            .unwrap_or_else(|| format!("KNOCKPROOF_SEED={}", options.seed));
        artifacts
            .replay(options.seed, &replay)
            .map_err(Error::io("write the seed"))?;
        let chosen = setup::start_homeserver(&options, artifacts.folder()).await?;
        let (homeserver, selection) = (chosen.homeserver, chosen.selection);
        artifacts.note(format!("homeserver up: {}", selection.why));
        secrets.add("registration token", homeserver.registration_token());

        let mut names = Names::new(options.seed);
        let codes = Codes::draw(&mut names);
        let history = artifacts.history().clone();
        let front_door = FrontDoor::open_recording(homeserver.base_url(), history.clone()).await?;
        let (wikipedia, community) = tokio::join!(
            Wikipedia::start(options.titles.clone()),
            setup::populate(&options, homeserver.as_ref(), &front_door, &mut names, &secrets)
        );
        let community = community?;
        let data = Scratch::new(&RunId::current(), "bot").map_err(Error::io("make the bot's folder"))?;
        let mut bot = Bot::new(command, data.path().to_owned(), artifacts.path("bot.log"), history)?;
        let env = setup::environment(
            &options,
            homeserver.as_ref(),
            &front_door,
            &community,
            &codes,
            &wikipedia,
        );
        bot.env_mut().extend(env);
        front_door.set_bot(Some(bot.url().clone()));
        let accounts = setup::accounts(community.bots, bot.data_dir(), &secrets)?;
        artifacts.note_with(
            "community built",
            json!({ "space": community.rooms.space, "front_door": front_door.url(), "bot": bot.url() }),
        );
        let world = Self {
            bot,
            front_door,
            homeserver,
            selection,
            wikipedia,
            artifacts,
            accounts,
            owner: community.owner,
            rooms: community.rooms,
            codes,
            secrets,
            names: Mutex::new(names),
            people: AtomicU32::new(0),
            tokens: Mutex::default(),
            memories: Mutex::default(),
            witness: None,
            seed: options.seed,
            finished: false,
            _data: data,
        };
        let subject = world.subject();
        world.artifacts.history().add(Event::Subject(subject));
        Ok(world)
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The community's owner, straight at the homeserver.
    pub fn owner(&self) -> &User {
        &self.owner
    }

    /// The rooms.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// The space's id.
    pub fn space(&self) -> &str {
        &self.rooms.space
    }

    /// The ids of the space's children.
    pub fn children(&self) -> impl Iterator<Item = &str> {
        self.rooms.children.iter().map(|child| child.id.as_str())
    }

    /// The id of the child of that name.
    pub fn child(&self, name: &str) -> Option<&str> {
        let child = self.rooms.children.iter().find(|child| child.name == name)?;
        Some(&child.id)
    }

    /// The id of the encrypted room for commands.
    pub fn admin_room(&self) -> &str {
        &self.rooms.admin
    }

    /// A live code for knocks and lobbies.
    pub fn knock_code(&self) -> &str {
        &self.codes.knock
    }

    /// A live code for signups.
    pub fn signup_code(&self) -> &str {
        &self.codes.signup
    }

    /// Every secret that must not stand in a log.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Everything that went through the front door.
    pub fn traffic(&self) -> &Traffic {
        self.front_door.traffic()
    }

    /// The bot's first account: the approver.
    pub fn approver(&self) -> &BotAccount {
        &self.accounts[0]
    }

    /// The approver, to be changed.
    pub fn approver_mut(&mut self) -> &mut BotAccount {
        &mut self.accounts[0]
    }

    /// The account of a role, if the bot has it.
    pub fn account(&self, role: Role) -> Option<&BotAccount> {
        self.accounts.iter().find(|account| account.role == role)
    }

    /// A password not used before.
    pub fn new_password(&self) -> String {
        let password = self.names.lock().unwrap_or_else(PoisonError::into_inner).password();
        self.secrets.add("a password", password.as_str());
        password
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

    /// Sends JSON to the front door as a browser does: `post("/signup/api", …)`.
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
        self.bot.start()?;
        let ready = self.bot.wait_ready(patience).await?;
        self.artifacts.note_with("bot ready", ready.body);
        Ok(())
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
            self.leave_traces().map_err(Error::io("write the artifacts"))?;
            self.artifacts.tell(&self.story());
        }
        // A frozen server could not end.
        let _ = self.homeserver.thaw().await;
        if let Err(error) = self.homeserver.stop().await {
            tracing::debug!(%error, "the homeserver had ended already");
        }
        self.artifacts.finish(passed).map_err(Error::io("remove the artifacts"))
    }

    /// What happened, for people: the timeline, the last requests, and where everything is.
    pub fn story(&self) -> String {
        let exchanges = self.traffic().snapshot();
        let last: Vec<String> = exchanges
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
            self.artifacts.timeline_text(),
            last.join("\n"),
            self.artifacts.folder().display()
        )
    }

    fn leave_traces(&self) -> io::Result<()> {
        self.artifacts.write("traffic.jsonl", &self.traffic().jsonl())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.finished {
            self.artifacts.note("dropped unfinished");
            if let Err(error) = self.leave_traces() {
                tracing::warn!(%error, "the artifacts could not be written");
            }
            self.artifacts.tell(&self.story());
        }
    }
}
