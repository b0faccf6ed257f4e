//! What comes in: the sync's events of interest become rows of the inbox, in the transaction that moves the position.

mod step;
mod take;

pub use step::Step;
pub use take::Inlet;
