//! One drill from its world to its record.

use std::{sync::Arc, time::Instant};

use futures_util::future::BoxFuture;

use super::{
    Breakage,
    checks::{devices, judged, read},
    interlude::Broken,
    look::look,
};
use crate::{
    artifacts::Artifacts,
    check,
    client::PEERS,
    fault::Moment,
    homeserver::{self, Choice, Selection},
    plan::Drill,
    progress::{DrillProgress, Silent},
    report::{Record, Verdict},
    scenario::{Interlude, Scenario, Stage},
    secrets::Secrets,
    step::{Failure, Steps, Stop, Watcher, seen},
    suite::Suite,
    timeline::{Detail, Timeline},
    world::{self, World, WorldOptions},
};

/// Runs a drill on the homeserver that was taken for its wish. Whatever goes wrong is in the record, and the record, where it is not passed,
/// in the folder with everything else that the drill leaves.
pub fn run<'a>(
    suite: &'a Suite,
    drill: &'a Drill,
    selection: &'a Selection,
    progress: Arc<dyn DrillProgress>,
) -> BoxFuture<'a, Record> {
    // In a box, for whoever awaits it: see lib.rs.
    Box::pin(ran(suite, drill, selection, progress))
}

/// Runs a drill on a homeserver that is chosen for it alone, and tells nobody of its progress: a test.
///
/// # Errors
///
/// When no homeserver of its wish is at hand.
pub fn alone<'a>(suite: &'a Suite, drill: &'a Drill) -> BoxFuture<'a, Result<Record, homeserver::Error>> {
    Box::pin(async move {
        let choice = match drill.homeserver.parse()? {
            Choice::Auto => Choice::from_env()?,
            choice => choice,
        };
        let selection = homeserver::choose(&choice).await?;
        Ok(run(suite, drill, &selection, Arc::new(Silent)).await)
    })
}

async fn ran(suite: &Suite, drill: &Drill, selection: &Selection, progress: Arc<dyn DrillProgress>) -> Record {
    let began = Instant::now();
    let mut record = suite.record(drill, Some(selection), Verdict::Passed);
    if let Some(why) = suite.missing(drill, selection) {
        record.verdict = Verdict::NotRun { why };
        return record;
    }
    let homeserver = Choice::Exactly(selection.flavor, selection.driver).to_string();
    let artifacts = match Artifacts::for_drill(&drill.name(), &homeserver, Secrets::default()) {
        Ok(artifacts) => artifacts,
        Err(error) => {
            let why = format!("no folder for its history can be made: {error}");
            record.verdict = Verdict::Failed { why };
            return record;
        }
    };
    let attempt = Attempt {
        suite,
        drill,
        selection,
        artifacts: &artifacts,
        progress: &progress,
    };
    match attempt.made(&mut record).await {
        Ok(()) => record.judge(),
        Err(failure) => {
            record.verdict = Verdict::Failed {
                why: failure.to_string(),
            }
        }
    }
    record.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if record.timeline.is_none() {
        let history = artifacts.history().record();
        record.timeline = history.ok().map(|history| Timeline::of(&history, Detail::Full));
    }
    let mut record = record.masked(artifacts.secrets());
    keep(&artifacts, &mut record);
    suite.kept(record)
}

/// A drill that is run.
struct Attempt<'a> {
    suite: &'a Suite,
    drill: &'a Drill,
    selection: &'a Selection,
    artifacts: &'a Artifacts,
    progress: &'a Arc<dyn DrillProgress>,
}

