//! From the bot's start to its being ready.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use harness::{
    front_door::Entrance,
    step::Failure,
    world::{Verdict, World},
};

use super::{Bed, Bench, CriticalPath, Figure, Ground, Part, Samples, Span, Unit, path::millis};

/// How often a starting bot is asked: finer than what is measured, rarer than would disturb it.
const LOOK: Duration = Duration::from_millis(4);

/// From the bot's start to its being ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boot;

#[async_trait]
impl Bench for Boot {
    fn name(&self) -> &'static str {
        "boot"
    }

    fn summary(&self) -> &'static str {
        "from the bot's start to its being ready, the first time and again"
    }

    fn part(&self) -> Part {
        Part::Bot
    }

    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        for ground in &bed.grounds {
            let (mut first, mut again) = (Boots::default(), Boots::default());
            for _ in 0..ground.samples(5, 2) {
                let mut world = bed.world(ground).await?;
                first.add(boot(&mut world).await?);
                for _ in 0..ground.samples(3, 2) {
                    world.bot.stop().await?;
                    again.add(boot(&mut world).await?);
                }
                world.finish(Verdict::Passed).await?;
            }
            first.tell(bed, &format!("first boot on {}", ground.name));
            again.tell(bed, &format!("boot on {}", ground.name));
            figures.push(first.figure("first boot to ready", ground)?);
            figures.push(again.figure("boot to ready", ground)?);
        }
        Ok(())
    }
}

/// Boots of one kind: what each took, and what of it the homeserver took.
#[derive(Default)]
struct Boots {
    took: Vec<f64>,
    server: Vec<f64>,
    last: Option<(CriticalPath, Duration)>,
}

impl Boots {
    fn add(&mut self, (took, path, began): (Duration, CriticalPath, Duration)) {
        self.took.push(millis(took));
        self.server.push(millis(path.server));
        self.last = Some((path, began));
    }

    fn figure(self, what: &str, ground: &Ground) -> Result<Figure, Failure> {
        let (took, server) = (Samples::new(self.took)?, Samples::new(self.server)?);
        Ok(Figure::new(what, &ground.name, Unit::Milliseconds, took).against("its server's answers", Some(&server)))
    }

    fn tell(&self, bed: &Bed, what: &str) {
        if let Some((path, began)) = &self.last {
            bed.tell_path(what, path, *began);
        }
    }
}

/// Starts the bot and waits until it is ready.
async fn boot(world: &mut World) -> Result<(Duration, CriticalPath, Duration), Failure> {
    let began = world.traffic().clock();
    let since = Instant::now();
    world.bot.start().await?;
    // Not `wait_ready`, whose looks grow rarer: it would measure its own pauses.
    let ready = async {
        while !world.bot.ready().await.is_ok_and(|ready| ready.is_ok()) {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(world.contract().boot(), ready).await.is_err() {
        // Says what it saw, and the end of the bot's log.
        world.bot.wait_ready(Duration::ZERO).await?;
    }
    let took = since.elapsed();
    let over = began + took;
    let spans = bot_spans(world);
    let last = spans.iter().filter(|span| span.over > began && span.over <= over);
    let last = last.max_by_key(|span| span.over).cloned();
    let last = last.ok_or_else(|| Failure::new("the bot was ready without asking its homeserver"))?;
    Ok((took, CriticalPath::to(&last, &spans, began), began))
}

/// What the bot asked of its homeserver.
pub(super) fn bot_spans(world: &World) -> Vec<Span> {
    let timed = world.traffic().timed();
    let own = timed.iter().filter(|timed| timed.exchange.entrance == Entrance::Bot);
    own.filter_map(Span::of).collect()
}
