//! The bot under test: a command with an environment, a data directory, a port and logs.
//!
//! Nothing here links the bot. `KNOCKPROOF_BOT` puts any other program with the same contract in its place.

mod command;
mod process;
mod ready;

pub use command::BotCommand;
pub use process::{Bot, Error, Result};
pub use ready::{IdentityState, Note, Ready};
