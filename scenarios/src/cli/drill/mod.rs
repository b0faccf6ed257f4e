//! `knockproof drill`.

mod announce;
mod json;
mod outcome;
mod schedules;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::pending,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Instant,
};

use harness::{
    batch::{self, Jobs, Until},
    contract::Contract,
    homeserver::{Choice, Selection, look},
    names,
    plan::{self, Drill, Wishes},
    progress::{self, Progress, Silent, Stream},
    report::{HomeserverRecord, Record, Report, Verdict},
    run::{Scope, sweep},
    shrink::shrink,
    suite::Suite,
};

use self::{
    announce::{estimate, plan_lines, summary},
    json::Sink,
};
use super::{DrillArgs, Exit, publish::Publisher, refuse, signal::Signals};
use crate::{
    catalogue, marks,
    preflight::{self, CouldNotRun},
};

/// Plans the wished drills, runs them and reports.
pub(super) async fn run(args: DrillArgs, signals: &Signals) -> Exit {
    let run = match Run::planned(args) {
        Ok(run) => run,
        Err(why) => return refuse(&why),
    };
    match run.args.dry_run {
        true => run.shown().await,
        false => run.conducted(signals).await,
    }
}

/// A run that is planned.
struct Run {
    args: DrillArgs,
    began: Instant,
    /// The same on the wall's clock, in UTC.
    at: String,
    seed: u64,
    suite: Arc<Suite>,
    drills: Vec<Drill>,
    left_out: Vec<String>,
    stream: Stream,
}

/// What was taken for each wish.
type Taken = BTreeMap<String, Selection>;

impl Run {
    /// Everything that can be refused without looking further than the command line.
    fn planned(args: DrillArgs) -> Result<Self, String> {
        let began = Instant::now();
        let suite = match &args.contract {
            Some(path) => catalogue::suite_of(contract_at(path)?),
            None => catalogue::suite().map_err(|error| error.to_string())?,
        };
        let wishes = wishes(&args)?;
        let known = suite.known();
        let drills = schedules::planned(&suite, &args, &wishes);
        let drills = drills.unwrap_or_else(|| plan::plan(&known, &wishes));
        let drills = drills.map_err(|bad| bad.to_string())?;
        let left_out = plan::left_out(&known, &wishes).map_err(|bad| bad.to_string())?;
        let suite = match schedules::is_long(&args) {
            true => suite.keeping_little(),
            false => suite,
        };
        let stream = match json::is_stdout(args.json.as_deref()) {
            true => Stream::Err,
            false => Stream::Out,
        };
        Ok(Self {
            args,
            began,
            at: now(),
            seed: wishes.seed,
            suite: Arc::new(suite),
            drills,
            left_out,
            stream,
        })
    }

    /// Says what would be drilled, and starts nothing.
    async fn shown(&self) -> Exit {
        let mut text = summary(&self.drills, self.seed);
        for line in &self.left_out {
            text.push_str(&format!("{line}\n"));
        }
        let mut selections = Taken::new();
        for wish in wishes_of(&self.drills) {
            let choice: Result<Choice, _> = wish.parse();
            let found = match choice {
                Ok(choice) => look(&choice).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(selection) => {
                    text.push_str(&format!("homeserver: {}\n", selection.why));
                    selections.insert(wish.to_owned(), selection);
                }
                Err(error) => return refuse(&error.to_string()),
            }
        }
        text.push_str(&plan_lines(&self.suite, &self.drills, |drill| {
            selections.get(&drill.homeserver)
        }));
        self.stream.write(&text);
        Exit::Passed
    }

    async fn conducted(self, signals: &Signals) -> Exit {
        // Before anything is done for which there would be no place.
        let publisher = match Publisher::prepared(&self.args.page) {
            Ok(publisher) => publisher,
            Err(why) => return refuse(&why),
        };
        let sink = match Sink::open(self.args.json.as_deref()) {
            Ok(sink) => sink,
            Err(why) => return refuse(&why),
        };
        let progress = progress::on(self.stream, self.drills.len(), self.args.verbose);
        progress.say(summary(&self.drills, self.seed).trim_end());
        for line in &self.left_out {
            progress.say(line);
        }
        let prepared = tokio::select! {
            prepared = self.prepared(&*progress) => prepared.map(Some),
            _ = signals.first() => Ok(None),
        };
        let (taken, records) = match prepared {
            Ok(Some(taken)) => {
                let records = self.drilled(&taken, signals, &*progress).await;
                let records = self.shortened(&taken, records, signals, &*progress).await;
                (taken, records)
            }
            Ok(None) => {
                let why = || batch::INTERRUPTED.to_owned();
                let not_run = |drill| self.suite.record(drill, None, Verdict::NotRun { why: why() });
                (Taken::new(), self.drills.iter().map(not_run).collect())
            }
            Err(why) => {
                drop(progress);
                sink.forsake();
                return refuse(&why.to_string());
            }
        };
        drop(progress);
        // What is left of drills that were ended; what others left was swept at the start.
        let swept = sweep(Scope::Leftovers).await;
        for failure in &swept.failures {
            tracing::warn!(failure, "something is left behind");
        }
        let report = self.report(&taken, records, signals);
        let exit = match self.args.random {
            Some(_) => schedules::say(&report, &self.drills, self.stream, self.args.verbose),
            None => outcome::say(&report, self.stream, self.args.verbose),
        };
        let published = publisher.publish(&report, self.stream);
        let report = match publisher.is_wanted() {
            true => report,
            false => report.without_timelines(),
        };
        match sink.write(&report).and(published) {
            Ok(()) => signals.so_far().map_or(exit, Exit::Interrupted),
            Err(why) => refuse(&why),
        }
    }

