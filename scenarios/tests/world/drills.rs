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
    homeserver::{self, Choice, Selection},
};
use libtest_mimic::{Failed, Trial};
use scenarios::{
    bot_build, catalogue, contract, drill,
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
    // Once for all of them: a test that cannot run says nothing about the bot.
    bot_given()?;
    let selection = runtime().block_on(select())?;
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

/// Whether a bot that is named can be run; one that is not is built by the first test.
fn bot_given() -> Result<(), String> {
    if std::env::var("KNOCKPROOF_BOT").is_ok_and(|words| !words.trim().is_empty()) {
        let contract = contract::knock_approver().map_err(|error| error.to_string())?;
        let bot = BotCommand::of(&contract).map_err(|error| error.to_string())?;
        bot_build::runnable(&bot).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn trial(drill: Drill, selection: &Selection) -> Trial {
    let missing = drill::missing(&drill, selection);
    let selection = selection.clone();
    let trial = Trial::test(name(&drill), move || passes(&drill, &selection));
    match missing {
        Some(why) => trial.with_kind(format!("not run: {why}")).with_ignored_flag(true),
        None => trial,
    }
}

fn passes(drill: &Drill, selection: &Selection) -> Result<(), Failed> {
    println!("homeserver: {}", selection.why);
    let runtime = runtime();
    let built = runtime.block_on(bot_build::ensure(&mut |line| eprintln!("{line}")));
    built.map_err(|error| error.to_string())?;
    let record = runtime.block_on(drill::run(drill, selection, Arc::new(Silent)));
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
