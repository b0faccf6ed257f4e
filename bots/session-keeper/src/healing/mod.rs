//! Pure decisions on how a session is healed: no I/O, no clock of its own, everything an argument.
//!
//! - [`classify`]: what one answer of the homeserver proves;
//! - [`Plan`]: which source of a session is asked next, and what comes of it;
//! - [`continuity`]: whether a live token is also a healthy device;
//! - [`Backoff`], [`Gate`], [`Rivalry`]: how long to wait, when a password may be tried, when to stop fighting;
//! - [`Mark`]: the stable name of every branch, logged when it is taken.

mod class;
mod continuity;
mod mark;
mod patience;
mod plan;

pub use class::{Answer, Asked, Bar, Class, Expected, classify};
pub use continuity::{Course, Local, Verdict, continuity, course};
pub use mark::Mark;
pub use patience::{Backoff, Gate, May, Rivalry};
pub use plan::{Ask, Password, Plan, Seen, Situation, Source, Step, Stuck, Target, Token};
