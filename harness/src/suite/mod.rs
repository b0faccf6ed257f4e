//! What a bot is drilled with.
//!
//! A [`Suite`] is one value with everything that differs from bot to bot: the contract, the scenarios, the faults, the checks, and how a world
//! is built for it. [`drill::run`](crate::drill::run) and [`batch::run`](crate::batch::run) take the rest from there, so that whatever is added
//! here is drilled and judged like what the harness brings.
//!
//! ```no_run
//! # async fn shown() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use knockproof_harness::{
//!     check::{Check, Checks, Finding},
//!     contract::Contract,
//!     drill,
//!     fault::{Fault, Faults, Fired, Moment},
//!     plan::Drill,
//!     report::Verdict,
//!     suite::Suite,
//! };
//!
//! let restarted = Fault::new("bot-restarted", "the bot is stopped and started again", &[Moment::WhileRunning])
//!     .injected(|world| Box::pin(async move {
//!         world.bot.restart().await?;
//!         Ok(Fired::with("it was stopped and started"))
//!     }));
//! let mut checks = Checks::standard();
//! checks.add(Check::new("few-requests", "the bot asks for little", &[], |evidence| {
//!     let count = evidence.exchanges.len();
//!     Finding::of("few-requests", &[], format!("{count} requests"))
//! }));
//! let suite = Suite::of(Contract::read(Path::new("pong.toml"))?)
//!     .with_faults(Faults::standard().with(restarted))
//!     .judged_by(checks);
//! let record = drill::alone(&suite, &Drill::plain("ping").broken("bot-restarted", Moment::WhileRunning)).await?;
//! assert_eq!(record.verdict, Verdict::Passed, "{}", record.narrative());
//! # Ok(())
//! # }
//! ```

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use crate::{
    check::Checks,
    client::{NO_PEERS, PEERS},
    contract::Contract,
    fault::{Call, Fault, Faults, Moment, Passage},
    homeserver::Selection,
    plan::{Drill, Injection, Known, KnownFault, KnownScenario, Pace},
    replay,
    report::{Record, Verdict},
    scenario::{Ping, Scenario},
    step::Failure,
    world::{World, WorldOptions},
};

type Build = dyn Fn(WorldOptions, Arc<Contract>) -> BoxFuture<'static, Result<World, Failure>> + Send + Sync;
type Mark = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Everything that a bot is drilled with.
pub struct Suite {
    contract: Arc<Contract>,
    scenarios: Vec<Box<dyn Scenario>>,
    faults: Faults,
    checks: Checks,
    few_for_others: Vec<(&'static str, Injection)>,
    passages: Vec<Passage>,
    build: Box<Build>,
    mark: Box<Mark>,
    program: String,
    is_brief: bool,
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scenarios: Vec<&str> = self.scenarios.iter().map(|scenario| scenario.name()).collect();
        f.debug_struct("Suite")
            .field("bot", &self.contract.name)
            .field("scenarios", &scenarios)
            .field("faults", &self.faults)
            .field("checks", &self.checks)
            .finish_non_exhaustive()
    }
}

impl Suite {
    /// For any bot with a contract: it is pinged in the rooms that any bot can be spoken to in, with the faults and checks of the harness.
    pub fn of(contract: impl Into<Arc<Contract>>) -> Self {
        Self {
            contract: contract.into(),
            scenarios: vec![Box::new(Ping)],
            faults: Faults::standard(),
            checks: Checks::standard(),
            few_for_others: Vec::new(),
            passages: Passage::around(Call::Sync).to_vec(),
            build: Box::new(|options, contract| Box::pin(async { Ok(World::build(options, contract).await?) })),
            mark: Box::new(|_| None),
            program: "knockproof".to_owned(),
            is_brief: false,
        }
    }

    /// With these scenarios instead of the ping, in the order in which they run.
    #[must_use]
    pub fn with_scenarios(mut self, scenarios: Vec<Box<dyn Scenario>>) -> Self {
        self.scenarios = scenarios;
        self
    }

