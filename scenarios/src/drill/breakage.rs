//! Breaking something and waiting until it has healed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use harness::{
    check::Snapshot,
    fault::{Expectation, Fault, Logins, Moment, Outcome},
    front_door::{Entrance, Exchange},
    world::World,
};

use crate::{scenario::Interlude, step::Failure};

/// How long a bot may take to meet a token that died while it had nothing to do: its long poll has to end first.
const UNTIL_NOTICED: Duration = Duration::from_secs(40);

/// How long a healthy bot may take from its start to `/ready`.
pub(super) const BOOT: Duration = Duration::from_secs(60);

/// A fault, its moment, and what was recorded when it happened. Clones share the record.
#[derive(Clone)]
pub(super) struct Breakage {
    pub(super) fault: Arc<dyn Fault>,
    pub(super) moment: Moment,
    record: Arc<Mutex<Option<Happened>>>,
}

/// What was recorded when a fault happened.
#[derive(Clone, Debug)]
pub(super) struct Happened {
    /// Before it.
    pub(super) before: Snapshot,
    /// While the bot needed the operator.
    pub(super) needing: Option<Snapshot>,
    /// From the injection, or from the cure where the bot needed one, until it was ready.
    pub(super) healed_in: Duration,
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
        Self {
            fault,
            moment,
            record: Arc::default(),
        }
    }

    /// What is expected of the bot.
    pub(super) fn expectation(&self) -> Expectation {
        self.fault.expectation(self.moment)
    }

    /// What was recorded, once it has happened and healed.
    pub(super) fn happened(&self) -> Option<Happened> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Breaks it at its moment and waits until the bot serves again; answers the evidence that it happened and healed.
    pub(super) async fn happen(&self, world: &mut World) -> Result<String, Failure> {
        let before = Snapshot::take(world).await?;
        if self.moment == Moment::AtBoot {
            world.bot.stop().await?;
        }
        world
            .artifacts
            .note(format!("fault: {} {}", self.fault.name(), self.moment));
        let mut began = Instant::now();
        let fired = self
            .fault
            .inject(world)
            .await
            .map_err(|error| said("it could not be injected", &*error))?;
        if !world.bot.is_running() {
            world.bot.start()?;
        }
        let expected = self.expectation();
        self.wake(world, &expected).await?;
        let needing = match expected.outcome {
            Outcome::Heals => None,
            Outcome::NeedsOperator { .. } => {
                let needing = self.needs_operator(world).await?;
                began = Instant::now();
                self.fault
                    .cure(world)
                    .await
                    .map_err(|error| said("the operator's cure failed", &*error))?;
                Some(needing)
            }
        };
        let fired = fired
            .settle(expected.within)
            .await
            .map_err(|error| said("it did not happen", &*error))?;
        self.syncs_again(world, before.seq, &expected).await?;
        let ready = world.bot.wait_ready(expected.within.max(BOOT)).await?;
        let healed_in = began.elapsed();
        world.artifacts.note(format!("ready after the fault: {}", ready.line()));
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = Some(Happened {
            before,
            needing,
            healed_in,
        });
        Ok(fired)
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
        let patience = self.expectation().within + UNTIL_NOTICED;
        let role = world.approver().role.name();
        world.bot.wait_state(role, "needs_operator", patience).await?;
        crate::step::ensure(world.bot.is_healthy().await, || {
            "/health does not answer 200 while it needs the operator".to_owned()
        })?;
        Ok(Snapshot::take(world).await?)
    }
}

fn said(what: &str, error: &(dyn std::error::Error + Send + Sync)) -> Failure {
    Failure::new(format!("{what}: {error}"))
}
