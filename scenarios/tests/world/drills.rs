//! Every drill as a test of its own, named after its suite.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the runner captures what a test says and shows it when it fails"
)]
#![expect(clippy::expect_used, reason = "a test without a runtime has failed")]

use std::sync::Arc;

use harness::homeserver::{self, Choice, Selection};
use libtest_mimic::{Failed, Trial};
use scenarios::{
    bot_build, catalogue, drill,
    plan::{self, Drill, Wishes},
    progress::Silent,
    report::Verdict,
};

/// The drills, as tests, whose names are wished for.
///
/// # Errors
/// What is wrong with the environment.
pub(crate) fn trials(wished: impl Fn(&str) -> bool) -> Result<Vec<Trial>, String> {
    let mut drills = planned()?;
    drills.retain(|drill| wished(&name(drill)));
    if drills.is_empty() {
        return Ok(Vec::new());
    }
    let selection = runtime().block_on(select());
    Ok(drills.into_iter().map(|drill| trial(drill, &selection)).collect())
}

fn name(drill: &Drill) -> String {
    format!("{}::{}", catalogue::suite(drill), catalogue::test_name(drill))
}

fn planned() -> Result<Vec<Drill>, String> {
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
    plan::plan(&catalogue::known(), &wishes).map_err(|bad| bad.to_string())
}

/// What would be started; the reason when nothing can be.
async fn select() -> Result<Selection, String> {
    let choice = Choice::from_env().map_err(|error| error.to_string())?;
    homeserver::choose(&choice).await.map_err(|error| error.to_string())
}

fn trial(drill: Drill, selection: &Result<Selection, String>) -> Trial {
    let missing = selection
        .as_ref()
        .ok()
        .and_then(|selection| drill::missing(&drill, selection));
    let selection = selection.clone();
    let trial = Trial::test(name(&drill), move || passes(&drill, &selection?));
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
