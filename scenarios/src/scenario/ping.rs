//! What any bot can be asked: its contract says what, and what it answers.

use async_trait::async_trait;
use harness::world::World;

use super::{Scenario, Stage};
use crate::{
    actors::Seen,
    step::{Stop, seen},
};

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct Ping;

const STEPS: &[&str] = &["the bot answers what it is asked", "it answers once more"];

#[async_trait]
impl Scenario for Ping {
    fn name(&self) -> &'static str {
        "ping"
    }

    fn summary(&self) -> &'static str {
        "a bot with a contract of its own is asked what the contract says, and answers"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let Stage { world, steps, .. } = stage;
        steps.step(STEPS[0], answered(world)).await?;
        stage.middle().await?;
        let Stage { world, steps, .. } = stage;
        steps.step(STEPS[1], answered(world)).await
    }
}

async fn answered(world: &World) -> Seen {
    let answer = world.ping(world.contract().boot()).await?;
    seen(format!("{answer:?}"))
}
