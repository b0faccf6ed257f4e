//! From the first answer that says that the token is dead to the first sync of the healed session.

use crate::community::InCommunity as _;
use std::time::Duration;

use async_trait::async_trait;
use harness::{
    client::User,
    front_door::{Entrance, Timed},
    homeserver::Flavor,
    step::{Failure, ensure},
    world::{Verdict, World},
};

use super::{
    Bed, Bench, CriticalPath, Figure, Ground, Part, Samples, Span, Unit, aim::Aim, boot::bot_spans, path::millis,
};

/// As a multiple of the server's own answer times.
const AIM: f64 = 1.2;

/// How long a bot may take to meet its dead token, and to heal.
const PATIENCE: Duration = Duration::from_secs(60);

/// From the first answer that says that the token is dead to the first sync of the healed session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Healing;

#[async_trait]
impl Bench for Healing {
    fn name(&self) -> &'static str {
        "healing"
    }

    fn summary(&self) -> &'static str {
        "from the 401 that the bot sees to the first sync of the healed session, against the server's own answer times"
    }

    fn part(&self) -> Part {
        Part::Bot
    }

    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        for ground in &bed.grounds {
            // Where several tokens of a device live, only its end ends one.
            if ground.selection.flavor != Flavor::Synapse {
                figures.push(on(bed, ground, Loss::Token).await?);
            }
            figures.push(on(bed, ground, Loss::Device).await?);
        }
        Ok(())
    }
}

/// What the bot loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// Its token: somebody logs in on its device, which kills it.
    Token,
    /// Its device with its token.
    Device,
}

impl Loss {
    const fn name(self) -> &'static str {
        match self {
            Self::Token => "healing, token lost",
            Self::Device => "healing, device lost",
        }
    }

    async fn happen(self, world: &World) -> Result<(), Failure> {
        let account = world.approver();
        let token = world.front_door.bot_token(account.user_id());
        let device = token.and_then(|token| world.front_door.device_behind(&token));
        let device = device.ok_or_else(|| Failure::new("nobody knows the bot's device"))?;
        match self {
            Self::Token => {
                let base = world.homeserver.base_url();
                User::login(base, account.user_id(), account.password(), Some(&device)).await?;
            }
            Self::Device => {
                world
                    .homeserver
                    .operator()
                    .delete_device(account.localpart(), &device)
                    .await?
            }
        }
        Ok(())
    }
}

async fn on(bed: &Bed, ground: &Ground, loss: Loss) -> Result<Figure, Failure> {
    let (mut took, mut server) = (Vec::new(), Vec::new());
    // A world of its own for each: a bot whose token dies again and again rightly suspects a rival.
    for _ in 0..ground.samples(6, 3) {
        let mut world = bed.lively_world(ground).await?;
        let (path, began) = heal(&mut world, loss).await?;
        if took.is_empty() {
            bed.tell_path(&format!("{} on {}", loss.name(), ground.name), &path, began);
        }
        took.push(millis(path.total));
        server.push(millis(path.server));
        world.finish(Verdict::Passed).await?;
    }
    let (took, server) = (Samples::new(took)?, Samples::new(server)?);
    Ok(Figure::new(loss.name(), &ground.name, Unit::Milliseconds, took)
        .against("its server's answers", Some(&server))
        .aiming(Aim::RatioAtMost(AIM)))
}

/// Breaks it and waits until it has healed; answers the path from the 401 to the first sync, and when it began.
async fn heal(world: &mut World, loss: Loss) -> Result<(CriticalPath, Duration), Failure> {
    let before = world.traffic().last_seq();
    loss.happen(world).await?;
    // Ends the long poll, on servers that let it run on with a dead token.
    world.owner().type_in(world.admin_room()).await?;
    let what = "the bot to sync again after it was told that its token is dead";
    world
        .traffic()
        .wait_until(what, PATIENCE, |exchanges| {
            let told = exchanges
                .iter()
                .find(|exchange| exchange.seq > before && exchange.status == Some(401))?;
            let login = exchanges
                .iter()
                .find(|exchange| exchange.seq > told.seq && exchange.path.ends_with("/login"))?;
            let synced = |exchange: &&harness::front_door::Exchange| {
                exchange.seq > login.seq
                    && exchange.status == Some(200)
                    && exchange.is_over()
                    && exchange.path.ends_with("/sync")
            };
            exchanges.iter().find(synced).map(drop)
        })
        .await?;
    world.bot.wait_ready(world.contract().boot()).await?;
    let timed = world.traffic().timed();
    let own: Vec<&Timed> = timed
        .iter()
        .filter(|timed| timed.exchange.seq > before && timed.exchange.entrance == Entrance::Bot)
        .collect();
    let healed = Healed::among(&own)?;
    ensure(healed.began <= healed.last.came, || {
        "the bot had healed before it was told".to_owned()
    })?;
    Ok((
        CriticalPath::to(&healed.last, &bot_spans(world), healed.began),
        healed.began,
    ))
}

/// When the bot was told, and the first sync of the session that it made then.
struct Healed {
    began: Duration,
    last: Span,
}

impl Healed {
    fn among(own: &[&Timed]) -> Result<Self, Failure> {
        let missing = |what: &str| Failure::new(format!("there is no {what} of the bot's in the traffic"));
        let status = |timed: &Timed| timed.exchange.status;
        let told = own.iter().find(|timed| status(timed) == Some(401));
        let began = told.and_then(|told| told.timing.over).ok_or_else(|| missing("401"))?;
        // The last login before the sync: a device that the server has forgotten costs a second one.
        let logins = own
            .iter()
            .filter(|timed| timed.exchange.path.ends_with("/login") && status(timed) == Some(200));
        let login = logins
            .max_by_key(|timed| timed.exchange.seq)
            .ok_or_else(|| missing("login"))?;
        let first_sync = own.iter().find(|timed| {
            let exchange = &timed.exchange;
            exchange.seq > login.exchange.seq && exchange.status == Some(200) && exchange.path.ends_with("/sync")
        });
        let last = first_sync
            .and_then(|sync| Span::of(sync))
            .ok_or_else(|| missing("sync"))?;
        Ok(Self { began, last })
    }
}
