//! Things broken on purpose.
//!
//! A [`Fault`] is a value: it says what it breaks, when that makes sense, what it needs of the bot's contract, and what the bot is expected to
//! make of it; [`Fault::inject`] breaks it and answers [`Fired`], the evidence that it really did. [`Faults`] is a list of them that anybody
//! can add to; [`acts`] has what several of them do.

pub mod acts;
mod answers;
mod barred;
mod device;
mod env_token;
mod error;
mod expectation;
mod fired;
mod moment;
mod need;
mod outage;
mod passage;
mod password;
mod reach;
mod rival;
mod store;
mod unhealable;
mod value;

pub use error::{Error, Result};
pub use expectation::{Expectation, Logins, NewDevice, Outcome};
pub use fired::Fired;
pub use moment::Moment;
pub use need::Need;
pub use passage::{BadPassage, Call, Passage};
pub use reach::Reach;
pub use value::{Fault, Faults};

fn all() -> Vec<Fault> {
    let mut all = Vec::new();
    all.extend(env_token::faults());
    all.extend(password::faults());
    all.extend(device::faults());
    all.extend(rival::faults());
    all.extend(store::faults());
    all.extend(outage::faults());
    all.extend(unhealable::faults());
    all.extend(barred::faults());
    all.extend(answers::faults());
    all
}
