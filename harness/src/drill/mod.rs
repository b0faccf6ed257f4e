//! One drill: a world, a scenario, a fault at its moment, what everybody sees in the end, and what the checks make of it.

mod breakage;
mod checks;
mod error;
mod interlude;
mod look;
mod memory;
mod run;

pub use breakage::{Breakage, Happened};
pub use error::{Error, Result};
pub use memory::remembered;
pub use run::{alone, run};
