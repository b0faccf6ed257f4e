//! knock-approver's own world: space, rooms, codes, and the stand-in for Wikipedia.
//!
//! ```no_run
//! # async fn shown() -> Result<(), harness::step::Failure> {
//! use std::time::Duration;
//! use harness::world::{Verdict, WorldOptions};
//! use scenarios::community::{self, InCommunity as _};
//!
//! let mut world = community::build(WorldOptions::new("shown")).await?;
//! world.start_bot(Duration::from_secs(30)).await?;
//! let visitor = world.new_user("visitor").await?;
//! visitor.knock(world.space(), world.knock_code()).await?;
//! world.finish(Verdict::Passed).await?;
//! # Ok(())
//! # }
//! ```

mod rooms;

use std::sync::Arc;

use harness::{
    bot::BotCommand,
    contract::Contract,
    step::Failure,
    world::{BotAccount, Error, Ground, Rooms, World, WorldOptions},
};
use knockproof_wikipedia::Wikipedia;
use serde_json::json;

use crate::contract;

pub use rooms::{Child, SpaceRooms};

/// What kind of community is wanted.
#[derive(Clone, Debug)]
pub struct CommunityOptions {
    /// Its world.
    pub world: WorldOptions,
    /// Uses of the codes that it begins with.
    pub code_uses: u32,
}

impl From<WorldOptions> for CommunityOptions {
    fn from(world: WorldOptions) -> Self {
        Self { world, code_uses: 50 }
    }
}

/// Titles that challenges are made of.
const TITLES: [&str; 3] = ["Lighthouse of Alexandria", "Moss garden", "Hill of Crosses"];

/// What a community knows besides its world.
struct Community {
    rooms: SpaceRooms,
    knock: String,
    signup: String,
    wikipedia: Wikipedia,
}

/// What is known of a world that is a community.
///
/// A world that is none has empty names.
pub trait InCommunity {
    /// The rooms.
    fn space_rooms(&self) -> Option<&SpaceRooms>;

    /// The space's id.
    fn space(&self) -> &str;

    /// The ids of the space's children.
    fn children(&self) -> impl Iterator<Item = &str>;

    /// The id of the child of that name.
    fn child(&self, name: &str) -> Option<&str>;

    /// The id of the encrypted room for commands.
    fn admin_room(&self) -> &str;

    /// A live code for knocks and lobbies.
    fn knock_code(&self) -> &str;

    /// A live code for signups.
    fn signup_code(&self) -> &str;

    /// The bot's first account: the approver.
    fn approver(&self) -> &BotAccount;
}

impl InCommunity for World {
    fn space_rooms(&self) -> Option<&SpaceRooms> {
        self.get::<Community>().map(|community| &community.rooms)
    }

    fn space(&self) -> &str {
        self.space_rooms().map_or("", |rooms| &rooms.space)
    }

    fn children(&self) -> impl Iterator<Item = &str> {
        let children = self.space_rooms().map_or(&[][..], |rooms| &rooms.children);
        children.iter().map(|child| child.id.as_str())
    }

    fn child(&self, name: &str) -> Option<&str> {
        let children = &self.space_rooms()?.children;
        children
            .iter()
            .find(|child| child.name == name)
            .map(|child| child.id.as_str())
    }

    fn admin_room(&self) -> &str {
        self.space_rooms().map_or("", |rooms| &rooms.admin)
    }

    fn knock_code(&self) -> &str {
        self.get::<Community>().map_or("", |community| &community.knock)
    }

    fn signup_code(&self) -> &str {
        self.get::<Community>().map_or("", |community| &community.signup)
    }

    fn approver(&self) -> &BotAccount {
        &self.accounts[0]
    }
}

/// Starts a homeserver and builds the community on it. The bot is not started.
///
/// # Errors
///
/// When any part cannot be had; the artifacts stay.
pub async fn build(options: impl Into<CommunityOptions>) -> Result<World, Failure> {
    of(options, contract::knock_approver()?.into()).await
}

/// The same for a contract that is at hand.
///
/// # Errors
///
/// As [`build`].
pub async fn of(options: impl Into<CommunityOptions>, contract: Arc<Contract>) -> Result<World, Failure> {
    let command = BotCommand::of(&contract)?;
    Ok(built(options.into(), contract, command).await?)
}

/// The same with another bot than `KNOCKPROOF_BOT` names.
///
/// # Errors
///
/// As [`build`].
pub async fn build_with(options: impl Into<CommunityOptions>, command: BotCommand) -> Result<World, Failure> {
    Ok(built(options.into(), Arc::new(contract::knock_approver()?), command).await?)
}

async fn built(options: CommunityOptions, contract: Arc<Contract>, command: BotCommand) -> Result<World, Error> {
    // The community's own variables; those that somebody wishes for win.
    let wished = options.world.env.clone();
    let mut ground = Ground::lay(options.world, contract, command).await?;
    let version = ground.options().room_version.clone();
    let (wikipedia, rooms) = tokio::join!(
        Wikipedia::start(TITLES.map(str::to_owned)),
        rooms::make(ground.owner(), version.as_deref(), ground.bots())
    );
    let rooms = rooms.map_err(Error::doing("making the space and its rooms"))?;
    let community = Community {
        knock: format!("knock-{}", ground.draw(10)),
        signup: format!("signup-{}", ground.draw(10)),
        rooms,
        wikipedia,
    };
    let mut world = ground.build(Rooms {
        plain: None,
        encrypted: Some(community.rooms.admin.clone()),
        quiet: community.rooms.quiet().to_owned(),
        others: community.rooms.others(),
    })?;
    world.bot.env_mut().extend(environment(&community, options.code_uses));
    world.bot.env_mut().extend(wished);
    world.put(community);
    Ok(world)
}

/// The variables that the bot gets of its community, as an operator writes them.
fn environment(community: &Community, uses: u32) -> impl Iterator<Item = (String, String)> {
    let children: Vec<&str> = community.rooms.children.iter().map(|child| child.id.as_str()).collect();
    let code = |code: &str, label: &str| json!({ code: { "uses_remaining": uses, "label": label } }).to_string();
    [
        ("SPACE_ID", community.rooms.space.clone()),
        ("SPACE_CHILD_IDS", children.join(",")),
        ("CHALLENGE_URL", community.wikipedia.url()),
        ("INITIAL_CODES", code(&community.knock, "knock")),
        ("INITIAL_SIGNUP_CODES", code(&community.signup, "signup")),
        ("LOBBY_CHALLENGE_DELAY_SEC", "1".to_owned()),
        (
            "LOBBY_WELCOME_DOC_URL",
            "https://docs.knockproof.invalid/start".to_owned(),
        ),
        // All people of a test have one address.
        ("HTTP_RATE_PER_MINUTE", "0".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
}
