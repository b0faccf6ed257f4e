//! Runs one drill: builds a world, breaks it, lets it heal, plays the scenario, checks what must hold, and records all of it.

mod checks;
mod interlude;
mod run;

pub use run::{missing, pace, run};
