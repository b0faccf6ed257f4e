//! The fault of a drill.

use std::sync::Arc;

use async_trait::async_trait;
use harness::{
    fault::{Fault, Moment},
    world::World,
};

use crate::{breaking, scenario::Interlude, step::Failure};

/// A fault and its moment.
#[derive(Clone)]
pub(super) struct Breakage {
    pub(super) fault: Arc<dyn Fault>,
    pub(super) moment: Moment,
}

#[async_trait]
impl Interlude for Breakage {
    fn name(&self) -> String {
        format!("fault: {} {}", self.fault.name(), self.moment)
    }

    async fn play(self: Box<Self>, world: &mut World) -> Result<String, Failure> {
        self.happen(world).await
    }
}

impl Breakage {
    pub(super) fn new(fault: Arc<dyn Fault>, moment: Moment) -> Self {
        Self { fault, moment }
    }

    /// Breaks it and waits until it has healed; answers the evidence.
    pub(super) async fn happen(&self, world: &mut World) -> Result<String, Failure> {
        let happened = breaking::drill(world, self.fault.as_ref(), self.moment).await?;
        Ok(happened.evidence)
    }
}
