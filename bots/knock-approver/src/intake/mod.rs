//! What comes in: the sync's events of interest become rows of the inbox, in the transaction that moves the position.

mod find;
mod row;
mod take;

pub use find::{find_knocks, look_back};
pub use row::{reason, said};
pub use take::Inlet;
#[cfg(test)]
pub(crate) use take::{News, Update};
