//! The engine that runs steps one after the other.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::history::{Event, History};

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What the step claims was seen.
    Passed,
    /// It was not seen, or something else was.
    Failed,
    /// An earlier step failed, so that this one says nothing.
    NotReached,
}

/// One step as it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The claim, as declared by the scenario.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What was seen, or what went wrong; empty when not reached.
    pub evidence: String,
}

/// Told about every step as it happens, for progress on a terminal.
pub trait Watcher: Send + Sync {
    /// A step begins.
    fn began(&self, name: &str, number: usize, of: usize);
    /// A step has ended.
    fn ended(&self, step: &Step);
}

/// A scenario has to end: a step failed. What failed is in [`Steps`].
#[derive(Debug, PartialEq, Eq)]
pub struct Stop(());

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step failed; see the steps")
    }
}

impl std::error::Error for Stop {}

/// What a step answers when it has nothing to hand on but its evidence.
///
/// # Errors
/// Never: it stands at the end of a step, where a `Result` is expected.
pub fn seen(evidence: impl Into<String>) -> Result<((), String), Failure> {
    Ok(((), evidence.into()))
}

/// The declared steps of a scenario. How those that ran have ended goes into a history as it happens.
pub struct Steps {
    declared: &'static [&'static str],
    /// How many declared steps have run.
    reached: usize,
    history: History,
    stopped: bool,
    watcher: Option<Arc<dyn Watcher>>,
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps")
            .field("declared", &self.declared)
            .field("reached", &self.reached)
            .finish_non_exhaustive()
    }
}

