//! What the bot must not forget: one SQLite database in the data directory.
//!
//! [`Store`] owns the connection on a thread of its own; everything else here is a function over a transaction
//! ([`rusqlite::Transaction`]), so that a flow's step can combine them and either happens wholly or not at all.
//!
//! - [`codes`]: knock and signup codes and their uses
//! - [`vetting`], [`lobby`]: the rooms in which newcomers are asked
//! - [`queue`]: the inbox (what came in, and what is due) and the outbox (what must go out)
//! - [`facts`]: what was announced, and where each identity's sync stands
//! - [`audit`]: what happened
//! - [`clock`]: the time that rows are dated by
//! - [`tally`]: how much there is of what
//! - [`verification`]: who compares emoji with the bot

pub mod audit;
pub mod clock;
pub mod codes;
pub mod facts;
mod file;
pub mod lobby;

pub mod queue;
mod schema;
mod store;
pub mod tally;
pub mod verification;
pub mod vetting;

pub use clock::now_ms;
pub use store::{Store, StoreError};
