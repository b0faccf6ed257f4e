//! Runs what other people's programs, and commands, do in a world: one named test each.
//!
//! Not the standard test harness: that has no way to say at run time that a test cannot run here. Where such a program is not at hand its
//! tests are listed as ignored, with the reason in front of their names; they never count as passed.

#![expect(
    clippy::print_stdout,
    reason = "the runner captures what a test says and shows it when it fails"
)]
#![expect(clippy::expect_used, reason = "a test without a runtime has failed")]

use futures_util::future::LocalBoxFuture;
use harness::{
    step::Failure,
    world::{Verdict, World},
};
use libtest_mimic::Trial;

/// How a test ends.
pub(crate) type Outcome = Result<(), Failure>;

/// A test: its name and what it does.
pub(crate) type Play = (&'static str, fn() -> LocalBoxFuture<'static, Outcome>);

/// Each test and what it does: `plays![how; a_test, another, …]`, where `how` gets the name and the play.
macro_rules! plays {
    ($how:path; $($play:path),+ $(,)?) => {
        [$((
            $crate::outside::name(stringify!($play)),
            || futures_util::FutureExt::boxed_local($how($crate::outside::name(stringify!($play)), $play)),
        )),+]
    };
}
pub(crate) use plays;

/// The name of a function, without those of its modules.
pub(crate) fn name(path: &'static str) -> &'static str {
    path.rsplit_once("::").map_or(path, |(_, name)| name)
}

/// The tests of a suite; `missing` is why they cannot be run here.
pub(crate) fn trials(suite: &str, missing: Option<String>, plays: &[Play]) -> Vec<Trial> {
    let trials = plays.iter().map(|(name, play)| {
        let play = *play;
        let trial = Trial::test(format!("{suite}::{name}"), move || {
            runtime().block_on(play()).map_err(|why| why.to_string().into())
        });
        match &missing {
            Some(why) => trial.with_kind(format!("not run: {why}")).with_ignored_flag(true),
            None => trial,
        }
    });
    trials.collect()
}

/// Plays in a world and finishes it.
///
/// # Errors
/// What the play found, or that the world could not be finished.
pub(crate) async fn in_world(mut world: World, play: impl AsyncFnOnce(&mut World) -> Outcome) -> Outcome {
    println!("homeserver: {}", world.selection.why);
    let outcome = play(&mut world).await;
    let verdict = match &outcome {
        Ok(()) => Verdict::Passed,
        Err(failure) => Verdict::Failed(failure.to_string()),
    };
    world.finish(verdict).await?;
    outcome
}

/// Says what was seen.
pub(crate) fn say(evidence: &str) {
    println!("{evidence}");
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be started")
}
