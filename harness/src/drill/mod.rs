//! One drill: a world, a scenario, a fault at its moment, what everybody sees in the end, and what the checks make of it.
//!
//! ```no_run
//! # async fn shown() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use harness::{contract::Contract, drill, fault::Moment, plan::Drill, report::Verdict, suite::Suite};
//!
//! let suite = Suite::of(Contract::read(Path::new("pong.toml"))?);
//! let record = drill::alone(&suite, &Drill::plain("ping").broken("device-deleted", Moment::AtBoot)).await?;
//! assert_eq!(record.verdict, Verdict::Passed, "{}", record.narrative());
//! # Ok(())
//! # }
//! ```

mod breakage;
mod checks;
mod error;
mod interlude;
mod look;
mod memory;
mod run;

pub use breakage::{Breakage, Happened};
pub use error::{Error, Result};
pub use look::look;
pub use memory::remembered;
pub use run::{alone, run};