impl Attempt<'_> {
    async fn made(&self, record: &mut Record) -> Result<(), Failure> {
        let scenario = self.suite.played_scenario(self.drill)?;
        let schedule = self.schedule()?;

        self.progress.doing("a homeserver starts and rooms are made");
        let mut world = self.suite.build(self.options(scenario, record)).await?;
        if PEERS && world.contract().capabilities.encryption {
            world.bring_witness().await?;
        }
        scenario.arrange(&mut world).await?;

        let world = self.played(scenario, world, schedule, record).await?;
        record.judge();
        let verdict = match &record.verdict {
            Verdict::Failed { why } => world::Verdict::Failed(why.clone()),
            Verdict::Passed | Verdict::NotRun { .. } => world::Verdict::Passed,
        };
        record.artifacts = world.finish(verdict).await?.map(|folder| folder.display().to_string());
        Ok(())
    }

    fn options(&self, scenario: &dyn Scenario, record: &Record) -> WorldOptions {
        // What was taken, not the wish again: for that the engine would be asked, and an image looked for, once more for each drill.
        let taken = Choice::Exactly(self.selection.flavor, self.selection.driver);
        let mut options = WorldOptions::new(self.drill.name())
            .on(taken)
            .seeded(self.drill.world_seed());
        options.replay = Some(record.replay.clone());
        options.artifacts = Some(self.artifacts.clone());
        options.identities = self.drill.identities().to_vec();
        options.hit = self.drill.identities().to_vec();
        scenario.prepare(options)
    }

    /// What is broken, in the order in which that happens.
    fn schedule(&self) -> Result<Vec<Breakage>, Failure> {
        let schedule = self.suite.schedule(self.drill)?.into_iter();
        Ok(schedule
            .map(|(fault, moment)| Breakage::new(fault.clone(), moment))
            .collect())
    }

    /// Breaks, plays and checks; what was seen goes into the record.
    async fn played(
        &self,
        scenario: &dyn Scenario,
        world: World,
        mut schedule: Vec<Breakage>,
        record: &mut Record,
    ) -> Result<World, Failure> {
        let watcher: Arc<dyn Watcher> = self.progress.clone();
        let history = world.artifacts.history().clone();
        let steps = Steps::new(scenario.steps(), history.clone()).watched_by(watcher);
        let interlude = schedule.pop_if(|last| last.moment == Moment::InTheMiddle);
        let interlude = interlude.map(|breakage| Box::new(Broken(breakage)) as Box<dyn Interlude>);
        let mut stage = Stage::new(world, steps, interlude);

        let outcome = self.acts(scenario, &mut stage, &schedule).await;
        // A scenario that failed has left the world in any state: what is checked then says nothing more.
        let checked = match outcome {
            Ok(()) => {
                self.progress.doing("checks");
                self.checked(&mut stage, record).await
            }
            Err(_) => Ok(()),
        };
        let world = stage.end().await;
        let told = history.record()?;
        record.steps = told.steps().cloned().collect();
        record.marks = self.suite.marks(told.lines());
        checked?;
        Ok(world)
    }

    /// Checks what must hold after a scenario that passed.
    async fn checked(&self, stage: &mut Stage, record: &mut Record) -> Result<(), Failure> {
        let world = &mut stage.world;
        let now = look(world).await?;
        record.devices = Some(devices(&now));
        let history = read(world)?;
        let (findings, evidence) = judged(self.suite.checks(), history.clone());
        // One that passed leaves no folder: what happened in it stays in short. Of one that failed all of it is told.
        if findings.iter().all(|finding| finding.held) {
            record.timeline = Some(Timeline::of(&history, Detail::Brief));
        }
        record.findings = findings;
        let heals = || evidence.iter().filter_map(|evidence| evidence.breakage.as_ref());
        if heals().next().is_some() {
            record.healed_in_ms = heals().map(check::Breakage::healed_in_ms).max().flatten();
            record.logins = Some(evidence.iter().map(|evidence| evidence.logins().count()).sum());
        }
        Ok(())
    }

    /// The bot's first start, the faults one after another, the scenario.
    async fn acts(&self, scenario: &dyn Scenario, stage: &mut Stage, schedule: &[Breakage]) -> Result<(), Stop> {
        let first = schedule.first();
        if first.is_none_or(|breakage| breakage.moment != Moment::FirstBoot) {
            self.progress.doing("the bot starts");
            let world = &mut stage.world;
            let started = async {
                let boot = world.contract().boot();
                world.start_bot(boot).await?;
                seen("ready")
            };
            stage.steps.aside("the bot starts and is ready", started).await?;
        }
        for breakage in schedule {
            let name = breakage.name();
            self.progress.doing(&name);
            let world = &mut stage.world;
            let broken = async {
                let happened = breakage.happen(world).await?;
                seen(happened.evidence)
            };
            stage.steps.aside(&name, broken).await?;
        }
        scenario.run(stage).await
    }
}

/// Names the folder in the record, and puts the record into the folder, where there is one to be kept.
fn keep(artifacts: &Artifacts, record: &mut Record) {
    if record.verdict == Verdict::Passed && record.artifacts.is_none() {
        return;
    }
    record.artifacts = Some(artifacts.folder().display().to_string());
    let written = serde_json::to_string_pretty(record)
        .map_err(std::io::Error::from)
        .and_then(|json| artifacts.write("record.json", &json));
    if let Err(error) = written {
        tracing::warn!(%error, drill = record.name, "the record could not be written into its folder");
    }
}
