//! The reverse proxy before homeserver and bot.
//!
//! ```text
//!   people ──▶ url()     ─┐                       ┌─▶ bot          the paths that it serves to the public
//!                         ├─▶ record, bend, gate ─┤
//!   bot    ──▶ bot_url() ─┘                       └─▶ homeserver   everything else
//! ```
//!
//! The bot has an entrance of its own, so that a request without a token, like `POST /login`, is still known to be the bot's.
//! What the bot serves besides is not public: those paths go to the homeserver like any other.
//!
//! Every request becomes an [`Exchange`] with secrets masked. [`FrontDoor::bend`] changes what happens to requests,
//! [`FrontDoor::gate`] holds one exactly at a [`Point`]. Bends stand behind one another, the newest next to the client: a request meets all
//! that mean it, down to one that answers it or drops it, and its answer those in the opposite order. Each counts for itself.

mod answer;
mod bend;
mod bent;
#[cfg(test)]
pub(crate) mod example;
mod exchange;
mod gate;
mod mask;
mod matcher;
mod proxy;
mod recorded;
mod registry;
mod rewrite;
mod server;
mod timing;
mod traffic;

pub use bend::{Action, Bend};
pub use exchange::{Entrance, Exchange, Upstream, Who};
pub use gate::{Gate, Point};
pub use matcher::Matcher;
pub use rewrite::Rewrite;
pub use server::{Error, FrontDoor};
pub use timing::{Timed, Timing};
pub use traffic::Traffic;
