use std::sync::Arc;

use futures_util::{FutureExt as _, future::try_join_all};

use super::{Error, Result, Rooms, World, WorldOptions, names::Names, rooms};
use crate::{
    artifacts::Artifacts,
    bot::BotCommand,
    client::{Registration, User},
    contract::{Contract, Identity},
    front_door::FrontDoor,
    homeserver::{self, Homeserver, Selection},
    replay,
    secrets::Secrets,
};

/// A world without rooms: a homeserver behind a front door, with the owner's account and those of the bot.
pub struct Ground {
    pub(super) options: WorldOptions,
    pub(super) contract: Arc<Contract>,
    pub(super) command: BotCommand,
    pub(super) artifacts: Artifacts,
    pub(super) secrets: Secrets,
    pub(super) homeserver: Arc<dyn Homeserver>,
    pub(super) selection: Selection,
    pub(super) front_door: FrontDoor,
    pub(super) names: Names,
    pub(super) owner: User,
    pub(super) identities: Vec<Identity>,
    pub(super) bots: Vec<User>,
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground")
            .field("homeserver", &self.selection.why)
            .field("bots", &self.bots)
            .finish_non_exhaustive()
    }
}

impl Ground {
    /// Starts a homeserver, opens a front door before it, and registers the owner and the bot's accounts, past the front door: none of that
    /// is traffic of people or bot.
    ///
    /// # Errors
    ///
    /// When any part cannot be had; the artifacts stay.
    pub async fn lay(options: WorldOptions, contract: Arc<Contract>, command: BotCommand) -> Result<Self> {
        // In a box, for whoever awaits it: see lib.rs.
        Self::laid(options, contract, command).boxed().await
    }

    async fn laid(options: WorldOptions, contract: Arc<Contract>, command: BotCommand) -> Result<Self> {
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
        let mut wanted = homeserver::Options::new(options.choice, artifacts.folder());
        wanted.rate_limits = options.rate_limits;
        wanted.secrets = secrets.clone();
        wanted.settings.clone_from(&options.settings);
        let chosen = homeserver::start(wanted).await?;
        let (homeserver, selection) = (chosen.homeserver, chosen.selection);
        if options.replay.is_none() {
            let replay = replay::of_test(options.seed, &selection);
            artifacts
                .replay(options.seed, &replay)
                .map_err(Error::io("write the seed"))?;
        }
        artifacts.note(format!("homeserver up: {}", selection.why));
        secrets.add_given("registration token", homeserver.registration_token());

        let mut names = Names::new(options.seed);
        let front_door = FrontDoor::open_recording(homeserver.base_url(), artifacts.history().clone()).await?;
        let wished = |identity: &&Identity| !identity.optional || options.identities.contains(&identity.name);
        let identities: Vec<Identity> = contract.identities.iter().filter(wished).cloned().collect();
        let localparts = ["owner"]
            .into_iter()
            .chain(identities.iter().map(|identity| identity.localpart.as_str()));
        let mut users = register(localparts, homeserver.as_ref(), &mut names, &secrets).await?;
        for user in &users {
            front_door.knows(user.token(), user.user_id(), user.device_id());
        }
        let owner = users.remove(0);
        Ok(Self {
            options,
            contract,
            command,
            artifacts,
            secrets,
            homeserver,
            selection,
            front_door,
            names,
            owner,
            identities,
            bots: users,
        })
    }

    /// What the world is to be like.
    pub fn options(&self) -> &WorldOptions {
        &self.options
    }

    /// Who makes the rooms, straight at the homeserver.
    pub fn owner(&self) -> &User {
        &self.owner
    }

    /// The bot's accounts, in the order of the contract, each with the session that the operator made.
    pub fn bots(&self) -> &[User] {
        &self.bots
    }

    /// The public entrance of the front door.
    pub fn front_door(&self) -> &FrontDoor {
        &self.front_door
    }

    /// A random text that the seed repeats.
    pub fn draw(&mut self, length: usize) -> String {
        self.names.text(length)
    }

    /// Makes the rooms that any bot can be spoken to in, and builds the world on them.
    ///
    /// # Errors
    ///
    /// When the server refuses, or a file cannot be written.
    pub async fn furnish(self) -> Result<World> {
        let version = self.options.room_version.as_deref();
        let rooms = rooms::make(&self.owner, version, &self.bots, self.contract.capabilities.encryption);
        let rooms = rooms.await.map_err(Error::doing("making the rooms"))?;
        self.build(rooms)
    }

    /// Builds the world on these rooms. The bot is not started.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn build(self, rooms: Rooms) -> Result<World> {
        World::on(self, rooms)
    }
}

/// Registers users of these localparts, in this order.
async fn register(
    localparts: impl Iterator<Item = &str>,
    homeserver: &dyn Homeserver,
    names: &mut Names,
    secrets: &Secrets,
) -> Result<Vec<User>> {
    let drawn: Vec<(&str, String)> = localparts.map(|localpart| (localpart, names.password())).collect();
    for (localpart, password) in &drawn {
        secrets.add_given(format!("password of {localpart}"), password.as_str());
    }
    let registrations: Vec<Registration<'_>> = drawn
        .iter()
        .map(|(username, password)| Registration {
            username,
            password,
            registration_token: homeserver.registration_token(),
        })
        .collect();
    let base = homeserver.base_url();
    try_join_all(
        registrations
            .iter()
            .map(|registration| User::register(base, registration)),
    )
    .await
    .map_err(Error::doing("registering the owner and the bot"))
}
