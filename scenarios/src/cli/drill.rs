//! `knockproof drill`.

use std::{
    collections::BTreeMap,
    fs,
    io::{Write, stdout},
    time::Instant,
};

use harness::homeserver::{Choice, Selection, choose};

use super::{DrillArgs, Exit, refuse};
use crate::{
    batch::{self, Jobs},
    bot_build, catalogue, marks, names,
    plan::{self, Drill, Wishes},
    progress::{self, Progress},
    report::{HomeserverRecord, Report, Verdict, table},
};

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
    let drivers = selections.values().map(|selection| selection.driver);
    let taken = |drill: &Drill| selections[&drill.homeserver].clone();
    let wished = args.jobs.map(|jobs| Jobs::of_any_kind(jobs.get()));
    let jobs = wished.unwrap_or_else(|| Jobs::borne_by(drivers));
    let records = batch::run(drills, taken, jobs, &*progress).await;
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
        let missed = report.marks.missed.join(", ");
        let _ = writeln!(
            out,
            "FAILED: no drill reached these branches of the healing code: {missed}"
        );
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
