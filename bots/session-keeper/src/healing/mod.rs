//! Pure decisions on how a session is healed: no I/O, no clock of its own, everything an argument.
//!
//! - [`refusal`]: what a refused request means for whoever made it, the one classing for all requests;
//! - [`classify`]: what one answer proves of a session, on top of that;
//! - [`Plan`]: which source of a session is asked next, and what comes of it;
//! - [`continuity`]: whether a live token is also a healthy device;
//! - [`Claim`], [`standing`]: which of several copies of the program serves;
//! - [`Backoff`], [`PasswordThrottle`], [`Contention`]: how long to wait, when a password may be tried, when to stop fighting;
//! - [`Mark`]: the stable name of every branch, logged when it is taken.

mod class;
mod continuity;
mod copies;
mod mark;
mod patience;
mod plan;
mod refusal;
#[cfg(test)]
mod tests;

pub use class::{AccountBlock, Answer, Asked, Class, Expected, classify, login_flows};
pub use continuity::{Course, Local, Verdict, continuity, course};
pub use copies::{Claim, Standing, standing};
pub use mark::Mark;
#[cfg(feature = "sdk")]
pub(crate) use patience::growing;
pub use patience::{Backoff, Contention, May, Pace, PasswordThrottle};
pub use plan::{Ask, HealBlocker, Password, Plan, Seen, Situation, Source, Step, Target, Token};
pub use refusal::{About, Blocker, No, Refusal, Reply, refusal, retry_after};
