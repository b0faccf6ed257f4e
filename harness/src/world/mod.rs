//! One community under test: homeserver, front door, space, rooms, codes, bot, people.
//!
//! ```no_run
//! # async fn shown() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use harness::world::{Verdict, World, WorldOptions};
//!
//! let mut world = World::build(WorldOptions::new("shown")).await?;
//! world.bot.start()?;
//! world.bot.wait_ready(Duration::from_secs(30)).await?;
//! let visitor = world.new_user("visitor").await?;
//! visitor.knock(world.space(), world.knock_code()).await?;
//! world.finish(Verdict::Passed).await?;
//! # Ok(())
//! # }
//! ```

mod account;
mod community;
mod conclusion;
mod error;
mod names;
mod options;
mod rooms;
mod setup;

pub use account::{BotAccount, Role};
pub use community::{Verdict, World};
pub use error::{Error, Result};
pub use options::WorldOptions;
pub use rooms::{Child, Rooms};
