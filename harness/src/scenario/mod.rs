//! What users do with a bot, as named steps with evidence.
//!
//! A [`Scenario`] declares its steps and runs them on a [`Stage`]: a world, the step engine, and the point in its middle at which a
//! drill breaks something. The same code is the plain scenario and the healing one. [`Ping`] is the one that any bot has.

mod ping;
mod stage;

use async_trait::async_trait;

pub use ping::Ping;
pub use stage::{Interlude, Stage};

use crate::{
    step::{Failure, Stop},
    world::{World, WorldOptions},
};

/// What users do, and what they must see.
#[async_trait]
pub trait Scenario: Send + Sync {
    /// The name used on the command line, in output and in file names.
    fn name(&self) -> &'static str;

    /// What it shows, in one line.
    fn summary(&self) -> &'static str;

    /// The names of its steps, in order.
    fn steps(&self) -> &'static [&'static str];

    /// The faults that it meets in its middle unless others are wished for; empty if it has no middle.
    fn middle(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether it is the one that every fault is drilled with, at every moment, unless wished otherwise.
    fn meets_every_fault(&self) -> bool {
        false
    }

    /// Faults after which there is nothing left for it to show, with the reason.
    fn spoiled_by(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether it waits more than it works: for what the bot does only when a time is up.
    fn waits(&self) -> bool {
        false
    }

    /// What its world needs besides the usual.
    fn prepare(&self, options: WorldOptions) -> WorldOptions {
        options
    }

    /// Arranges the world before the bot's first start.
    ///
    /// # Errors
    /// When it cannot be arranged.
    async fn arrange(&self, _world: &mut World) -> Result<(), Failure> {
        Ok(())
    }

    /// Runs the steps.
    ///
    /// # Errors
    /// [`Stop`] at the first step that fails.
    async fn run(&self, stage: &mut Stage) -> Result<(), Stop>;
}
