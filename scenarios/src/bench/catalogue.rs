//! Every bench, by name.

use async_trait::async_trait;
use serde::Serialize;

use super::{Bed, Figure, boot, drills, healing, idle, start, sync_cost, vetting, world_memory, worlds};
use harness::step::Failure;

/// What a bench is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The homeservers and worlds.
    Homeserver,
    /// The bot.
    Bot,
}

impl Part {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Homeserver, Self::Bot];

    /// The title of its table.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Homeserver => "Homeserver, worlds and drills",
            Self::Bot => "The bot",
        }
    }
}

/// Something that can be measured.
#[async_trait]
pub trait Bench: Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it measures, in one line.
    fn summary(&self) -> &'static str;

    /// What it is about.
    fn part(&self) -> Part;

    /// Measures, adding each figure when it is there: where it fails, those before are kept.
    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure>;
}

/// Every bench, in the order in which they run.
pub fn all() -> Vec<Box<dyn Bench>> {
    vec![
        Box::new(start::Start),
        Box::new(worlds::Worlds),
        Box::new(world_memory::WorldMemory),
        Box::new(sync_cost::SyncCost),
        Box::new(drills::Drills),
        Box::new(boot::Boot),
        Box::new(vetting::Vetting),
        Box::new(healing::Healing),
        Box::new(idle::Idle),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_bench_has_a_name_of_its_own_and_every_part_has_a_bench() {
        let names: BTreeSet<&str> = all().iter().map(|bench| bench.name()).collect();
        assert_eq!(names.len(), all().len());
        for part in Part::ALL {
            assert!(all().iter().any(|bench| bench.part() == part));
        }
    }
}
