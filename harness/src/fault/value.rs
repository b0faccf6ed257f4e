use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use super::{Expectation, Fired, Moment, Need, Reach, Result};
use crate::{contract::Contract, homeserver::Flavor, world::World};

type Inject = dyn for<'w> Fn(&'w mut World) -> BoxFuture<'w, Result<Fired>> + Send + Sync;
type Cure = dyn for<'w> Fn(&'w mut World) -> BoxFuture<'w, Result<()>> + Send + Sync;

/// One thing broken on purpose: a name, when it makes sense, what it needs, what the bot is expected to make of it, how it is injected, and how
/// an operator cures it.
///
/// ```
/// use knockproof_harness::fault::{Expectation, Fault, Faults, Fired, Moment};
///
/// let mut faults = Faults::standard();
/// faults.add(
///     Fault::new("bot-restarted", "the bot is stopped and started again", &[Moment::WhileRunning])
///         .expecting(|_| Expectation::unharmed())
///         .injected(|world| Box::pin(async move {
///             world.bot.restart().await?;
///             Ok(Fired::with("it was stopped and started"))
///         })),
/// );
/// assert!(faults.named("bot-restarted").is_some());
/// ```
#[derive(Clone)]
pub struct Fault {
    name: String,
    summary: String,
    moments: Vec<Moment>,
    needs: Vec<Need>,
    reach: Reach,
    is_first: bool,
    is_helped: bool,
    expectation: Arc<dyn Fn(Moment) -> Expectation + Send + Sync>,
    inject: Arc<Inject>,
    cure: Arc<Cure>,
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Fault {
    /// A fault of that name, described in one line, that makes sense at these moments. It is [injected](Self::injected) by nothing yet, and a
    /// bot is expected to go on as if nothing had happened.
    pub fn new(name: &str, summary: &str, moments: &[Moment]) -> Self {
        Self {
            name: name.to_owned(),
            summary: summary.to_owned(),
            moments: moments.to_vec(),
            needs: Vec::new(),
            reach: Reach::Bot,
            is_first: false,
            is_helped: false,
            expectation: Arc::new(|_| Expectation::unharmed()),
            inject: Arc::new(|_| Box::pin(async { Err("nothing injects it".into()) })),
            cure: Arc::new(|_| Box::pin(async { Ok(()) })),
        }
    }

    /// What it needs of the bot's contract and of the homeserver; else it is not applicable.
    #[must_use]
    pub fn needing(mut self, needs: &[Need]) -> Self {
        self.needs.extend(needs);
        self
    }

    /// Whom it hits, where that is not the bot as a whole.
    #[must_use]
    pub fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// In a schedule of several faults it comes before all others: what is expected of the bot presumes that it still has what it was given
    /// at the beginning, such as a token in its environment that lives.
    #[must_use]
    pub fn coming_first(mut self) -> Self {
        self.is_first = true;
        self
    }

    /// What the bot is expected to make of it at a moment.
    #[must_use]
    pub fn expecting(mut self, expectation: impl Fn(Moment) -> Expectation + Send + Sync + 'static) -> Self {
        self.expectation = Arc::new(expectation);
        self
    }

    /// How it is broken. The bot is stopped or runs, as the moment says. What is answered is the evidence that it really was.
    #[must_use]
    pub fn injected(
        mut self,
        inject: impl for<'w> Fn(&'w mut World) -> BoxFuture<'w, Result<Fired>> + Send + Sync + 'static,
    ) -> Self {
        self.inject = Arc::new(inject);
        self
    }

    /// What an operator must do where the bot cannot heal alone. A bot that is stopped then is started when it is done for every account.
    #[must_use]
    pub fn cured(
        mut self,
        cure: impl for<'w> Fn(&'w mut World) -> BoxFuture<'w, Result<()>> + Send + Sync + 'static,
    ) -> Self {
        self.cure = Arc::new(cure);
        self
    }

    /// It happens only when the bot does something meanwhile, and so not while a request of the bot is held.
    #[must_use]
    pub fn helped_by_the_bot(mut self) -> Self {
        self.is_helped = true;
        self
    }

    /// Its name: on the command line, in output and in file names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it breaks, in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// When it makes sense.
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// What it needs.
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// Whom it hits.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Whether it comes before all others of a schedule.
    pub fn comes_first(&self) -> bool {
        self.is_first
    }

    /// Whether it happens only when the bot does something meanwhile.
    pub fn is_helped_by_the_bot(&self) -> bool {
        self.is_helped
    }

    /// Why it is not applicable to a bot of this contract on such a homeserver, if it is not.
    pub fn lacking(&self, contract: &Contract, flavor: Flavor) -> Option<String> {
        self.needs.iter().find_map(|need| need.lacking(contract, flavor))
    }

    /// What the bot is expected to make of it at that moment. One that is held at a request runs.
    pub fn expectation(&self, moment: Moment) -> Expectation {
        (self.expectation)(match moment {
            Moment::Passage(_) => Moment::WhileRunning,
            moment => moment,
        })
    }

    /// Breaks it, for the account that the world [aims at](World::aim).
    ///
    /// # Errors
    ///
    /// When it could not be broken.
    pub async fn inject(&self, world: &mut World) -> Result<Fired> {
        (self.inject)(world).await
    }

    /// Does what an operator must do.
    ///
    /// # Errors
    ///
    /// When it could not be done, or the bot has made a cure impossible.
    pub async fn cure(&self, world: &mut World) -> Result<()> {
        (self.cure)(world).await
    }
}

/// The faults that bots are drilled with. Whoever tests a bot may add to them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Those of the harness, in the order in which they are listed to people.
    pub fn standard() -> Self {
        Self(super::all())
    }

    /// Adds one. It takes the place of one of the same name.
    pub fn add(&mut self, fault: Fault) {
        match self.0.iter_mut().find(|known| known.name == fault.name) {
            Some(known) => *known = fault,
            None => self.0.push(fault),
        }
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        self.add(fault);
        self
    }

    /// Takes one away; answers whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|fault| fault.name != name);
        self.0.len() < before
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// The one of a name.
    pub fn named(&self, name: &str) -> Option<&Fault> {
        self.0.iter().find(|fault| fault.name == name)
    }
}

impl Extend<Fault> for Faults {
    fn extend<I: IntoIterator<Item = Fault>>(&mut self, faults: I) {
        faults.into_iter().for_each(|fault| self.add(fault));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_fault_has_a_name_of_its_own_and_a_moment() {
        let faults = Faults::standard();
        let names: HashSet<&str> = faults.iter().map(Fault::name).collect();
        assert_eq!(names.len(), super::super::all().len());
        for fault in faults.iter() {
            assert!(!fault.moments().is_empty(), "{fault:?} has no moment");
        }
    }

    #[test]
    fn a_fault_can_be_added_replaced_and_removed() {
        let own = |summary: &str| Fault::new("own", summary, &[Moment::AtBoot]);
        let standard = Faults::standard().iter().count();
        let mut faults = Faults::standard().with(own("first")).with(own("second"));
        assert_eq!(faults.iter().count(), standard + 1);
        assert_eq!(faults.named("own").unwrap().summary(), "second");
        assert!(faults.remove("own") && !faults.remove("own"));
    }
}
