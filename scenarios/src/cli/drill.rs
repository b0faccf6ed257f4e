//! `knockproof drill`.

use std::{
    collections::BTreeMap,
    fs,
    io::{Write, stdout},
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    thread,
    time::Instant,
};

use futures_util::FutureExt;
use harness::homeserver::{Choice, Driver, Selection, choose};
use tokio::task::{JoinError, JoinSet};

use super::{DrillArgs, Exit, refuse};
use crate::{
    bot_build, catalogue, drill, marks, names,
    plan::{self, Drill, Wishes},
    progress::{self, DrillProgress, Progress},
    report::{HomeserverRecord, Record, Report, Verdict, table},
};

/// Drills for each core on the embedded homeserver.
const EACH_CORE: usize = 8;
/// Drills side by side elsewhere.
const HEAVY: usize = 2;

/// Plans the wished drills, runs them and reports.
pub(super) async fn run(args: DrillArgs) -> Exit {
    let wishes = match wishes(&args) {
        Ok(wishes) => wishes,
        Err(why) => return refuse(&why),
    };
    let drills = match plan::plan(&catalogue::known(), &wishes) {
        Ok(drills) => drills,
        Err(bad) => return refuse(&bad.to_string()),
    };
    let progress = progress::for_stdout(drills.len());
    let selections = match select(&drills, &*progress).await {
        Ok(selections) => selections,
        Err(why) => return refuse(&why),
    };
    if let Err(why) = bot_build::ensure(&mut |line| progress.say(line)) {
        return refuse(&why.to_string());
    }

    progress.say(&format!("{} drills, seed {}", drills.len(), wishes.seed));
    let began = Instant::now();
    let jobs = args.jobs.map_or_else(|| jobs(&selections), NonZeroUsize::get);
    let records = run_all(drills, jobs, &*progress).await;
    drop(progress);

    let missed = if is_main_job(&args) {
        marks::missed(&records)
    } else {
        Vec::new()
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let homeservers = selections
        .iter()
        .map(|(wish, selection)| HomeserverRecord {
            wish: wish.clone(),
            took: selection.why.clone(),
        })
        .collect();
    finish(&Report::new(wishes.seed, homeservers, records, missed, took_ms), &args)
}

/// Whether nothing is wished for: then the run is all that the main job promises, within a minute.
fn is_main_job(args: &DrillArgs) -> bool {
    args.scenario.is_empty() && args.fault.is_empty() && args.moment.is_empty()
}

/// Checks the names that planning does not know about, and draws the seed.
fn wishes(args: &DrillArgs) -> Result<Wishes, String> {
    Ok(Wishes {
        homeservers: args
            .homeserver
            .iter()
            .map(|name| homeserver_named(name))
            .collect::<Result<_, _>>()?,
        scenarios: args.scenario.clone(),
        faults: args.fault.clone(),
        moments: args.moment.clone(),
        brief: is_main_job(args),
        // Short enough to be typed again.
        seed: args.seed.unwrap_or_else(|| rand::random_range(0..1_000_000)),
    })
}

/// The name of a homeserver as it is written, if there is one of that name.
pub(super) fn homeserver_named(name: &str) -> Result<String, String> {
    let all: Vec<String> = Choice::all().iter().map(Choice::to_string).collect();
    let known: Vec<&str> = all.iter().map(String::as_str).collect();
    let name = if name.trim().is_empty() { "auto" } else { name.trim() };
    names::find("homeserver", name, &known)
        .map(str::to_owned)
        .map_err(|unknown| unknown.to_string())
}

/// Decides for every wished homeserver what would be started, before anything is: a wish that cannot be met ends the run at once.
async fn select(drills: &[Drill], progress: &dyn Progress) -> Result<BTreeMap<String, Selection>, String> {
    let mut selections = BTreeMap::new();
    for drill in drills {
        if selections.contains_key(&drill.homeserver) {
            continue;
        }
        let choice: Choice = drill
            .homeserver
            .parse()
            .map_err(|error: harness::homeserver::Error| error.to_string())?;
        let selection = choose(&choice).await.map_err(|error| error.to_string())?;
        progress.say(&format!("homeserver: {}", selection.why));
        selections.insert(drill.homeserver.clone(), selection);
    }
    Ok(selections)
}

/// How many drills these homeservers bear side by side. A drill mostly waits, so on the embedded homeserver it takes several to keep a core
/// busy; a real one takes so much of a machine that two make each other late enough.
fn jobs(selections: &BTreeMap<String, Selection>) -> usize {
    let light = selections
        .values()
        .all(|selection| selection.driver == Driver::Embedded);
    match light {
        true => EACH_CORE * thread::available_parallelism().map_or(1, NonZeroUsize::get),
        false => HEAVY,
    }
}

/// Runs drills side by side and answers their records in the order of the plan. Dropping the run ends them; one that panics has failed and
/// takes no other with it.
async fn run_all(drills: Vec<Drill>, jobs: usize, progress: &dyn Progress) -> Vec<Record> {
    // From the end: the scenario with by far the most drills, and the shortest, is the first of the plan. So no long one is left to run
    // alone.
    let mut waiting = drills.into_iter().enumerate().rev();
    let mut running = JoinSet::new();
    let mut records = BTreeMap::new();
    loop {
        while running.len() < jobs
            && let Some((index, drill)) = waiting.next()
        {
            let watcher = progress.began(&drill.name());
            running.spawn(async move {
                let record = survive(&drill, watcher.clone()).await;
                watcher.done(&record);
                (index, record)
            });
        }
        let Some(ended) = running.join_next().await else {
            return records.into_values().collect();
        };
        match ended.map_err(JoinError::try_into_panic) {
            Ok((index, record)) => {
                records.insert(index, record);
            }
            // A drill's own panic is in its record: this is the display's.
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(cancelled)) => unreachable!("nobody ends a single drill: {cancelled}"),
        }
    }
}