    /// With these faults, in the order in which they are drilled.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// With these faults for others than the first identity, each with the scenario, where a run is a brief one. A whole one drills every fault
    /// for each identity, and for all at once.
    #[must_use]
    pub fn with_few_for_others(mut self, few: Vec<(&'static str, Injection)>) -> Self {
        self.few_for_others = few;
        self
    }

    /// Of a bot that comes to these points of its traffic whenever it starts; without this only the sync is known of it.
    #[must_use]
    pub fn passing(mut self, passages: Vec<Passage>) -> Self {
        self.passages = passages;
        self
    }

    /// Judged by these checks.
    #[must_use]
    pub fn judged_by(mut self, checks: Checks) -> Self {
        self.checks = checks;
        self
    }

    /// In worlds that are built this way; the bot is not started.
    #[must_use]
    pub fn in_worlds(
        mut self,
        build: impl Fn(WorldOptions, Arc<Contract>) -> BoxFuture<'static, Result<World, Failure>> + Send + Sync + 'static,
    ) -> Self {
        self.build = Box::new(build);
        self
    }

    /// Of a bot that says in its log which branch of its healing it takes: `mark` answers the name of the branch that a line tells.
    #[must_use]
    pub fn marked_by(mut self, mark: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.mark = Box::new(mark);
        self
    }

    /// Whose drills are repeated by this command, where it is not `knockproof`.
    #[must_use]
    pub fn repeated_by(mut self, program: &str) -> Self {
        self.program = program.to_owned();
        self
    }

    /// For runs of thousands: of a drill that passed, nothing is kept but how it ended and what it cost.
    #[must_use]
    pub fn keeping_little(mut self) -> Self {
        self.is_brief = true;
        self
    }

    /// What is kept of a drill.
    pub(crate) fn kept(&self, record: Record) -> Record {
        match self.is_brief && record.verdict == Verdict::Passed {
            true => Record {
                steps: Vec::new(),
                findings: Vec::new(),
                timeline: None,
                ..record
            },
            false => record,
        }
    }

    /// The bot's contract.
    pub fn contract(&self) -> &Arc<Contract> {
        &self.contract
    }

    /// The scenarios.
    pub fn scenarios(&self) -> impl Iterator<Item = &dyn Scenario> {
        self.scenarios.iter().map(AsRef::as_ref)
    }

    /// The scenario of a name.
    pub fn scenario(&self, name: &str) -> Option<&dyn Scenario> {
        self.scenarios().find(|scenario| scenario.name() == name)
    }

    /// The faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The checks.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// Everything that can be wished for of it.
    pub fn known(&self) -> Known {
        let scenarios = self.scenarios().map(|scenario| KnownScenario {
            name: scenario.name(),
            middle: scenario.middle(),
            drilled_with_every_fault: scenario.meets_every_fault(),
        });
        let faults = self.faults.iter().map(|fault| KnownFault {
            name: fault.name().to_owned(),
            moments: fault.moments().to_vec(),
            reach: fault.reach(),
            comes_first: fault.comes_first(),
            is_helped: fault.is_helped_by_the_bot(),
        });
        let identities = self.contract.identities.iter().map(|identity| identity.name.clone());
        Known {
            scenarios: scenarios.collect(),
            faults: faults.collect(),
            passages: self.passages.clone(),
            identities: identities.collect(),
            others: self.few_for_others.clone(),
        }
    }

    /// Why a drill cannot be run on this homeserver, or nowhere; `None` when it can.
    pub fn missing(&self, drill: &Drill, selection: &Selection) -> Option<String> {
        if !PEERS && drill.scenario == Ping.name() && self.contract.ping.plain.is_none() {
            return Some(NO_PEERS.to_owned());
        }
        let scenario = self.scenario(&drill.scenario);
        let spoiled = |name: &str| {
            let of = scenario?.spoiled_by().iter().find(|(fault, _)| *fault == name);
            of.map(|(_, why)| (*why).to_owned())
        };
        let lacking = |name: &str| self.faults.named(name)?.lacking(&self.contract, selection.flavor);
        drill
            .schedule()
            .find_map(|injection| spoiled(&injection.fault).or_else(|| lacking(&injection.fault)))
    }

    /// What a drill spends its time on.
    pub fn pace(&self, drill: &Drill) -> Pace {
        let waits = |injection: &Injection| {
            let fault = self.faults.named(&injection.fault);
            fault.is_some_and(|fault| fault.expectation(injection.moment).waits)
        };
        match drill.schedule().any(waits) || self.scenario(&drill.scenario).is_some_and(Scenario::waits) {
            true => Pace::Waits,
            false => Pace::Works,
        }
    }

    /// A drill's record before anything is known of it, with the line that repeats it; on what was taken for its wish, where that is known.
    pub fn record(&self, drill: &Drill, selection: Option<&Selection>, verdict: Verdict) -> Record {
        let record = Record::of(drill, verdict);
        match selection {
            None => Record {
                replay: drill.replay(&self.program),
                ..record
            },
            Some(taken) => Record {
                homeserver: format!("{} ({})", taken.flavor, taken.driver),
                replay: replay::line(drill, taken, &self.program),
                ..record
            },
        }
    }

    /// The world of a drill; the bot is not started.
    pub(crate) async fn build(&self, options: WorldOptions) -> Result<World, Failure> {
        (self.build)(options, self.contract.clone()).await
    }

    pub(crate) fn played_scenario(&self, drill: &Drill) -> Result<&dyn Scenario, Failure> {
        let found = self.scenario(&drill.scenario);
        found.ok_or_else(|| Failure::new(format!("there is no scenario {}", drill.scenario)))
    }

    /// The faults of a drill with their moments, in the order in which they come.
    pub(crate) fn schedule(&self, drill: &Drill) -> Result<Vec<(&Fault, Moment)>, Failure> {
        let named = |injection: &Injection| {
            let found = self.faults.named(&injection.fault);
            let found = found.ok_or_else(|| Failure::new(format!("there is no fault {}", injection.fault)))?;
            Ok((found, injection.moment))
        };
        drill.schedule().map(named).collect()
    }

    /// The branches of its healing that the bot went through, as its log tells, each once.
    pub(crate) fn marks<'l>(&self, lines: impl Iterator<Item = &'l str>) -> Vec<String> {
        let mut found = Vec::new();
        for mark in lines.filter_map(|line| (self.mark)(line)) {
            if !found.contains(&mark) {
                found.push(mark);
            }
        }
        found
    }
}
