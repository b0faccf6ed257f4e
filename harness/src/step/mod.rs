//! Named steps with evidence.
//!
//! A scenario declares the names of its steps before it runs, so that a report can say which of them were never reached: a scenario
//! stops at the first step that fails, and what comes after it counts as [`Outcome::NotReached`], never as passed.
//!
//! ```
//! # async fn shown() -> Result<(), knockproof_harness::step::Stop> {
//! use knockproof_harness::{history::History, secrets::Secrets, step::{Steps, ensure, seen}};
//!
//! let history = History::in_memory(Secrets::default());
//! let mut steps = Steps::new(&["the door is open", "somebody is in"], history);
//! steps.step("the door is open", async { seen("the handle turned") }).await?;
//! let guest = steps
//!     .step("somebody is in", async {
//!         let guests = vec!["alice"];
//!         ensure(!guests.is_empty(), || "the room is empty".to_owned())?;
//!         Ok((guests[0], format!("{} guest(s)", guests.len())))
//!     })
//!     .await?;
//! assert_eq!(guest, "alice");
//! # Ok(())
//! # }
//! ```

mod failure;
mod steps;

pub use failure::{Failure, ensure};
pub use steps::{Outcome, Step, Steps, Stop, Watcher, seen};
