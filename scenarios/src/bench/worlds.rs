//! Making worlds.

use std::time::Instant;

use async_trait::async_trait;
use harness::{step::Failure, world::Verdict};

use super::{Bed, Bench, Figure, Ground, Part, Samples, Unit, comparison::compared, path::millis};

/// How many worlds one sample of the rate is made of.
const BATCH: usize = 12;

/// Making worlds: a homeserver, its accounts, the community, the front door; the bot does not start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worlds;

#[async_trait]
impl Bench for Worlds {
    fn name(&self) -> &'static str {
        "worlds"
    }

    fn summary(&self) -> &'static str {
        "worlds made and removed, one after the other and as many at once as there are cores; without a bot"
    }

    fn part(&self) -> Part {
        Part::Homeserver
    }

    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        let mut measured = Vec::new();
        for ground in &bed.grounds {
            measured.push((ground, alone(bed, ground).await?));
        }
        figures.extend(compared("a world is made", Unit::Milliseconds, &measured, None));
        let first = bed.first()?;
        if let Some((_, alone)) = measured.first() {
            let rate = rate(bed, first).await?;
            let one_by_one = Samples::new(vec![1000.0 / alone.median()])?;
            let what = format!("worlds, {} at once", bed.cores);
            figures
                .push(Figure::new(what, &first.name, Unit::PerSecond, rate).against("one by one", Some(&one_by_one)));
        }
        Ok(())
    }
}

/// Milliseconds of one world after the other.
async fn alone(bed: &Bed, ground: &Ground) -> Result<Samples, Failure> {
    let mut samples = Vec::new();
    for _ in 0..ground.samples(20, 2) {
        samples.push(made(bed, ground).await?);
    }
    Samples::new(samples)
}

/// Makes a world and removes it; answers the milliseconds that making it took.
async fn made(bed: &Bed, ground: &Ground) -> Result<f64, Failure> {
    let began = Instant::now();
    let world = bed.world(ground).await?;
    let took = millis(began.elapsed());
    world.finish(Verdict::Passed).await?;
    Ok(took)
}

/// Worlds in a second, made and removed side by side.
async fn rate(bed: &Bed, ground: &Ground) -> Result<Samples, Failure> {
    let mut samples = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let mut left: Vec<_> = (0..BATCH).map(|_| (bed.options(ground), bed.bot.clone())).collect();
        let mut running = tokio::task::JoinSet::new();
        while !left.is_empty() || !running.is_empty() {
            while running.len() < bed.cores
                && let Some((options, bot)) = left.pop()
            {
                running.spawn(async move {
                    let world = crate::community::build_with(options, bot).await?;
                    world.finish(Verdict::Passed).await?;
                    Ok::<(), Failure>(())
                });
            }
            if let Some(ended) = running.join_next().await {
                ended??;
            }
        }
        samples.push(BATCH as f64 / began.elapsed().as_secs_f64());
    }
    Samples::new(samples)
}
