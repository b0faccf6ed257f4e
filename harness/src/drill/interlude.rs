//! A drill breaks something in the middle of a scenario.

use async_trait::async_trait;

use super::Breakage;
use crate::{scenario::Interlude, step::Failure, world::World};

/// The fault of a drill.
pub(super) struct Broken(pub(super) Breakage);

#[async_trait]
impl Interlude for Broken {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn play(self: Box<Self>, world: &mut World) -> Result<String, Failure> {
        Ok(self.0.happen(world).await?.evidence)
    }
}
