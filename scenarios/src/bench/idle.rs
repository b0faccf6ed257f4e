//! A bot that has nothing to do: its memory, its processor time, its requests.

use crate::community::InCommunity as _;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use harness::{
    client::NewRoom,
    front_door::{Entrance, Matcher},
    step::Failure,
    world::{Verdict, World},
};

use harness::process::Process;

use super::{Bed, Bench, Figure, Ground, Part, Samples, Unit, aim::Aim, path::millis};

/// What the bot may hold with few rooms, in MiB.
const MEMORY: f64 = 30.0;

/// The same with many.
const MEMORY_OF_MANY: f64 = 36.0;

/// What the memory with many closed rooms may be as a multiple of that with few: the same, but for what an allocator does.
const GROWTH: f64 = 1.1;

/// How many rooms few are: what the community has.
const FEW: usize = 5;

/// How many rooms many are.
const MANY: usize = 500;

/// How many requests make rooms at once.
const AT_ONCE: usize = 8;

/// How long a bot at rest is watched; shorter than its long poll.
const WINDOW: Duration = Duration::from_secs(20);

/// Until the bot's long polls have their full length: each is twice as long as the one before.
const UNTIL_AT_REST: Duration = Duration::from_secs(120);

/// Until the bot has forgotten the rooms that it has left: it looks for them from time to time.
const UNTIL_FORGOTTEN: Duration = Duration::from_secs(120);

/// How the bot's long poll is told from a shorter one.
const LONG_POLL: &str = "timeout=10000";

/// A bot that has nothing to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle;

#[async_trait]
impl Bench for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn summary(&self) -> &'static str {
        "the bot at rest with 5 rooms, with 500, and with 495 closed ones: memory, processor time, requests"
    }

    fn part(&self) -> Part {
        Part::Bot
    }

    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        let ground = bed.first()?;
        let kinds = Rooms::ALL.map(|rooms| watched(bed, ground, rooms));
        let watched = try_join_all(kinds).await?;
        let Some((few, more)) = watched.split_first() else {
            return Err(Failure::new("nothing was watched"));
        };
        figures.push(few.memory(ground).aiming(Aim::AtMost(MEMORY)));
        for many in more {
            let figure = many.memory(ground).against("with 5 rooms", Some(&few.resident));
            figures.push(match many.rooms {
                Rooms::Closed => figure.aiming(Aim::RatioAtMost(GROWTH)),
                _ => figure.aiming(Aim::AtMost(MEMORY_OF_MANY)),
            });
        }
        for kind in &watched {
            figures.push(kind.private(ground));
            figures.push(kind.cpu(ground));
            figures.push(kind.requests(ground).aiming(Aim::AtMost(0.0)));
        }
        Ok(())
    }
}

/// Which rooms the bot knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rooms {
    /// The community's.
    Few,
    /// Many more that it is in.
    Many,
    /// Many more that it has left.
    Closed,
}

impl Rooms {
    const ALL: [Self; 3] = [Self::Few, Self::Many, Self::Closed];

    fn name(self) -> String {
        match self {
            Self::Few => format!("{FEW} rooms"),
            Self::Many => format!("{MANY} rooms"),
            Self::Closed => format!("{FEW} rooms, {} closed", MANY - FEW),
        }
    }

    /// Makes them. The bot runs: it sees them come, and go.
    async fn make(self, world: &World) -> Result<(), Failure> {
        if self == Self::Few {
            return Ok(());
        }
        let account = world.approver();
        let token = world.front_door.bot_token(account.user_id());
        let bot = harness::client::User::from_session(
            world.homeserver.base_url(),
            account.user_id(),
            "",
            token.as_deref().unwrap_or_else(|| account.first.token()),
            "",
        );
        let bot = &bot;
        let rooms = stream::iter(FEW..MANY).map(|_| async move {
            let request = NewRoom::preset("private_chat").invite([bot.user_id()]);
            let room = world.owner().create_room(&request).await?;
            bot.join(&room).await?;
            if self == Self::Closed {
                bot.leave(&room).await?;
            }
            Ok::<_, harness::client::Error>(())
        });
        rooms
            .buffer_unordered(AT_ONCE)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        match self {
            Self::Closed => forgotten(world, MANY - FEW).await,
            Self::Few | Self::Many => Ok(()),
        }
    }
}

/// Waits until the bot has forgotten so many rooms.
async fn forgotten(world: &World, rooms: usize) -> Result<(), Failure> {
    let forget = Matcher::endpoint("POST", "/rooms/*/forget").from_bot();
    let what = format!("{rooms} rooms to be forgotten");
    world
        .traffic()
        .wait_until(&what, UNTIL_FORGOTTEN, |exchanges| {
            let done = exchanges.iter().filter(|one| one.is_over() && forget.matches(one));
            (done.count() >= rooms).then_some(())
        })
        .await?;
    Ok(())
}

