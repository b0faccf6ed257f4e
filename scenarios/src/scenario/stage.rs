//! What a scenario runs on.

use std::fmt;

use async_trait::async_trait;
use harness::{
    check::{Evidence, Snapshot},
    world::World,
};

use crate::step::{Failure, Step, Steps, Stop};

/// What a drill does in the middle of a scenario.
#[async_trait]
pub trait Interlude: Send {
    /// The name under which it appears among the steps.
    fn name(&self) -> String;

    /// Does it; answers the evidence that it happened.
    async fn play(self: Box<Self>, world: &mut World) -> Result<String, Failure>;
}

/// What a drill's fault is to be judged by.
pub trait Witness: Send + Sync {
    /// What was recorded about the fault until now; nothing where it has not happened yet.
    fn evidence(&self, world: &World, now: Snapshot) -> Option<Evidence>;
}

/// A world, the steps so far, what is to happen in the middle, and who has seen it.
///
/// The fields are public so that a step may look at the world while the engine runs it:
/// `stage.steps.step("…", async { … &stage.world … })`.
pub struct Stage {
    /// The world.
    pub world: World,
    /// The step engine.
    pub steps: Steps,
    interlude: Option<Box<dyn Interlude>>,
    witness: Option<Box<dyn Witness>>,
    evidence: Option<Evidence>,
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
            witness: None,
            evidence: None,
        }
    }

    /// With somebody who has seen the drill's fault.
    #[must_use]
    pub fn witnessed_by(mut self, witness: Option<Box<dyn Witness>>) -> Self {
        self.witness = witness;
        self
    }

    /// The scenario's middle: here a drill breaks something. Nothing happens when it breaks nothing, or has done so already.
    ///
    /// # Errors
    /// [`Stop`] when the interlude failed.
    pub async fn middle(&mut self) -> Result<(), Stop> {
        let Some(interlude) = self.interlude.take() else {
            return Ok(());
        };
        let name = interlude.name();
        let world = &mut self.world;
        self.steps
            .aside(&name, async {
                interlude.play(world).await.map(|evidence| ((), evidence))
            })
            .await
    }

    /// To be called before a scenario breaks things itself: a fault that has happened by now is judged by what was recorded until here, for
    /// what it costs could not be told from what the scenario's own losses do.
    ///
    /// # Errors
    /// [`Stop`] when the world cannot be looked at.
    pub async fn before_own_losses(&mut self) -> Result<(), Stop> {
        let Some(witness) = self.witness.take() else {
            return Ok(());
        };
        let (world, steps) = (&self.world, &mut self.steps);
        let looked = async {
            let evidence = witness.evidence(world, Snapshot::take(world).await?);
            let said = if evidence.is_some() {
                "what the fault did is recorded"
            } else {
                "no fault yet"
            };
            Ok((evidence, said.to_owned()))
        };
        self.evidence = steps.aside("the scenario's own losses begin", looked).await?;
        if self.evidence.is_none() {
            self.witness = Some(witness);
        }
        Ok(())
    }

    /// What the fault is judged by: what was recorded before the scenario's own losses, else all until `now`.
    pub fn evidence(&mut self, now: Snapshot) -> Option<Evidence> {
        let all = || self.witness.as_ref()?.evidence(&self.world, now);
        self.evidence.take().or_else(all)
    }

    /// Ends the scenario: the world, and the report of the steps. An interlude that was never played is a failed step.
    pub async fn end(mut self) -> (World, Vec<Step>) {
        if let Some(interlude) = self.interlude.take() {
            let missed = Err::<((), String), _>(Failure::new("the scenario never came to its middle"));
            let _ = self.steps.aside(&interlude.name(), async { missed }).await;
        }
        (self.world, self.steps.into_report())
    }
}
