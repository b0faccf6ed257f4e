//! Breaking something and waiting until it has healed.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use harness::{
    bot::Ready,
    check::Snapshot,
    fault::{Expectation, Fault, Logins, Moment, Outcome},
    front_door::{Entrance, Exchange, Matcher},
    history::{Allowed, Event},
    world::World,
};

use crate::{actors::talk, step::Failure};

/// How long a bot may take to meet a token that died while it had nothing to do: its long poll has to end first.
const UNTIL_NOTICED: Duration = Duration::from_secs(40);

/// How long a healthy bot may take from its start to `/ready`.
pub const BOOT: Duration = Duration::from_secs(60);

/// What was recorded when a fault happened.
#[derive(Clone, Debug)]
pub struct Happened {
    /// Before it.
    pub before: Snapshot,
    /// While the bot needed the operator, or was weaker than it should be.
    pub needing: Option<Snapshot>,
    /// From the injection, or from the end of the cure where the bot needed one, until it was ready.
    pub healed_in: Duration,
    /// What shows that it happened and healed.
    pub evidence: String,
}

/// Breaks what a drill is about at its moment and waits until the bot serves again, curing it as an operator would where it cannot heal
/// alone.
///
/// # Errors
/// When it could not be broken, did not happen, or did not heal.
pub fn drill<'a>(
    world: &'a mut World,
    fault: &'a dyn Fault,
    moment: Moment,
) -> BoxFuture<'a, Result<Happened, Failure>> {
    let breakage = Breakage {
        fault,
        moment,
        drilled: true,
    };
    // Boxed: the compiler cannot see through the SDK's futures at any depth.
    Box::pin(async move { breakage.happen(world).await })
}

/// The same for a loss that belongs to a scenario, which its own steps judge.
///
/// # Errors
/// As [`drill`].
pub fn break_and_heal<'a>(
    world: &'a mut World,
    fault: &'a dyn Fault,
    moment: Moment,
) -> BoxFuture<'a, Result<Happened, Failure>> {
    let breakage = Breakage {
        fault,
        moment,
        drilled: false,
    };
    Box::pin(async move { breakage.happen(world).await })
}

/// A fault and its moment.
struct Breakage<'a> {
    fault: &'a dyn Fault,
    moment: Moment,
    drilled: bool,
}