async fn survive(drill: &Drill, watcher: Arc<dyn DrillProgress>) -> Record {
    let ran = AssertUnwindSafe(drill::run(drill, watcher)).catch_unwind().await;
    ran.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Record::of(
            drill,
            Verdict::Failed {
                why: format!("the drill itself panicked: {}", what.unwrap_or("no message")),
            },
        )
    })
}

/// The table, what is to be said about it, the JSON, the exit code.
fn finish(report: &Report, args: &DrillArgs) -> Exit {
    let mut out = stdout().lock();
    let summary = report.summary;
    // A closed pipe does not change how the run went.
    let _ = writeln!(out, "\n{}", table(&report.drills));
    let _ = writeln!(
        out,
        "{} passed, {} failed, {} not run in {:.0} s; seed {}",
        summary.passed,
        summary.failed,
        summary.not_run,
        std::time::Duration::from_millis(summary.took_ms).as_secs_f64(),
        report.seed
    );
    for record in report
        .drills
        .iter()
        .filter(|record| matches!(record.verdict, Verdict::Failed { .. }))
    {
        let _ = writeln!(out, "again: {}", record.replay);
    }
    if !report.marks.missed.is_empty() {
        let word = match report.must_reach_all() {
            true => "FAILED: no drill reached these branches of the healing code",
            false => "not reached, where some drills were not run, were these branches of the healing code",
        };
        let _ = writeln!(out, "{word}: {}", report.marks.missed.join(", "));
    }
    if let Some(path) = &args.json {
        let written = serde_json::to_vec_pretty(report)
            .map_err(std::io::Error::from)
            .and_then(|json| fs::write(path, json));
        if let Err(error) = written {
            return refuse(&format!(
                "the report could not be written to {}: {error}",
                path.display()
            ));
        }
    }
    match report.exit_code() {
        0 => Exit::Passed,
        1 => Exit::Failed,
        _ => Exit::CouldNotRun,
    }
}