impl Steps {
    /// Steps that nobody watches.
    pub fn new(declared: &'static [&'static str], history: History) -> Self {
        Self {
            declared,
            reached: 0,
            history,
            stopped: false,
            watcher: None,
        }
    }

    /// The same steps, watched.
    #[must_use]
    pub fn watched_by(mut self, watcher: Arc<dyn Watcher>) -> Self {
        self.watcher = Some(watcher);
        self
    }

    /// Runs the next declared step. `work` answers what the scenario goes on with, and the evidence.
    ///
    /// # Errors
    /// [`Stop`] when the step fails, or when it is not the one that was declared to come next.
    pub async fn step<T>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, Stop> {
        let expected = self.declared.get(self.reached).copied();
        if self.stopped || expected != Some(name) {
            let what = format!("the scenario is wrong: step {name:?} ran where {expected:?} was declared");
            return self.stop_at(name, Instant::now(), Failure::new(what));
        }
        self.reached += 1;
        self.run(name, work).await
    }

    /// Runs something between two steps that is no step of the scenario: a fault and the healing from it. It appears among the steps
    /// under its own name and stops the scenario like a step when it fails.
    ///
    /// # Errors
    /// [`Stop`] when it fails.
    pub async fn aside<T>(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, Stop> {
        self.run(name, work).await
    }

    async fn run<T>(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, Stop> {
        if let Some(watcher) = &self.watcher {
            watcher.began(name, self.reached, self.declared.len());
        }
        let began = Instant::now();
        match work.await {
            Ok((value, evidence)) => {
                self.push(name, Outcome::Passed, began.elapsed(), evidence);
                Ok(value)
            }
            Err(failure) => self.stop_at(name, began, failure),
        }
    }

    fn stop_at<T>(&mut self, name: &str, began: Instant, failure: Failure) -> Result<T, Stop> {
        self.stopped = true;
        self.push(name, Outcome::Failed, began.elapsed(), failure.to_string());
        Err(Stop(()))
    }

    fn push(&mut self, name: &str, outcome: Outcome, took: Duration, evidence: String) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let step = Step {
            name: name.to_owned(),
            outcome,
            took_ms,
            evidence: self.history.secrets().mask(&evidence),
        };
        if let Some(watcher) = &self.watcher {
            watcher.ended(&step);
        }
        self.history.add(Event::Step(step));
    }

    /// The scenario is over: those of its steps that were never reached go into the history too.
    pub fn end(self) {
        for name in self.declared.get(self.reached..).unwrap_or_default() {
            self.history.add(Event::Step(Step {
                name: (*name).to_owned(),
                outcome: Outcome::NotReached,
                took_ms: 0,
                evidence: String::new(),
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secrets;

    const DECLARED: &[&str] = &["one", "two", "three"];

    fn declared() -> Steps {
        Steps::new(DECLARED, History::in_memory(Secrets::default()))
    }

    fn report(steps: Steps) -> Vec<Step> {
        let history = steps.history.clone();
        steps.end();
        history.record().unwrap().steps().cloned().collect()
    }

    fn outcomes(steps: Steps) -> Vec<(String, Outcome)> {
        let steps = report(steps).into_iter();
        steps.map(|step| (step.name, step.outcome)).collect()
    }

    #[tokio::test]
    async fn what_a_step_has_seen_is_in_the_history_without_its_secrets() {
        let secrets = Secrets::default();
        secrets.add("password", "correct horse");
        let mut steps = Steps::new(DECLARED, History::in_memory(secrets));
        steps.step("one", async { seen("says correct horse") }).await.unwrap();
        assert_eq!(report(steps)[0].evidence, "says •••");
    }

    #[tokio::test]
    async fn steps_pass_in_their_declared_order_and_hand_on_what_they_found() {
        let mut steps = declared();
        let found = steps.step("one", async { Ok((7, "seven".to_owned())) }).await.unwrap();
        assert_eq!(found, 7);
        steps.step("two", async { seen("2") }).await.unwrap();
        steps.step("three", async { seen("3") }).await.unwrap();
        let report = report(steps);
        assert!(report.iter().all(|step| step.outcome == Outcome::Passed), "{report:?}");
        assert_eq!(report[0].evidence, "seven");
    }

    #[tokio::test]
    async fn what_comes_after_a_failed_step_is_not_reached() {
        let mut steps = declared();
        steps.step("one", async { seen("1") }).await.unwrap();
        let stop = steps.step::<()>("two", async { Err(Failure::new("no invite")) }).await;
        assert!(stop.is_err());
        assert_eq!(
            outcomes(steps),
            [
                ("one".to_owned(), Outcome::Passed),
                ("two".to_owned(), Outcome::Failed),
                ("three".to_owned(), Outcome::NotReached)
            ]
        );
    }

    #[tokio::test]
    async fn a_scenario_that_returns_early_has_not_reached_the_rest() {
        let mut steps = declared();
        steps.step("one", async { seen("1") }).await.unwrap();
        assert_eq!(
            outcomes(steps)[1..],
            [
                ("two".to_owned(), Outcome::NotReached),
                ("three".to_owned(), Outcome::NotReached)
            ]
        );
    }

    #[tokio::test]
    async fn a_step_out_of_its_order_fails() {
        let mut steps = declared();
        assert!(steps.step("two", async { seen("2") }).await.is_err());
        assert_eq!(outcomes(steps)[0], ("two".to_owned(), Outcome::Failed));
    }

    #[tokio::test]
    async fn a_step_after_a_failed_one_does_not_run() {
        let mut steps = declared();
        let _ = steps.step::<()>("one", async { Err(Failure::new("broken")) }).await;
        let mut ran = false;
        let after = steps
            .step("two", async {
                ran = true;
                seen("2")
            })
            .await;
        assert!(after.is_err());
        assert!(!ran);
    }

    #[tokio::test]
    async fn an_aside_stands_between_the_steps_and_stops_them_when_it_fails() {
        let mut steps = declared();
        steps.step("one", async { seen("1") }).await.unwrap();
        let _ = steps
            .aside::<()>("fault: device-deleted", async { Err(Failure::new("did not fire")) })
            .await;
        assert_eq!(
            outcomes(steps)[1..3],
            [
                ("fault: device-deleted".to_owned(), Outcome::Failed),
                ("two".to_owned(), Outcome::NotReached)
            ]
        );
    }
}
