//! What any bot can be asked: its contract says what, and what it answers.

use async_trait::async_trait;

use super::{Scenario, Stage};
use crate::{
    step::{Failure, Stop, seen},
    world::World,
};

/// The bot is asked what its contract says, and once more after its middle.
#[derive(Clone, Copy, Debug)]
pub struct Ping;

/// What it meets in its middle where a scenario's own faults are wished for.
const MIDDLE: &[&str] = &["device-deleted", "bot-killed"];

const STEPS: &[&str] = &["the bot answers what it is asked", "it answers once more"];

#[async_trait]
impl Scenario for Ping {
    fn name(&self) -> &'static str {
        "ping"
    }

    fn summary(&self) -> &'static str {
        "the bot is asked what the contract says, and answers"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        MIDDLE
    }

    fn meets_every_fault(&self) -> bool {
        true
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let Stage { world, steps, .. } = stage;
        steps.step(STEPS[0], answered(world)).await?;
        stage.middle().await?;
        let Stage { world, steps, .. } = stage;
        steps.step(STEPS[1], answered(world)).await
    }
}

async fn answered(world: &mut World) -> Result<((), String), Failure> {
    let patience = world.contract().boot();
    let answer = world.ping(patience).await?;
    seen(format!("{answer:?}"))
}
