//! One bot under test: homeserver, front door, people, rooms, and the bot.
//!
//! ```no_run
//! # async fn shown() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{path::Path, time::Duration};
//! use knockproof_harness::{contract::Contract, world::{Verdict, World, WorldOptions}};
//!
//! let contract = Contract::read(Path::new("pong.toml"))?;
//! let mut world = World::build(WorldOptions::new("shown"), contract.into()).await?;
//! world.start_bot(Duration::from_secs(30)).await?;
//! let visitor = world.new_user("visitor").await?;
//! world.owner().invite(world.rooms().spoken_in(), visitor.user_id()).await?;
//! world.finish(Verdict::Passed).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A bot that works in rooms of a special kind gets them on a [`Ground`]: a world without rooms, on which [`Ground::build`] puts the rest.
//! What such a world knows besides goes with it by [`World::put`].

mod account;
mod built;
mod conclusion;
mod error;
mod filling;
mod ground;
mod names;
mod options;
mod ping;
mod rooms;

pub use account::BotAccount;
pub use built::{Verdict, World};
pub use error::{Error, Result};
pub use ground::Ground;
pub use options::WorldOptions;
pub use rooms::{Rooms, powers};
