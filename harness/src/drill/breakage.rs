use std::{
    pin::pin,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;

use super::{Error, Result, memory};
use crate::{
    bot::{self, Ready},
    check::Snapshot,
    contract::{Healing, Readiness},
    fault::{Expectation, Fault, Fired, Logins, Moment, Outcome, Passage},
    front_door::{Entrance, Exchange, Matcher, Traffic},
    history::{Allowed, Event},
    wait::TimedOut,
    world::{self, World},
};

/// How long a bot may take to meet a token that died while it had nothing to do: its long poll has to end first.
const UNTIL_NOTICED: Duration = Duration::from_secs(40);

/// Longer than any drill.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
const RESTARTED: &str = "the supervisor starts the bot again";

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

/// A fault and its moment.
#[derive(Clone, Debug)]
pub struct Breakage {
    /// What is broken.
    pub fault: Fault,
    /// When.
    pub moment: Moment,
    /// Whether it is what the drill is about. One that is not belongs to a scenario, whose own steps judge it.
    pub drilled: bool,
}

impl Breakage {
    /// What a drill is about.
    pub fn new(fault: Fault, moment: Moment) -> Self {
        Self {
            fault,
            moment,
            drilled: true,
        }
    }

    /// A loss that belongs to a scenario.
    pub fn of_scenario(fault: Fault, moment: Moment) -> Self {
        Self {
            drilled: false,
            ..Self::new(fault, moment)
        }
    }

    /// The fault and its moment.
    pub fn name(&self) -> String {
        format!("fault: {} {}", self.fault.name(), self.moment)
    }

    /// Breaks it and waits until the bot serves again, curing it as an operator would where it cannot heal alone.
    ///
    /// # Errors
    ///
    /// When it could not be broken, did not happen, or did not heal.
    pub fn happen<'a>(&'a self, world: &'a mut World) -> BoxFuture<'a, Result<Happened>> {
        // Boxed: the compiler cannot see through the SDK's futures at any depth.
        Box::pin(self.happening(world))
    }

    /// What is expected of the bot here.
    fn expectation(&self, world: &World) -> Expectation {
        self.fault.expectation(self.moment).for_accounts(world.hit().len())
    }

    async fn happening(&self, world: &mut World) -> Result<Happened> {
        if self.moment != Moment::FirstBoot {
            memory::remember(world).await?;
        }
        let before = Snapshot::take(world, "before").await?;
        if matches!(self.moment, Moment::AtBoot | Moment::Passage(_)) {
            world.bot.stop().await?;
        }
        let expected = self.expectation(world);
        world.artifacts.note(self.name());
        let history = world.artifacts.history().clone();
        history.add(Event::Breaking {
            fault: self.fault.name().to_owned(),
            moment: self.moment.to_string(),
            drilled: self.drilled,
            allowed: Allowed::from(&expected),
        });
        let mut began = Instant::now();
        let fired = match self.moment {
            Moment::Passage(passage) => self.inject_at(passage, world).await?,
            _ => self.inject(world).await?,
        };
        if !world.bot.is_running() {
            world.bot.start().await?;
        }
        self.wake(world, &expected).await?;
        let needing = self.needing(world, &expected).await?;
        if needing.is_some() {
            self.cure(world).await?;
            // What the operator does takes its time, and that is not the bot's.
            began = Instant::now();
            history.add(Event::Operator {
                what: format!("cured {}", self.fault.name()),
            });
        }
        // Longer than it may take: that it took too long is for a check to say.
        let patience = expected.within.max(world.contract().boot());
        let evidence = settled(world, fired, patience).await?;
        for user in users_hit(world) {
            let synced = syncs_again(world.traffic(), user, before.seq, patience);
            let synced = attended(world, synced).await?;
            synced.map_err(|timed_out| Error::from(timed_out).never_healed())?;
        }
        let ready = whole(world, patience).await.map_err(Error::never_healed)?;
        let healed_in = began.elapsed();
        history.add(Event::Whole);
        world.artifacts.note(format!("ready after the fault: {}", ready.line()));
        Ok(Happened {
            before,
            needing,
            healed_in,
            evidence,
        })
    }

    /// What the bot looks like while it needs its operator, or serves on weaker; nothing where it heals.
    async fn needing(&self, world: &mut World, expected: &Expectation) -> Result<Option<Snapshot>> {
        match expected.outcome {
            Outcome::Heals => Ok(None),
            Outcome::NeedsOperator { .. } => self.needs_operator(world).await.map(Some),
            Outcome::ServesDegraded { note_says } => self.serves_degraded(world, note_says).await.map(Some),
        }
    }

    /// Starts the bot, and breaks it while a request of that start is held.
    async fn inject_at(&self, passage: Passage, world: &mut World) -> Result<Vec<(String, Fired)>> {
        let request = passage.matcher(world.account().user_id(), world.traffic().last_seq());
        let gate = world.front_door.gate(request, passage.point);
        world.bot.start().await?;
        let held = gate.reached(world.contract().boot()).await?;
        world.artifacts.note(format!("held {passage}: {}", held.line()));
        let mut fired = self.inject(world).await?;
        gate.open();
        for (_, fired) in &mut fired {
            fired.add(format!("while {} was held", held.line()));
        }
        Ok(fired)
    }

    /// Breaks it for each account that it hits; answers their names and what shows it.
    async fn inject(&self, world: &mut World) -> Result<Vec<(String, Fired)>> {
        let mut fired = Vec::new();
        for place in world.hit().to_vec() {
            world.aim_at(place);
            let injected = self.fault.inject(world).await;
            let injected = injected.map_err(Error::said("it could not be injected"))?;
            fired.push((world.account().name().to_owned(), injected));
        }
        world.aim_at(world.hit()[0]);
        Ok(fired)
    }

    async fn cure(&self, world: &mut World) -> Result<()> {
        for place in world.hit().to_vec() {
            world.aim_at(place);
            let cured = self.fault.cure(world).await;
            cured.map_err(Error::said("the operator's cure failed"))?;
        }
        // One that ended when it called for its operator is started by them.
        if !world.bot.is_running() {
            world.bot.start().await?;
        }
        world.aim_at(world.hit()[0]);
        Ok(())
    }

    /// Ends the long poll of a bot that has nothing to do: else it learns of a dead token only when the poll has run its time, which on
    /// some homeservers is as long as the bot asked for. Where no token died there is nothing to learn.
    async fn wake(&self, world: &World, expected: &Expectation) -> Result<()> {
        let runs = !matches!(self.moment, Moment::FirstBoot | Moment::AtBoot);
        if runs && expected.logins != Logins::None {
            world.owner().type_in(world.rooms().spoken_in()).await?;
        }
        Ok(())
    }

    /// The bot says that it needs the operator while its HTTP side lives; what it says is judged by the checks.
    async fn needs_operator(&self, world: &mut World) -> Result<Snapshot> {
        let expected = self.expectation(world);
        let patience = expected.within + UNTIL_NOTICED;
        for name in names_hit(world) {
            world.bot.wait_cry(&name, patience).await?;
        }
        // One that has ended asks nothing.
        if expected.logins != Logins::None && world.bot.is_running() {
            asks_again(world, patience).await?;
        }
        if world.contract().alive.is_some() && !world.bot.is_healthy().await {
            return Err(Error::Dead);
        }
        Ok(Snapshot::take(world, "needing").await?)
    }

    /// The bot serves on and has put up a note with one of these words; the rest of what it says is judged by the checks.
    async fn serves_degraded(&self, world: &mut World, words: &[&str]) -> Result<Snapshot> {
        let patience = self.expectation(world).within + UNTIL_NOTICED;
        let names = names_hit(world);
        let what = format!(
            "the {} to serve with a note on any of {words:?}",
            names.join(" and the ")
        );
        let is_noted = |ready: &Ready, name: &String| {
            let identity = ready.identity(name);
            identity.is_some_and(|identity| identity.note(words).is_some())
        };
        let noted = |ready: &Ready| ready.is_ok() && names.iter().all(|name| is_noted(ready, name));
        world.bot.wait_until(&what, patience, noted).await?;
        Ok(Snapshot::take(world, "needing").await?)
    }
}

/// Waits for what shows that the fault happened to each account; answers all of it.
async fn settled(world: &mut World, fired: Vec<(String, Fired)>, patience: Duration) -> Result<String> {
    let mut evidence = Vec::new();
    for (account, fired) in fired {
        let settled = attended(world, fired.settle(patience)).await?;
        let settled = settled.map_err(Error::unsettled)?;
        world.artifacts.history().add(Event::Fired {
            account,
            evidence: settled.clone(),
        });
        evidence.push(settled);
    }
    Ok(evidence.join("; "))
}

/// Waits until the bot has synced after the last time it was told that its token is dead. `/ready` alone may still be what it was before.
fn syncs_again(
    traffic: &Traffic,
    user: String,
    since: u64,
    patience: Duration,
) -> impl Future<Output = std::result::Result<(), TimedOut>> + use<> {
    let traffic = traffic.clone();
    let what = format!("{user} to sync again after it was told that its token is dead");
    let synced = move |exchanges: &[Exchange]| has_synced(exchanges, since, &user).then_some(());
    async move { traffic.wait_until(&what, patience, synced).await }
}

/// Waits for something, whatever becomes of the bot meanwhile. Where its contract says that it heals by being started again, this plays its
/// supervisor.
async fn attended<T>(world: &mut World, work: impl Future<Output = T>) -> Result<T> {
    let restarts = world.contract().healing == Healing::ByRestart;
    let mut work = pin!(work);
    loop {
        if restarts && !world.bot.is_running() {
            world.artifacts.note(RESTARTED);
            world.bot.start().await?;
        }
        tokio::select! {
            done = &mut work => return Ok(done),
            _ = world.bot.wait_ended(A_DAY), if restarts => {}
        }
    }
}

/// Waits until the bot, which needs its operator, has looked at its token twice more: the second time shows that the first is done with, so
/// that a password tried again without need has been seen by then.
async fn asks_again(world: &World, patience: Duration) -> Result<()> {
    let since = world.traffic().last_seq();
    for account in world.accounts_hit() {
        let user = account.user_id();
        let whoami = Matcher::endpoint("GET", "/account/whoami")
            .from_bot()
            .by(user)
            .after(since);
        let asked = |exchanges: &[Exchange]| {
            let count = exchanges.iter().filter(|one| whoami.matches(one)).count();
            (count > 1).then_some(())
        };
        let what = format!("the bot to look twice more whether the token of {user} lives");
        world.traffic().wait_until(&what, patience, asked).await?;
    }
    Ok(())
}

/// Whether a user has synced since the last time that it was told that its token is dead. Whose token it was may not be known.
fn has_synced(exchanges: &[Exchange], since: u64, user: &str) -> bool {
    let of_bot = |exchange: &&Exchange| exchange.seq > since && exchange.entrance == Entrance::Bot;
    let own = || exchanges.iter().filter(of_bot);
    let told = own()
        .filter(|exchange| exchange.status == Some(401) && exchange.who.as_ref().is_none_or(|who| who.user_id == user))
        .map(|exchange| exchange.at_ms + exchange.took_ms.unwrap_or_default())
        .max();
    // One that began before the bot was told may be answered while its token lived, whenever the bot sees that.
    let synced = |exchange: &Exchange| exchange.status == Some(200) && exchange.path.ends_with("/sync");
    let mut done = own().filter(|exchange| exchange.is_by(user) && synced(exchange));
    told.is_none() || done.any(|exchange| Some(exchange.at_ms) > told)
}

fn users_hit(world: &World) -> Vec<String> {
    world
        .accounts_hit()
        .map(|account| account.user_id().to_owned())
        .collect()
}

fn names_hit(world: &World) -> Vec<String> {
    world.accounts_hit().map(|account| account.name().to_owned()).collect()
}

/// Waits until the bot serves and nothing of it is weaker than it should be.
async fn whole(world: &mut World, patience: Duration) -> Result<Ready> {
    let names: Vec<String> = world.accounts.iter().map(|account| account.name().to_owned()).collect();
    let tells = world.contract().status.is_some();
    let is_whole = |ready: &Ready| {
        let whole = |name: &String| {
            let identity = ready.identity(name);
            identity.map_or(!tells, |identity| identity.degraded.is_empty())
        };
        ready.is_ok() && names.iter().all(whole)
    };
    let what = "the bot to be ready, with nothing degraded";
    supervised(world, what, patience, is_whole).await
}

/// Waits for what the bot is to say. Where its contract says that it heals by being started again, this plays its supervisor.
async fn supervised(
    world: &mut World,
    what: &str,
    patience: Duration,
    wanted: impl Fn(&Ready) -> bool,
) -> Result<Ready> {
    let began = Instant::now();
    let restarts = world.contract().healing == Healing::ByRestart;
    loop {
        let left = patience.saturating_sub(began.elapsed());
        let said = async {
            if world.contract().ready == Readiness::Ping {
                world.wait_ready(left).await?;
            }
            Ok(world.bot.wait_until(what, left, &wanted).await?)
        };
        match said.await {
            Err(world::Error::Bot(bot::Error::Ended { .. } | bot::Error::State { .. }))
                if restarts && !left.is_zero() =>
            {
                world.artifacts.note(RESTARTED);
                world.bot.start().await?;
            }
            outcome => return Ok(outcome?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front_door::{Who, example};

    const USER: &str = "@bot:x";

    fn exchange(seq: u64, path: &str, status: u16, at_ms: u64, took_ms: u64) -> Exchange {
        Exchange {
            seq,
            at_ms,
            took_ms: Some(took_ms),
            status: Some(status),
            who: Some(Who {
                user_id: USER.to_owned(),
                device_id: None,
            }),
            ..example::exchange("GET", path)
        }
    }

    #[test]
    fn only_a_sync_that_began_after_the_bot_was_told_shows_that_it_serves_again() {
        let told = exchange(5, "/_matrix/client/v3/account/whoami", 401, 100, 50);
        let under_way = exchange(6, "/_matrix/client/v3/sync", 200, 110, 60);
        let later = exchange(7, "/_matrix/client/v3/sync", 200, 151, 5);
        let mut seen = vec![told, under_way];
        assert!(!has_synced(&seen, 0, USER));
        seen.push(later);
        assert!(has_synced(&seen, 0, USER));
        // Before it was told anything there is nothing to wait for.
        assert!(has_synced(&seen[1..], 0, USER));
        assert!(has_synced(&seen, 5, USER));
    }
}
