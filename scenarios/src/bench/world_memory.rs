//! The memory of worlds.

use async_trait::async_trait;
use harness::{
    step::Failure,
    world::{Verdict, World},
};

use harness::process::Process;

use super::{Bed, Bench, Figure, Ground, Part, Samples, Unit, aim::Aim, comparison::compared};

/// How many worlds one sample is made of, on the embedded homeserver.
const BATCH: usize = 10;

/// What a world may take, besides its bot, in MiB.
const AIM: f64 = 20.0;

/// The memory of worlds.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorldMemory;

#[async_trait]
impl Bench for WorldMemory {
    fn name(&self) -> &'static str {
        "world-memory"
    }

    fn summary(&self) -> &'static str {
        "memory that each further world takes in this process and its children, besides the bot"
    }

    fn part(&self) -> Part {
        Part::Homeserver
    }

    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        let mut measured = Vec::new();
        for ground in &bed.grounds {
            measured.push((ground, memory(bed, ground).await?));
        }
        let aim = Some(Aim::AtMost(AIM));
        figures.extend(compared("memory of a world", Unit::Mebibytes, &measured, aim));
        Ok(())
    }
}

/// MiB a world, over batches of worlds that all live at once.
async fn memory(bed: &Bed, ground: &Ground) -> Result<Samples, Failure> {
    let batch = if ground.is_embedded() { BATCH } else { 1 };
    let mut worlds = Vec::new();
    // The first ones also fill what all worlds share.
    if ground.is_embedded() {
        grow(bed, ground, &mut worlds, batch).await?;
    }
    let mut samples = Vec::new();
    for _ in 0..ground.samples(4, 1) {
        let before = Process::this().family_resident()?;
        grow(bed, ground, &mut worlds, batch).await?;
        samples.push((Process::this().family_resident()? - before) / batch as f64);
    }
    for world in worlds {
        world.finish(Verdict::Passed).await?;
    }
    Samples::new(samples)
}

async fn grow(bed: &Bed, ground: &Ground, worlds: &mut Vec<World>, batch: usize) -> Result<(), Failure> {
    for _ in 0..batch {
        worlds.push(bed.world(ground).await?);
    }
    Ok(())
}
