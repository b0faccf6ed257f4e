//! Every drill as a test of its own, named after its suite.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the runner captures what a test says and shows it when it fails"
)]
#![expect(clippy::expect_used, reason = "a test without a runtime has failed")]

use std::{path::Path, sync::Arc};

use harness::{
    bot::BotCommand,
    drill,
    homeserver::{self, Choice, Selection},
    plan::{self, Drill, Wishes},
    progress::Silent,
    report::Verdict,
    suite::Suite,
};
use libtest_mimic::{Failed, Trial};
use scenarios::{bot_build, catalogue};

/// The drills, as tests, whose names are wished for.
///
/// # Errors
/// What is wrong with the environment.
pub(crate) fn trials(wished: impl Fn(&str) -> bool) -> Result<Vec<Trial>, String> {
    let suite = Arc::new(catalogue::suite().map_err(|error| error.to_string())?);
    let mut drills = planned(&suite)?;
    drills.retain(|drill| wished(&name(drill)));
    if drills.is_empty() {
        return Ok(Vec::new());
    }
    // Once for all of them: a test that cannot run says nothing about the bot.
    bot_given(&suite)?;
    let selection = runtime().block_on(select())?;
    Ok(drills
        .into_iter()
        .map(|drill| trial(&suite, drill, &selection))
        .collect())
}

fn name(drill: &Drill) -> String {
    format!("{}::{}", catalogue::test_suite(drill), catalogue::test_name(drill))
}

fn planned(suite: &Suite) -> Result<Vec<Drill>, String> {
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
    plan::plan(&suite.known(), &wishes).map_err(|bad| bad.to_string())
}

/// What would be started; the reason when nothing can be.
async fn select() -> Result<Selection, String> {
    let choice = Choice::from_env().map_err(|error| error.to_string())?;
    homeserver::choose(&choice).await.map_err(|error| error.to_string())
}

/// Whether a bot that is named can be run; one that is not is built by the first test.
fn bot_given(suite: &Suite) -> Result<(), String> {
    if std::env::var("KNOCKPROOF_BOT").is_ok_and(|words| !words.trim().is_empty()) {
        let bot = BotCommand::of(suite.contract()).map_err(|error| error.to_string())?;
        bot_build::runnable(&bot).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn trial(suite: &Arc<Suite>, drill: Drill, selection: &Selection) -> Trial {
    let missing = suite.missing(&drill, selection);
    let (suite, selection) = (suite.clone(), selection.clone());
    let trial = Trial::test(name(&drill), move || passes(&suite, &drill, &selection));
    match missing {
        Some(why) => trial.with_kind(format!("not run: {why}")).with_ignored_flag(true),
        None => trial,
    }
}

fn passes(suite: &Suite, drill: &Drill, selection: &Selection) -> Result<(), Failed> {
    println!("homeserver: {}", selection.why);
    let runtime = runtime();
    let built = runtime.block_on(bot_build::ensure(&mut |line| eprintln!("{line}")));
    built.map_err(|error| error.to_string())?;
    let record = runtime.block_on(drill::run(suite, drill, selection, Arc::new(Silent)));
    println!("{}", record.narrative());
    if let Some(folder) = &record.artifacts {
        let story = std::fs::read_to_string(Path::new(folder).join("story.txt"));
        println!("{}", story.unwrap_or_default());
    }
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