/// What was seen of a bot at rest.
struct Watched {
    rooms: Rooms,
    resident: Samples,
    private: Samples,
    /// Milliseconds of processor time in a minute.
    idle_cpu: Samples,
    /// The same from its start to its being ready.
    busy_cpu: Samples,
    /// Requests in a minute that are no long poll.
    requests: Samples,
}

impl Watched {
    fn memory(&self, ground: &Ground) -> Figure {
        let what = format!("memory at rest, {}", self.rooms.name());
        Figure::new(what, &ground.name, Unit::Mebibytes, self.resident.clone())
    }

    fn private(&self, ground: &Ground) -> Figure {
        let what = format!("of which its own, {}", self.rooms.name());
        Figure::new(what, &ground.name, Unit::Mebibytes, self.private.clone())
            .against("memory at rest", Some(&self.resident))
    }

    fn cpu(&self, ground: &Ground) -> Figure {
        let what = format!("processor at rest, {}", self.rooms.name());
        Figure::new(what, &ground.name, Unit::CpuPerMinute, self.idle_cpu.clone())
            .against("at boot", Some(&self.busy_cpu))
    }

    fn requests(&self, ground: &Ground) -> Figure {
        let what = format!("requests at rest but the long poll, {}", self.rooms.name());
        Figure::new(what, &ground.name, Unit::PerMinute, self.requests.clone())
    }
}

/// Builds a world with such rooms, lets its bot come to rest after a restart, and watches it.
async fn watched(bed: &Bed, ground: &Ground, rooms: Rooms) -> Result<Watched, Failure> {
    let mut world = bed.lively_world(ground).await?;
    rooms.make(&world).await?;
    world.bot.stop().await?;
    let since = Instant::now();
    world.start_bot(world.contract().boot()).await?;
    let bot = Process::new(world.bot.pid().ok_or_else(|| Failure::new("the bot has ended"))?);
    let busy_cpu = per_minute(millis(bot.cpu()?), since.elapsed());
    at_rest(&world).await?;
    let seen = watch(&world, bot).await?;
    world.finish(Verdict::Passed).await?;
    Ok(Watched {
        rooms,
        resident: Samples::new(seen.resident)?,
        private: Samples::new(seen.private)?,
        idle_cpu: Samples::new(vec![seen.cpu])?,
        busy_cpu: Samples::new(vec![busy_cpu])?,
        requests: Samples::new(vec![seen.requests])?,
    })
}

/// Waits until the bot's long poll of full length is under way.
async fn at_rest(world: &World) -> Result<(), Failure> {
    let what = "a long poll of full length";
    world
        .traffic()
        .wait_until(what, UNTIL_AT_REST, |exchanges| {
            let last = exchanges
                .iter()
                .rev()
                .find(|exchange| exchange.entrance == Entrance::Bot)?;
            (last.query.contains(LONG_POLL) && !last.is_over()).then_some(())
        })
        .await?;
    Ok(())
}

/// What one window shows.
struct Window {
    resident: Vec<f64>,
    private: Vec<f64>,
    cpu: f64,
    requests: f64,
}

async fn watch(world: &World, bot: Process) -> Result<Window, Failure> {
    let (began, cpu, seq) = (Instant::now(), bot.cpu()?, world.traffic().last_seq());
    let (mut resident, mut private) = (Vec::new(), Vec::new());
    while began.elapsed() < WINDOW {
        resident.push(bot.resident()?);
        private.push(bot.private()?);
        tokio::time::sleep(WINDOW / 20).await;
    }
    let used = bot.cpu()?.saturating_sub(cpu);
    let exchanges = world.traffic().snapshot();
    let own = exchanges
        .iter()
        .filter(|exchange| exchange.seq > seq && exchange.entrance == Entrance::Bot);
    let others = own.filter(|exchange| !exchange.path.ends_with("/sync")).count();
    Ok(Window {
        resident,
        private,
        cpu: per_minute(millis(used), began.elapsed()),
        requests: per_minute(others as f64, began.elapsed()),
    })
}

fn per_minute(amount: f64, over: Duration) -> f64 {
    amount * 60.0 / over.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_brought_to_a_minute() {
        assert_eq!(per_minute(5.0, Duration::from_secs(20)), 15.0);
        assert_eq!(per_minute(0.0, Duration::from_secs(20)), 0.0);
    }
}
