//! One drill from its world to its record.

use std::{sync::Arc, time::Instant};

use harness::{
    artifacts::Artifacts,
    drill::{self, Breakage},
    fault::Moment,
    homeserver::{Choice, Selection},
    secrets::Secrets,
    world::{self, World, WorldOptions},
};

use super::{
    checks::{devices, judged, read},
    interlude::Broken,
};
use crate::{
    catalogue, community, contract, marks,
    plan::{Drill, Pace},
    progress::DrillProgress,
    report::{Record, Verdict},
    scenario::{Interlude, Scenario, Stage},
    step::{Failure, Steps, Stop, seen},
};

/// Why a drill cannot be run on this homeserver, or nowhere; `None` when it can.
pub fn missing(drill: &Drill, selection: &Selection) -> Option<String> {
    let name = &drill.subject.as_ref()?.fault;
    let spoiled = |scenario: &dyn Scenario| {
        let of = scenario.spoiled_by().iter().find(|(fault, _)| fault == name);
        of.map(|(_, why)| (*why).to_owned())
    };
    let contract = contract::of(drill).ok()?;
    catalogue::scenario(&drill.scenario)
        .and_then(|scenario| spoiled(scenario.as_ref()))
        .or_else(|| catalogue::fault(name)?.lacking(&contract, selection.flavor))
}

/// What a drill spends its time on.
pub fn pace(drill: &Drill) -> Pace {
    let subject = drill.subject.as_ref();
    let fault = subject.and_then(|subject| Some((catalogue::fault(&subject.fault)?, subject.moment)));
    let patient = fault.is_some_and(|(fault, moment)| fault.expectation(moment).waits);
    match patient || catalogue::scenario(&drill.scenario).is_some_and(|scenario| scenario.waits()) {
        true => Pace::Waits,
        false => Pace::Works,
    }
}

/// Runs a drill on the homeserver that was taken for its wish. Whatever goes wrong is in the record, and the record, where it is not passed,
/// in the folder with everything else that the drill leaves.
pub async fn run(drill: &Drill, selection: &Selection, progress: Arc<dyn DrillProgress>) -> Record {
    let began = Instant::now();
    let mut record = Record::on(drill, selection, Verdict::Passed);
    if let Some(why) = missing(drill, selection) {
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
    match attempt(drill, selection, &artifacts, &progress, &mut record).await {
        Ok(()) => record.judge(),
        Err(failure) => {
            record.verdict = Verdict::Failed {
                why: failure.to_string(),
            }
        }
    }
    record.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    keep(&artifacts, &mut record);
    record
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

async fn attempt(
    drill: &Drill,
    selection: &Selection,
    artifacts: &Artifacts,
    progress: &Arc<dyn DrillProgress>,
    record: &mut Record,
) -> Result<(), Failure> {
    let scenario =
        catalogue::scenario(&drill.scenario).ok_or_else(|| Failure::new(format!("no scenario {}", drill.scenario)))?;
    let breakage = breakage(drill)?;

    progress.doing("a homeserver starts and a community is built");
    // What was taken, not the wish again: for that the engine would be asked, and an image looked for, once more for each drill.
    let taken = Choice::Exactly(selection.flavor, selection.driver);
    let mut options = WorldOptions::new(drill.name()).on(taken).seeded(drill.world_seed());
    options.replay = Some(record.replay.clone());
    options.artifacts = Some(artifacts.clone());
    let options = scenario.prepare(options);
    let mut world = match &drill.contract {
        None => community::build(options).await?,
        Some(_) => World::build(options, contract::of(drill)?.into()).await?,
    };
    if world.contract().capabilities.encryption {
        world.bring_witness().await?;
    }
    scenario.arrange(&mut world).await?;

    let world = play(scenario.as_ref(), world, breakage, progress, record).await?;
    record.judge();
    let verdict = match &record.verdict {
        Verdict::Failed { why } => world::Verdict::Failed(why.clone()),
        Verdict::Passed | Verdict::NotRun { .. } => world::Verdict::Passed,
    };
    record.artifacts = world.finish(verdict).await?.map(|folder| folder.display().to_string());
    Ok(())
}

fn breakage(drill: &Drill) -> Result<Option<Breakage>, Failure> {
    let Some(subject) = &drill.subject else { return Ok(None) };
    let fault = catalogue::fault(&subject.fault).ok_or_else(|| Failure::new(format!("no fault {}", subject.fault)))?;
    Ok(Some(Breakage::new(fault.clone(), subject.moment)))
}

/// Breaks, plays and checks; what was seen goes into the record.
async fn play(
    scenario: &dyn Scenario,
    world: World,
    breakage: Option<Breakage>,
    progress: &Arc<dyn DrillProgress>,
    record: &mut Record,
) -> Result<World, Failure> {
    let watcher: Arc<dyn crate::step::Watcher> = progress.clone();
    let steps = Steps::new(scenario.steps()).watched_by(watcher);
    let interlude = breakage
        .clone()
        .filter(|breakage| breakage.moment == Moment::InTheMiddle);
    let interlude = interlude.map(|breakage| Box::new(Broken(breakage)) as Box<dyn Interlude>);
    let mut stage = Stage::new(world, steps, interlude);

    let outcome = acts(scenario, &mut stage, breakage.as_ref(), progress).await;
    // A scenario that failed has left the world in any state: what is checked then says nothing more.
    let checked = match outcome {
        Ok(()) => {
            progress.doing("checks");
            check(&mut stage, record).await
        }
        Err(_) => Ok(()),
    };
    let (world, steps) = stage.end().await;
    record.steps = steps;
    record.marks = marks::in_log(&world.bot.log_text());
    checked?;
    Ok(world)
}

/// Checks what must hold after a scenario that passed.
async fn check(stage: &mut Stage, record: &mut Record) -> Result<(), Failure> {
    let world = &mut stage.world;
    let now = drill::look(world).await?;
    record.devices = Some(devices(&now));
    let (findings, evidence) = judged(&read(world)?);
    record.findings = findings;
    if let Some(breakage) = &evidence.breakage {
        record.healed_in_ms = breakage.healed_in_ms();
        record.logins = Some(evidence.logins().count());
    }
    Ok(())
}

/// The bot's first start, the fault, the scenario.
async fn acts(
    scenario: &dyn Scenario,
    stage: &mut Stage,
    breakage: Option<&Breakage>,
    progress: &Arc<dyn DrillProgress>,
) -> Result<(), Stop> {
    let early = breakage.filter(|breakage| breakage.moment != Moment::InTheMiddle);
    let first_boot = early.is_some_and(|breakage| breakage.moment == Moment::FirstBoot);
    if !first_boot {
        progress.doing("the bot starts");
        let world = &mut stage.world;
        let started = async {
            let boot = world.contract().boot();
            world.start_bot(boot).await?;
            seen("ready")
        };
        stage.steps.aside("the bot starts and is ready", started).await?;
    }
    if let Some(breakage) = early {
        let name = breakage.name();
        progress.doing(&name);
        let world = &mut stage.world;
        stage
            .steps
            .aside(&name, async {
                let happened = breakage.happen(world).await?;
                seen(happened.evidence)
            })
            .await?;
    }
    scenario.run(stage).await
}
