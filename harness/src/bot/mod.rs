//! The bot under test: a command with an environment, a data directory, a port and logs.
//!
//! Nothing here links the bot. `KNOCKPROOF_BOT` puts any other program with the same contract in its place.

mod command;
mod error;
mod process;
mod ready;
mod running;

pub use command::BotCommand;
pub use error::{Error, Result};
pub use process::Bot;
pub use ready::{IdentityState, Note, Ready};

#[cfg(test)]
mod tests;
