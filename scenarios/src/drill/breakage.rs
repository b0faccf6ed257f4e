//! The fault of a drill.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use harness::{
    check::{Evidence, Snapshot},
    fault::{Fault, Moment},
    world::World,
};

use crate::{
    breaking::{Happened, break_and_heal},
    scenario::{Interlude, Witness},
    step::Failure,
};

/// A fault, its moment, and what was recorded when it happened. Clones share the record.
#[derive(Clone)]
pub(super) struct Breakage {
    pub(super) fault: Arc<dyn Fault>,
    pub(super) moment: Moment,
    record: Arc<Mutex<Option<Happened>>>,
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

impl Witness for Breakage {
    fn evidence(&self, world: &World, now: Snapshot) -> Option<Evidence> {
        let Happened {
            before,
            needing,
            healed_in,
            ..
        } = self.happened()?;
        let fault = self.fault.as_ref();
        Some(Evidence::gather(
            world,
            fault,
            self.moment,
            before,
            needing,
            now,
            Some(healed_in),
        ))
    }
}

impl Breakage {
    pub(super) fn new(fault: Arc<dyn Fault>, moment: Moment) -> Self {
        Self {
            fault,
            moment,
            record: Arc::default(),
        }
    }

    fn happened(&self) -> Option<Happened> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Breaks it and waits until it has healed; answers the evidence.
    pub(super) async fn happen(&self, world: &mut World) -> Result<String, Failure> {
        let happened = break_and_heal(world, self.fault.as_ref(), self.moment).await?;
        let evidence = happened.evidence.clone();
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = Some(happened);
        Ok(evidence)
    }
}
