//! Many drills side by side.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    thread,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    drill,
    homeserver::{Driver, Selection},
    plan::{Drill, Pace, Queue},
    process,
    progress::{DrillProgress, Progress},
    report::{Record, Verdict},
    suite::Suite,
};

/// Drills for each core that keep it busy, waiting for one another but little. More of them take more of it: each finds the caches full of
/// what another left there.
const WORKING: usize = 2;
/// Those for each core that mostly wait.
const WAITING: usize = 6;
/// The same beside real homeservers, which take so much of a machine that many make each other late: on two cores five are a third
/// faster than two.
const REAL_WORKING: usize = 1;
const REAL_WAITING_OF_TWO_CORES: usize = 3;
/// What a drill on a real homeserver takes of the memory: server, bot and the people's clients.
const REAL_KIB: u64 = 512 * 1024;

/// How many drills run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jobs {
    /// In all.
    pub all: usize,
    /// Of those, at most so many that work more than they wait.
    pub working: usize,
}

impl Jobs {
    /// So many, whatever they do.
    pub fn of_any_kind(all: usize) -> Self {
        Self { all, working: all }
    }

    /// As many as these homeservers bear on this machine.
    pub fn borne_by(drivers: impl IntoIterator<Item = Driver>) -> Self {
        let is_real = drivers.into_iter().any(|driver| driver != Driver::Embedded);
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        match is_real {
            true => Self::beside_real(cores, process::available_kib()),
            false => Self {
                all: (WORKING + WAITING) * cores,
                working: WORKING * cores,
            },
        }
    }

    /// On real homeservers, with so many cores and so much free memory. What is not known bounds nothing.
    fn beside_real(cores: usize, free_kib: Option<u64>) -> Self {
        let room = free_kib.map_or(usize::MAX, |free| {
            usize::try_from(free / REAL_KIB).unwrap_or(usize::MAX)
        });
        let working = REAL_WORKING * cores;
        let all = (working + REAL_WAITING_OF_TWO_CORES * cores / 2).min(room).max(1);
        Self {
            all,
            working: working.min(all),
        }
    }

    /// The next drill of a queue that may begin beside those that run.
    fn next(self, queue: &mut Queue, running: usize, waiting: usize) -> Option<(Pace, usize, Drill)> {
        if running == self.all {
            return None;
        }
        // Half of them at least may wait, as long as there are others that keep the cores busy meanwhile.
        let waits_first = waiting < (self.all - self.working).max(self.all / 2);
        let order = match waits_first {
            true => [Pace::Waits, Pace::Works],
            false => [Pace::Works, Pace::Waits],
        };
        let full = |pace| pace == Pace::Works && running - waiting == self.working;
        order
            .into_iter()
            .filter(|pace| !full(*pace))
            .find_map(|pace| queue.next(pace))
    }
}

/// What ends a run of drills before its plan.
#[derive(Clone, Debug, Default)]
pub struct Until {
    /// When it is cancelled, what runs is ended and nothing more begins.
    pub interrupted: CancellationToken,
    /// After the first drill that fails nothing more begins; what runs goes on to its end.
    pub first_failure: bool,
}

/// Why a drill did not run, or not to its end, when a signal ended the run.
pub const INTERRUPTED: &str = "interrupted";
/// The same where another one had failed.
const AFTER_FAILURE: &str = "another drill had failed (--fail-fast)";

/// Runs drills side by side, each on what was taken for its wish, and answers a record of each in the order of the plan: also of those that
/// were ended or never begun. Dropping the run ends them; one that panics has failed and takes no other with it.
pub fn run<'a>(
    suite: &'a Arc<Suite>,
    drills: Vec<Drill>,
    taken: impl Fn(&Drill) -> Selection + Send + Sync + 'a,
    jobs: Jobs,
    until: &'a Until,
    progress: &'a dyn Progress,
) -> BoxFuture<'a, Vec<Record>> {
    // In a box, for whoever awaits it: see lib.rs.
    Box::pin(ran(suite, drills, taken, jobs, until, progress))
}

