//! What people use: [`User`], a plain Matrix client without a memory, and [`Peer`], one with end-to-end encryption.
//!
//! Neither shares code with the bot, so that a fault of the bot's cannot hide behind the same fault of its judge.

mod account;
mod error;
mod http;
#[cfg(not(feature = "peer"))]
mod no_peer;
#[cfg(feature = "peer")]
mod peer;
mod received;
#[cfg(feature = "peer")]
mod recovery;
mod register;
mod rooms;
mod sync;
mod trust;
mod user;

pub use account::DeviceInfo;
pub use error::{Error, MatrixError, Result};
pub(crate) use http::segment;
pub use http::{Http, Reply, plain_client};
#[cfg(not(feature = "peer"))]
pub use no_peer::Peer;
#[cfg(feature = "peer")]
pub use peer::Peer;
pub use received::Received;
pub use register::Registration;
pub use rooms::NewRoom;
pub use sync::SyncAnswer;
pub use trust::Trust;
pub use user::User;

/// Whether there can be a [`Peer`]: whether this was built with the feature `peer`. What needs one is else not applicable.
pub const PEERS: bool = cfg!(feature = "peer");

/// Why something that needs a [`Peer`] is not applicable without.
pub(crate) const NO_PEERS: &str = "knockproof-harness was built without its feature `peer`";