impl Breakage<'_> {
    /// What is expected of the bot.
    fn expectation(&self) -> Expectation {
        self.fault.expectation(self.moment)
    }

    async fn happen(&self, world: &mut World) -> Result<Happened, Failure> {
        if self.moment != Moment::FirstBoot {
            remember(world).await?;
        }
        let before = Snapshot::take(world, "before").await?;
        if self.moment == Moment::AtBoot {
            world.bot.stop().await?;
        }
        let expected = self.expectation();
        world
            .artifacts
            .note(format!("fault: {} {}", self.fault.name(), self.moment));
        let history = world.artifacts.history().clone();
        history.add(Event::Breaking {
            fault: self.fault.name().to_owned(),
            moment: self.moment.name().to_owned(),
            drilled: self.drilled,
            allowed: Allowed::from(&expected),
        });
        let mut began = Instant::now();
        let fired = self
            .fault
            .inject(world)
            .await
            .map_err(|error| said("it could not be injected", &*error))?;
        if !world.bot.is_running() {
            world.bot.start()?;
        }
        self.wake(world, &expected).await?;
        let needing = match expected.outcome {
            Outcome::Heals => None,
            Outcome::NeedsOperator { .. } => Some(self.needs_operator(world).await?),
            Outcome::ServesDegraded { note_says } => Some(self.serves_degraded(world, note_says).await?),
        };
        if needing.is_some() {
            self.fault
                .cure(world)
                .await
                .map_err(|error| said("the operator's cure failed", &*error))?;
            // What the operator does takes its time, and that is not the bot's.
            began = Instant::now();
            history.add(Event::Operator {
                what: format!("cured {}", self.fault.name()),
            });
        }
        let fired = fired
            .settle(expected.within)
            .await
            .map_err(|error| said("it did not happen", &*error))?;
        history.add(Event::Fired {
            evidence: fired.clone(),
        });
        self.syncs_again(world, before.seq, &expected).await?;
        let ready = whole(world, expected.within.max(BOOT)).await?;
        let healed_in = began.elapsed();
        history.add(Event::Whole);
        world.artifacts.note(format!("ready after the fault: {}", ready.line()));
        Ok(Happened {
            before,
            needing,
            healed_in,
            evidence: fired,
        })
    }

    /// Ends the long poll of a bot that has nothing to do: else it learns of a dead token only when the poll has run its time, which on
    /// some homeservers is as long as the bot asked for. Where no token died there is nothing to learn.
    async fn wake(&self, world: &World, expected: &Expectation) -> Result<(), Failure> {
        let runs = matches!(self.moment, Moment::WhileRunning | Moment::InTheMiddle);
        if runs && expected.logins != Logins::None {
            world.owner().type_in(world.admin_room()).await?;
        }
        Ok(())
    }

    /// Waits until the bot has synced after the last time it was told that its token is dead. `/ready` alone may still be what it was before.
    async fn syncs_again(&self, world: &World, since: u64, expected: &Expectation) -> Result<(), Failure> {
        let what = "the bot to sync again after it was told that its token is dead";
        let synced = |exchanges: &[Exchange]| {
            let own = || {
                exchanges
                    .iter()
                    .filter(|exchange| exchange.seq > since && exchange.entrance == Entrance::Bot)
            };
            let told = own()
                .filter(|exchange| exchange.status == Some(401))
                .map(|exchange| exchange.seq)
                .max();
            let done = own().any(|exchange| {
                exchange.status == Some(200) && exchange.path.ends_with("/sync") && Some(exchange.seq) > told
            });
            (told.is_none() || done).then_some(())
        };
        Ok(world
            .traffic()
            .wait_until(what, expected.within.max(BOOT), synced)
            .await?)
    }

    /// The bot says that it needs the operator while its HTTP side lives; what it says is judged by the checks.
    async fn needs_operator(&self, world: &mut World) -> Result<Snapshot, Failure> {
        let expected = self.expectation();
        let patience = expected.within + UNTIL_NOTICED;
        let role = world.approver().role.name();
        world.bot.wait_state(role, "needs_operator", patience).await?;
        if expected.logins != Logins::None {
            asks_again(world, patience).await?;
        }
        crate::step::ensure(world.bot.is_healthy().await, || {
            "/health does not answer 200 while it needs the operator".to_owned()
        })?;
        Ok(Snapshot::take(world, "needing").await?)
    }

    /// The bot serves on and has put up a note with one of these words; the rest of what it says is judged by the checks.
    async fn serves_degraded(&self, world: &mut World, words: &[&str]) -> Result<Snapshot, Failure> {
        let patience = self.expectation().within + UNTIL_NOTICED;
        let role = world.approver().role.name();
        let what = format!("the {role} to serve with a note on any of {words:?}");
        let noted = |ready: &Ready| {
            ready.is_ok()
                && ready
                    .identity(role)
                    .is_some_and(|identity| identity.note(words).is_some())
        };
        world.bot.wait_until(&what, patience, noted).await?;
        Ok(Snapshot::take(world, "needing").await?)
    }
}

/// Waits until the bot, which needs its operator, has looked at its token twice more: the second time shows that the first is done with, so
/// that a password tried again without need has been seen by then.
async fn asks_again(world: &World, patience: Duration) -> Result<(), Failure> {
    let since = world.traffic().last_seq();
    let whoami = Matcher::endpoint("GET", "/account/whoami").from_bot().after(since);
    let asked = |exchanges: &[Exchange]| (exchanges.iter().filter(|one| whoami.matches(one)).count() > 1).then_some(());
    let what = "the bot to look twice more whether its token lives";
    Ok(world.traffic().wait_until(what, patience, asked).await?)
}

/// Says something in the encrypted command room, and waits until the bot can read it for ever. A bot that has never run can read nothing
/// yet.
async fn remember(world: &World) -> Result<(), Failure> {
    let owner = world.owner_peer().await?;
    talk::remembered(world, &owner, world.admin_room(), "remember this")
        .await
        .map(drop)
}

/// Waits until the bot serves and nothing of it is weaker than it should be.
async fn whole(world: &mut World, patience: Duration) -> Result<Ready, Failure> {
    let roles: Vec<&str> = world.accounts.iter().map(|account| account.role.name()).collect();
    let is_whole = |ready: &Ready| {
        let whole = |role: &&str| {
            ready
                .identity(role)
                .is_some_and(|identity| identity.degraded.is_empty())
        };
        ready.is_ok() && roles.iter().all(whole)
    };
    Ok(world
        .bot
        .wait_until("the bot to be ready, with nothing degraded", patience, is_whole)
        .await?)
}

fn said(what: &str, error: &(dyn std::error::Error + Send + Sync)) -> Failure {
    Failure::new(format!("{what}: {error}"))
}
