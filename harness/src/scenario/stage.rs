//! What a scenario runs on.

use std::fmt;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::{
    check::Snapshot,
    history::Event,
    step::{Failure, Steps, Stop},
    world::World,
};

/// What a drill does in the middle of a scenario.
#[async_trait]
pub trait Interlude: Send {
    /// The name under which it appears among the steps.
    fn name(&self) -> String;

    /// Does it; answers the evidence that it happened.
    async fn play(self: Box<Self>, world: &mut World) -> Result<String, Failure>;
}

/// A world, the steps so far, and what is to happen in the middle.
///
/// The fields are public so that a step may look at the world while the engine runs it:
/// `stage.steps.step("…", async { … &stage.world … })`.
pub struct Stage {
    /// The world.
    pub world: World,
    /// The step engine.
    pub steps: Steps,
    interlude: Option<Box<dyn Interlude>>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl Stage {
    /// A stage; `interlude` is played in the scenario's middle.
    pub fn new(world: World, steps: Steps, interlude: Option<Box<dyn Interlude>>) -> Self {
        Self {
            world,
            steps,
            interlude,
        }
    }

    /// The scenario's middle: here a drill breaks something. Nothing happens when it breaks nothing, or has done so already.
    ///
    /// # Errors
    /// [`Stop`] when the interlude failed.
    pub fn middle(&mut self) -> BoxFuture<'_, Result<(), Stop>> {
        // In a box, for whoever awaits it: see lib.rs.
        Box::pin(async move {
            let Some(interlude) = self.interlude.take() else {
                return Ok(());
            };
            let name = interlude.name();
            let world = &mut self.world;
            let played = async { interlude.play(world).await.map(|evidence| ((), evidence)) };
            self.steps.aside(&name, played).await
        })
    }

    /// To be called before a scenario breaks things itself: a fault that has happened by now is judged by what was recorded until here, for
    /// what it costs could not be told from what the scenario's own losses do.
    ///
    /// # Errors
    /// [`Stop`] when the world cannot be looked at.
    pub fn before_own_losses(&mut self) -> BoxFuture<'_, Result<(), Stop>> {
        Box::pin(async move {
            let (world, steps) = (&self.world, &mut self.steps);
            let looked = async {
                Snapshot::take(world, "after").await?;
                world.artifacts.history().add(Event::OwnLosses);
                Ok(((), "what happened until here is recorded".to_owned()))
            };
            steps.aside("the scenario's own losses begin", looked).await
        })
    }

    /// Ends the scenario; answers its world. An interlude that was never played is a failed step.
    pub async fn end(mut self) -> World {
        if let Some(interlude) = self.interlude.take() {
            let missed = Err::<((), String), _>(Failure::new("the scenario never came to its middle"));
            let _ = self.steps.aside(&interlude.name(), async { missed }).await;
        }
        self.steps.end();
        self.world
    }
}