    /// Finds out, before the first drill and once, whether homeservers and bot can be had.
    async fn prepared(&self, progress: &dyn Progress) -> Result<Taken, CouldNotRun> {
        let taken = preflight::selections(&self.drills).await?;
        for selection in taken.values() {
            progress.say(&format!("homeserver: {}", selection.why));
        }
        let is_ours = self.args.contract.is_none();
        preflight::bot(self.suite.contract(), is_ours, &mut |line| progress.say(line)).await?;
        for selection in taken.values() {
            preflight::probe(selection).await?;
        }
        let jobs = self.jobs(&taken);
        progress.say(&estimate(&self.suite, &self.drills, &taken, jobs, self.began.elapsed()));
        Ok(taken)
    }

    fn jobs(&self, taken: &Taken) -> Jobs {
        let wished = self.args.jobs.map(|jobs| Jobs::of_any_kind(jobs.get()));
        wished.unwrap_or_else(|| Jobs::borne_by(taken.values().map(|selection| selection.driver)))
    }

    async fn drilled(&self, taken: &Taken, signals: &Signals, progress: &dyn Progress) -> Vec<Record> {
        let until = Until {
            first_failure: self.args.fail_fast,
            ..Until::default()
        };
        let of = |drill: &Drill| taken[&drill.homeserver].clone();
        let mut batch = pin!(batch::run(
            &self.suite,
            self.drills.clone(),
            of,
            self.jobs(taken),
            &until,
            progress
        ));
        let interruption = async {
            let signal = signals.first().await;
            progress.say(&format!("{signal}: what runs is ended; a second signal ends at once"));
            until.interrupted.cancel();
            pending::<Infallible>().await
        };
        tokio::select! {
            records = &mut batch => records,
            never = interruption => match never {},
        }
    }

    /// With each schedule that failed the shortest one that still does, of the first few.
    async fn shortened(
        &self,
        taken: &Taken,
        mut records: Vec<Record>,
        signals: &Signals,
        progress: &dyn Progress,
    ) -> Vec<Record> {
        let failed = schedules::failed(&self.drills, &records);
        for (drill, record) in failed {
            let name = record.name.clone();
            progress.say(&format!("{name} failed; which of its faults does it take?"));
            let run = async |drill: &Drill| {
                let record = batch::one(&self.suite, drill, &taken[&drill.homeserver], Arc::new(Silent)).await;
                progress.say(&format!("  {}", record.line()));
                record
            };
            let shrunk = tokio::select! {
                shrunk = shrink((drill, record), run) => shrunk,
                _ = signals.first() => return records,
            };
            if shrunk.1.name != name {
                records.push(shrunk.1);
            }
        }
        records
    }

    fn report(&self, taken: &Taken, records: Vec<Record>, signals: &Signals) -> Report {
        let interrupted = signals.so_far();
        // Of a run that was cut short nothing can be said to be missed.
        let is_whole = is_main_job(&self.args) && interrupted.is_none() && !self.args.fail_fast;
        let missed = if is_whole { marks::missed(&records) } else { Vec::new() };
        let homeservers = taken.iter().map(|(wish, selection)| HomeserverRecord {
            wish: wish.clone(),
            took: selection.why.clone(),
        });
        let took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut report = Report::new(self.seed, homeservers.collect(), records, missed, took_ms);
        report.interrupted = interrupted.map(|signal| signal.to_string());
        report.at = Some(self.at.clone());
        report
    }
}

/// The time of now, in UTC, to the minute.
fn now() -> String {
    let now = time::OffsetDateTime::now_utc();
    format!("{} {:02}:{:02} UTC", now.date(), now.hour(), now.minute())
}

/// Whether nothing is wished for: then the run is all that the main job promises, within a minute.
fn is_main_job(args: &DrillArgs) -> bool {
    let narrowed = [&args.scenario, &args.fault, &args.moment, &args.identity];
    let is_schedule = args.random.is_some() || !args.schedule.is_empty();
    !is_schedule && args.contract.is_none() && narrowed.iter().all(|names| names.is_empty())
}

/// Checks the names that planning does not know about, and draws the seed.
fn wishes(args: &DrillArgs) -> Result<Wishes, String> {
    let mut homeservers = Vec::new();
    for name in &args.homeserver {
        let name = homeserver_named(name)?;
        if !homeservers.contains(&name) {
            homeservers.push(name);
        }
    }
    Ok(Wishes {
        contract: args.contract.as_deref().map(whole_path).transpose()?,
        homeservers,
        scenarios: args.scenario.clone(),
        faults: args.fault.clone(),
        moments: args.moment.clone(),
        identities: args.identity.clone(),
        brief: is_main_job(args),
        // Short enough to be typed again.
        seed: args.seed.unwrap_or_else(|| rand::random_range(0..1_000_000)),
    })
}

/// The contract in a file.
fn contract_at(path: &Path) -> Result<Contract, String> {
    Contract::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A path that means the same wherever a drill is repeated.
fn whole_path(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize()
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// The wishes for homeservers, each once.
fn wishes_of(drills: &[Drill]) -> Vec<&str> {
    let mut wishes: Vec<&str> = Vec::new();
    for drill in drills {
        if !wishes.contains(&drill.homeserver.as_str()) {
            wishes.push(&drill.homeserver);
        }
    }
    wishes
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
