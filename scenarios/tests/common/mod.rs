//! Runs the drills of one suite as tests, one named test for each.
//!
//! Not the standard test harness: that has no way to say at run time that a test cannot run here, and a drill that this homeserver
//! cannot show must never count as passed. Such a drill is listed as ignored, with the reason in front of its name.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the runner captures what a test says and shows it when it fails"
)]
#![expect(clippy::expect_used, reason = "a test without a runtime has failed")]

use std::{process::ExitCode, sync::Arc};

use harness::homeserver::{self, Choice, Selection};
use libtest_mimic::{Arguments, Failed, Trial};
use scenarios::{
    bot_build, catalogue, drill,
    plan::{self, Drill, Wishes},
    progress::Silent,
    report::Verdict,
};

/// Runs every drill of `suite`.
pub(crate) fn run(suite: &str) -> ExitCode {
    let arguments = Arguments::from_args();
    let drills = match planned(suite) {
        Ok(drills) => drills,
        Err(why) => {
            eprintln!("suite {suite}: {why}");
            return ExitCode::from(2);
        }
    };
    let selection = runtime().block_on(select());
    let trials = drills.into_iter().map(|drill| trial(drill, &selection)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn planned(suite: &str) -> Result<Vec<Drill>, String> {
    let homeservers = vec![Choice::from_env().map_err(|error| error.to_string())?.to_string()];
    let seed = match std::env::var("KNOCKPROOF_SEED") {
        Ok(seed) => seed
            .parse()
            .map_err(|_| format!("KNOCKPROOF_SEED is {seed:?}, not a number"))?,
        Err(_) => 0,
    };
    let wishes = Wishes {
        homeservers,
        seed,
        ..Wishes::default()
    };
    let drills = plan::plan(&catalogue::known(), &wishes).map_err(|bad| bad.to_string())?;
    // That no suite is empty is the business of a unit test: an error here would take the list of all tests away.
    Ok(drills
        .into_iter()
        .filter(|drill| catalogue::suite(drill) == suite)
        .collect())
}

/// What would be started; the reason when nothing can be.
async fn select() -> Result<Selection, String> {
    let choice = Choice::from_env().map_err(|error| error.to_string())?;
    homeserver::choose(&choice).await.map_err(|error| error.to_string())
}

fn trial(drill: Drill, selection: &Result<Selection, String>) -> Trial {
    let name = catalogue::test_name(&drill);
    let missing = selection
        .as_ref()
        .ok()
        .and_then(|selection| drill::missing(&drill, selection));
    let selection = selection.clone();
    let trial = Trial::test(name, move || passes(&drill, &selection?));
    match missing {
        Some(why) => trial.with_kind(format!("not run: {why}")).with_ignored_flag(true),
        None => trial,
    }
}

fn passes(drill: &Drill, selection: &Selection) -> Result<(), Failed> {
    println!("homeserver: {}", selection.why);
    bot_build::ensure(&mut |line| eprintln!("{line}")).map_err(|error| error.to_string())?;
    let record = runtime().block_on(drill::run(drill, selection, Arc::new(Silent)));
    println!("{}", record.narrative());
    match record.verdict {
        Verdict::Passed => Ok(()),
        verdict => Err(verdict.to_string().into()),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be started")
}
