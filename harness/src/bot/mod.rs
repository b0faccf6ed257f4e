//! The bot under test: a command with an environment, a data directory, a port and logs.
//!
//! Nothing here links the bot: what is known of it is its [contract](crate::contract). `KNOCKPROOF_BOT` puts another program with the same
//! contract in its place.

mod command;
mod error;
mod folder;
mod process;
mod ready;
mod running;

pub use command::BotCommand;
pub use error::{Error, Result};
pub use process::Bot;
pub use ready::{Condition, IdentityState, Note, Ready};

#[cfg(test)]
mod tests;