async fn ran(
    suite: &Arc<Suite>,
    drills: Vec<Drill>,
    taken: impl Fn(&Drill) -> Selection,
    jobs: Jobs,
    until: &Until,
    progress: &dyn Progress,
) -> Vec<Record> {
    let plan = drills.clone();
    let mut queue = Queue::new(drills, |drill| suite.pace(drill));
    let mut running = JoinSet::new();
    let mut waiting = 0;
    let mut records = BTreeMap::new();
    let mut why = INTERRUPTED;
    let mut stopped = false;
    loop {
        while !stopped && let Some((pace, place, drill)) = jobs.next(&mut queue, running.len(), waiting) {
            waiting += usize::from(pace == Pace::Waits);
            let watcher = progress.began(&drill.name());
            let (suite, selection) = (suite.clone(), taken(&drill));
            running.spawn(async move {
                let record = one(&suite, &drill, &selection, watcher.clone()).await;
                watcher.done(&record);
                (pace, place, record)
            });
        }
        let ended = tokio::select! {
            biased;
            () = until.interrupted.cancelled() => break,
            ended = running.join_next() => ended,
        };
        let Some(ended) = ended else { break };
        match ended.map_err(JoinError::try_into_panic) {
            Ok((pace, place, record)) => {
                waiting -= usize::from(pace == Pace::Waits);
                if until.first_failure && matches!(record.verdict, Verdict::Failed { .. }) {
                    (stopped, why) = (true, AFTER_FAILURE);
                }
                records.insert(place, record);
            }
            // A drill's own panic is in its record: this is the display's.
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(cancelled)) => unreachable!("nobody ends a single drill: {cancelled}"),
        }
    }
    // What has ended meanwhile has run.
    while let Some(Ok((_, place, record))) = running.try_join_next() {
        records.insert(place, record);
    }
    // Each takes with it what it has started.
    running.shutdown().await;
    if until.interrupted.is_cancelled() {
        why = INTERRUPTED;
    }
    let not_run = |drill: &Drill| {
        let why = why.to_owned();
        suite.record(drill, Some(&taken(drill)), Verdict::NotRun { why })
    };
    let all = plan.iter().enumerate();
    all.map(|(place, drill)| records.remove(&place).unwrap_or_else(|| not_run(drill)))
        .collect()
}

/// Runs a single drill as [`run`] does each of its own: one that panics has failed, and takes nothing with it.
pub async fn one(suite: &Suite, drill: &Drill, selection: &Selection, watcher: Arc<dyn DrillProgress>) -> Record {
    let ran = AssertUnwindSafe(drill::run(suite, drill, selection, watcher))
        .catch_unwind()
        .await;
    ran.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        let why = format!("the drill itself panicked: {}", what.unwrap_or("no message"));
        suite.record(drill, Some(selection), Verdict::Failed { why })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drills of a queue, of which these wait, that begin side by side: whether they wait.
    fn begun(jobs: Jobs, drills: u64, waits: impl Fn(u64) -> bool) -> Vec<bool> {
        let drill = |seed| Drill {
            scenario: "smoke".to_owned(),
            earlier: Vec::new(),
            injection: None,
            homeserver: "embedded".to_owned(),
            seed,
            contract: None,
        };
        let mut queue = Queue::new((0..drills).map(drill).collect(), |drill| match waits(drill.seed) {
            true => Pace::Waits,
            false => Pace::Works,
        });
        let (mut begun, mut waiting) = (Vec::new(), 0);
        while let Some((pace, ..)) = jobs.next(&mut queue, begun.len(), waiting) {
            waiting += usize::from(pace == Pace::Waits);
            begun.push(pace == Pace::Waits);
        }
        begun
    }

    #[test]
    fn one_real_homeserver_makes_a_run_a_heavy_one() {
        let cores = thread::available_parallelism().unwrap().get();
        let light = Jobs {
            all: 8 * cores,
            working: 2 * cores,
        };
        assert_eq!(Jobs::borne_by([Driver::Embedded, Driver::Embedded]), light);
        assert!(Jobs::borne_by([Driver::Embedded, Driver::Container]).all < light.all);
    }

    #[test]
    fn real_homeservers_wait_side_by_side_as_far_as_cores_and_memory_go() {
        const GIB: u64 = 1024 * 1024;
        let jobs = |all, working| Jobs { all, working };
        assert_eq!(Jobs::beside_real(2, Some(20 * GIB)), jobs(5, 2));
        assert_eq!(Jobs::beside_real(8, Some(20 * GIB)), jobs(20, 8));
        assert_eq!(Jobs::beside_real(8, Some(2 * GIB)), jobs(4, 4));
        assert_eq!(Jobs::beside_real(1, Some(20 * GIB)), jobs(2, 1));
        assert_eq!(Jobs::beside_real(4, Some(GIB / 8)), jobs(1, 1));
        assert_eq!(Jobs::beside_real(2, None), jobs(5, 2));
    }

    #[test]
    fn few_work_and_more_wait_side_by_side() {
        let jobs = Jobs { all: 8, working: 2 };
        let mixed = begun(jobs, 40, |seed| seed % 2 == 0);
        assert_eq!(mixed.iter().filter(|waits| **waits).count(), 6);
        assert_eq!(mixed.len(), 8);
        assert_eq!(begun(jobs, 40, |_| false), [false; 2]);
        assert_eq!(begun(jobs, 40, |_| true), [true; 8]);
        assert_eq!(begun(jobs, 3, |seed| seed > 0), [true, true, false]);
    }

    #[test]
    fn as_many_as_are_wished_for_run_whatever_they_do() {
        for waits in [false, true] {
            assert_eq!(begun(Jobs::of_any_kind(3), 40, |_| waits), [waits; 3]);
        }
        assert_eq!(begun(Jobs::of_any_kind(2), 40, |seed| seed % 2 == 0), [true, false]);
    }
}
