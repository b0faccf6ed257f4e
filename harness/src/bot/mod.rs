//! The bot under test: a command or a container with an environment, a data directory, a port and logs.
//!
//! Nothing here links the bot: what is known of it is its [contract](crate::contract). `KNOCKPROOF_BOT` puts another program with the same
//! contract in its place, `KNOCKPROOF_BOT_IMAGE` an image.

mod command;
mod contained;
mod error;
mod folder;
mod image;
mod layer;
mod life;
mod process;
mod ready;
mod running;
mod user;
mod waiting;

pub use command::BotCommand;
pub use error::{Error, Result};
pub use image::BotImage;
pub use process::Bot;
pub use ready::{Condition, IdentityState, Note, Ready};
pub(crate) use user::follow_folder;

#[cfg(test)]
mod tests;
