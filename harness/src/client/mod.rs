//! What people use: [`User`], a plain Matrix client without a memory, and [`Peer`], one with end-to-end encryption.
//!
//! Neither shares code with the bot, so that a fault of the bot's cannot hide behind the same fault of its judge.

mod account;
mod error;
mod http;
mod peer;
mod received;
mod register;
mod rooms;
mod sync;
mod trust;
mod user;

pub use account::DeviceInfo;
pub use error::{Error, MatrixError, Result};
pub use http::{Http, Reply, plain_client};
pub use peer::Peer;
pub use received::Received;
pub use register::Registration;
pub use rooms::NewRoom;
pub use sync::SyncAnswer;
pub use trust::Trust;
pub use user::User;
