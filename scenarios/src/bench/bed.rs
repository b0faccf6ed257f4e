//! What benches run on.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use harness::{
    bot::BotCommand,
    homeserver::{Choice, Driver, Flavor, Selection, choose},
    step::Failure,
    world::{World, WorldOptions},
};

use super::{CriticalPath, path::millis};
use crate::community::{self, CommunityOptions};

/// What a bot in production logs; the drills' own setting makes it write more.
const PRODUCTION_LOG: &str = "info,matrix_sdk=warn,matrix_sdk_crypto=warn";

/// A homeserver to measure on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// What to start.
    pub choice: Choice,
    /// How it is called in the tables: `embedded`, `synapse (process)`.
    pub name: String,
    /// What was found of it, and why.
    pub selection: Selection,
}

impl Ground {
    /// What a wish comes to.
    ///
    /// # Errors
    /// When it cannot be met.
    pub async fn of(choice: Choice) -> Result<Self, Failure> {
        let selection = choose(&choice).await?;
        let name = match selection.driver {
            Driver::Embedded => selection.flavor.to_string(),
            driver => format!("{} ({driver})", selection.flavor),
        };
        Ok(Self {
            choice,
            name,
            selection,
        })
    }

    /// The embedded homeserver, and every real one that can be run as a process here: what it can be compared with.
    ///
    /// # Errors
    /// When there is no embedded homeserver, which cannot be.
    pub async fn at_hand() -> Result<Vec<Self>, Failure> {
        let mut grounds = vec![Self::of(Choice::Flavor(Flavor::Embedded)).await?];
        for flavor in [
            Flavor::Synapse,
            Flavor::Conduwuit,
            Flavor::Continuwuity,
            Flavor::Tuwunel,
        ] {
            grounds.extend(Self::of(Choice::Exactly(flavor, Driver::Process)).await.ok());
        }
        Ok(grounds)
    }

    /// Whether it runs in this process.
    pub fn is_embedded(&self) -> bool {
        self.selection.driver == Driver::Embedded
    }

    /// So many samples: many where they are cheap, few on a server that takes seconds.
    pub fn samples(&self, embedded: usize, real: usize) -> usize {
        if self.is_embedded() { embedded } else { real }
    }
}

/// What benches run on: the homeservers, the first being the one that is measured most, and the bot.
pub struct Bed {
    /// The homeservers; never empty.
    pub grounds: Vec<Ground>,
    /// The bot.
    pub bot: BotCommand,
    /// How many things are done side by side.
    pub cores: usize,
    /// Where names, codes and passwords come from.
    pub seed: u64,
    /// Told what is being done.
    pub say: Box<dyn Fn(&str) + Send + Sync>,
    worlds: AtomicU64,
}

impl std::fmt::Debug for Bed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bed")
            .field("grounds", &self.grounds)
            .field("bot", &self.bot)
            .finish_non_exhaustive()
    }
}

impl Bed {
    /// On these homeservers, with as much side by side as this machine has cores.
    pub fn new(grounds: Vec<Ground>, bot: BotCommand, seed: u64, say: Box<dyn Fn(&str) + Send + Sync>) -> Self {
        Self {
            grounds,
            bot,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            seed,
            say,
            worlds: AtomicU64::new(0),
        }
    }

    /// The homeserver that is measured most.
    ///
    /// # Errors
    /// When there is none.
    pub fn first(&self) -> Result<&Ground, Failure> {
        self.grounds.first().ok_or_else(|| Failure::new("no homeserver"))
    }

    /// The options of a world of its own name and seed, with the bot as in production.
    pub fn options(&self, ground: &Ground) -> CommunityOptions {
        let number = self.worlds.fetch_add(1, Ordering::Relaxed);
        let world = WorldOptions::new(format!("bench-{number}"))
            .on(ground.choice)
            .seeded(self.seed.wrapping_add(number))
            .with_env("RUST_LOG", PRODUCTION_LOG);
        CommunityOptions {
            world,
            code_uses: 10_000,
        }
    }

    /// Builds a world.
    ///
    /// # Errors
    /// When any part of it cannot be had.
    pub async fn world(&self, ground: &Ground) -> Result<World, Failure> {
        community::build_with(self.options(ground), self.bot.clone()).await
    }

    /// Builds a world whose bot is ready.
    ///
    /// # Errors
    /// When the bot is not ready in time.
    pub async fn lively_world(&self, ground: &Ground) -> Result<World, Failure> {
        let mut world = self.world(ground).await?;
        world.start_bot(world.contract().boot()).await?;
        Ok(world)
    }

    /// Tells a critical path request by request.
    pub fn tell_path(&self, what: &str, path: &CriticalPath, began: Duration) {
        (self.say)(&format!(
            "  {what}: {:.1} ms, of which the server {:.1} ms",
            millis(path.total),
            millis(path.server)
        ));
        for line in path.lines(began) {
            (self.say)(&format!("    {line}"));
        }
    }
}
